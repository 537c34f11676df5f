"""One training run: data, options and network, in a fixed order of random draws."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from retroprop import data as datasets
from retroprop import nn, optim
from retroprop.core import rng
from retroprop.errors import ArgumentError, CheckpointError, unknown
from retroprop.interop import weights as files
from retroprop.interop.weights import write_atomically
from retroprop.train import models, outcome
from retroprop.train.callbacks import Callback, Checkpoint, EarlyStopping, LogFiles
from retroprop.train.config import resolve
from retroprop.train.progress import Progress
from retroprop.train.trainer import Trainer
from retroprop.version import __version__

__all__ = ["FILES", "Job", "loss_for", "read_json"]

FORMAT = 1
FILES = (
    "config.json", "preprocess.json", "log.jsonl", "metrics.csv", "weights.safetensors",
    "last.safetensors", "learning_curve.svg", "report.html", "result.json",
)  # fmt: skip


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a run folder.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(
            f"{path.parent} is no run folder: it has no {path.name}",
            fix="give the folder that `retroprop train` named at its end",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is damaged: it holds no JSON object")
    return content


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def loss_for(task: str, options: dict[str, Any]) -> Any:
    """What a run of a task minimises."""
    if task == "regression":
        return "mse"
    return nn.CrossEntropyLoss(label_smoothing=options["label_smoothing"])


class Job:
    """Everything one run needs: the split, what is learned about the inputs, the network.

    Args:
        data:      what `data.load` returned.
        overrides: options by name.
        folder:    where the run goes; nothing is written before `begin`.
        asked:     source (a path, or what to call the data), target and task as they were given.

    Raises:
        ArgumentError: options that are unknown or do not fit the data.
    """

    def __init__(
        self, data: Any, overrides: dict[str, Any], folder: Path, asked: dict[str, Any]
    ) -> None:
        self.data, self.folder, self.asked = data, folder, asked
        self.options = resolve(data.kind, len(data.y_train), overrides)
        self._split()
        outputs = len(data.class_names) or self.y_train.shape[1]
        self.description = models.describe(self.options, self.preprocessor.input_shape, outputs)
        rng.manual_seed(self.options["seed"])
        self.model: nn.Module = models.build(self.description)
        self.class_weight = self._class_weight()

    def _split(self) -> None:
        """Hold out the validation part, and learn the preprocessing on what remains."""
        data, share = self.data, self.options["validation"]
        x, y, x_val, y_val = data.x_train, data.y_train, data.x_val, data.y_val
        if share and x_val is None:
            x, y, x_val, y_val = data.hold_out(share, self.options["seed"])
        self.preprocessor = data.preprocessor().fit(x, y)
        data.target = self.preprocessor.target
        self.x_train, self.y_train = self.preprocessor.transform(x), self._targets(y)
        self.held_out = None
        if x_val is not None:
            self.held_out = (self.preprocessor.transform(x_val), self._targets(y_val))

    def _targets(self, y: Any) -> Any:
        ready = self.preprocessor.transform_target(y)
        return ready.reshape(len(ready), -1) if self.data.task == "regression" else ready

    def _class_weight(self) -> dict[int, float] | None:
        """Weights that make every class count the same in all, when asked for."""
        choice = self.options["class_weight"]
        if choice == "none":
            return None
        if choice != "balanced":
            raise unknown("class_weight", choice, ("none", "balanced"))
        if self.data.task != "classification":
            raise ArgumentError("class_weight=balanced needs classes; this is a regression")
        counts = np.bincount(self.y_train, minlength=len(self.data.class_names))
        mean = counts.sum() / len(counts)
        return {k: mean / count if count else 0.0 for k, count in enumerate(counts.tolist())}

    def trainer(self, *, health: bool | int = True) -> Trainer:
        """Model, loss, optimizer with its schedule, and everyone who listens."""
        options = self.options
        steps = math.ceil(len(self.x_train) / options["batch_size"]) * options["epochs"]
        groups = optim.decay_groups(self.model, options["weight_decay"])
        rate = _schedule(options["schedule"], options["lr"], steps)
        optimizer = _maker(options["optimizer"])(groups, lr=rate)
        keep = "last" if self.held_out is None else "best"
        listeners: list[Callback] = [Checkpoint(self.folder, keep=keep), LogFiles(self.folder)]
        if options["patience"]:
            listeners.append(EarlyStopping(patience=options["patience"]))
        return Trainer(
            self.model,
            loss=loss_for(self.data.task, options),
            optimizer=optimizer,
            metrics=["accuracy" if self.data.task == "classification" else "r2"],
            callbacks=listeners,
            clip_grad_norm=options["clip_grad_norm"],
            accumulate=options["accumulate"],
            augment=_augmentation(options["augment"], self.data.kind),
            ema=optim.EMA(self.model, options["ema"], warmup=True) if options["ema"] else None,
            seed=options["seed"],
            nonfinite=options["nonfinite"],
            health=health,
        )

    def begin(self) -> None:
        """Write what is known before training; an earlier run in the folder is replaced."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in FILES:
                (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise ArgumentError(
                f"cannot write to {self.folder}: {error.strerror or error}",
                fix="choose another --out",
            ) from None
        write_atomically(self.folder / "preprocess.json", _json(self.preprocessor.to_dict()))
        self._write_config()

    def go_on(self, trainer: Trainer) -> None:
        """Put the trainer where an interrupted run was left.

        Raises:
            CheckpointError: no state in the folder, or one of other data or another network.
        """
        was = read_json(self.folder / "preprocess.json")
        if was != json.loads(json.dumps(self.preprocessor.to_dict())):
            raise CheckpointError(
                f"{self.folder} was trained on other data than {self.asked['source']}",
                fix="resume with the same data, seed and split; or start anew with --out",
            )
        trainer.resume(self.folder / "last.safetensors")
        if not trainer.step:  # killed before the first state was written: its logs begin anew too
            for name in ("log.jsonl", "metrics.csv"):
                (self.folder / name).unlink(missing_ok=True)
        self._write_config()

    def _config(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "retroprop": __version__,
            "asked": self.asked,
            "task": self.data.task,
            "target": self.data.target.name,
            "options": self.options,
            "model": self.description,
        }

    def _write_config(self) -> None:
        write_atomically(self.folder / "config.json", _json(self._config()))

    def fit(self, trainer: Trainer, progress: bool) -> None:
        """Train, then take the weights that were kept."""
        self.run(trainer, progress)
        self.model.load_state_dict(files.load(self.folder / "weights.safetensors"))

    def run(self, trainer: Trainer, progress: bool) -> None:
        """Train on the data of the job, with its options."""
        trainer.fit(
            self.x_train,
            self.y_train,
            epochs=self.options["epochs"],
            batch_size=self.options["batch_size"],
            validation_data=self.held_out,
            class_weight=self.class_weight,
            progress=Progress(enabled=progress),
        )

    def finish(self, trainer: Trainer, began: float) -> dict[str, Any]:
        """Measure the kept weights on the test part, write result and report."""
        data = self.data
        judge = Trainer(self.model, loss=loss_for(data.task, self.options), optimizer="sgd")
        inputs = self.preprocessor.transform(data.x_test)
        measured, outputs = outcome.scores(judge, data.target, inputs, data.y_test)
        best = outcome.best_epoch(trainer.history)
        record = trainer.history[best - 1]
        result = {
            "task": data.task,
            "run": str(self.folder),
            "epochs": trainer.epoch,
            "best_epoch": best,
            "seconds": time.perf_counter() - began,
            "parameters": self._parameters(),
            "train_examples": len(self.x_train),
            "validation_examples": len(self.held_out[1]) if self.held_out else 0,
            "test_examples": len(data.y_test),
            "train_loss": record["loss"],
            **({"validation_loss": record["val_loss"]} if self.held_out else {}),
            **measured,
        }
        write_atomically(self.folder / "result.json", _json(result))
        outcome.report(self.folder, data, self._config(), trainer, outputs, result)
        return result

    def _parameters(self) -> int:
        return sum(parameter.size for parameter in self.model.parameters())

    def headline(self) -> str:
        """What is about to happen, in one line."""
        data = self.data
        goal = f"{len(data.class_names)} classes" if data.class_names else f'"{data.target.name}"'
        held = "none to validate (validation=0.1 changes that), "
        if self.held_out is not None:
            held = f"{len(self.held_out[1])} to validate, "
        return (
            f"{data.task} of {goal}: {len(self.x_train)} examples to train, "
            f"{held}{len(data.y_test)} to test; "
            f"{self.description['model']} with {self._parameters():,} parameters"
        )


_WHOLE_DATA = ("lbfgs", "rprop")  # they compare gradients of the same data


def _maker(name: str) -> Any:
    if name in _WHOLE_DATA:
        raise ArgumentError(
            f"optimizer={name} needs all data in every step; a run trains on batches",
            fix="choose one of " + ", ".join(n for n in optim.names() if n not in _WHOLE_DATA),
        )
    return optim.get(name)


_SCHEDULES: dict[str, Callable[[float, int], Any]] = {
    "constant": lambda lr, steps: lr,
    "cosine": lambda lr, steps: optim.schedule.cosine(lr, steps),
    "one_cycle": lambda lr, steps: optim.schedule.one_cycle(lr, max(2, steps)),
}


def _schedule(name: str, lr: float, steps: int) -> Any:
    if name not in _SCHEDULES:
        raise unknown("schedule", name, _SCHEDULES)
    return _SCHEDULES[name](lr, steps)


def _augmentation(name: str, kind: str) -> Any:
    if name not in ("none", "shift", "flip"):
        raise unknown("augment", name, ("none", "shift", "flip"))
    if name == "none":
        return None
    if kind != "images":
        raise ArgumentError(f"augment={name} is for images; this is {kind}")
    parts = [datasets.Crop(padding=2)] + ([datasets.Flip()] if name == "flip" else [])
    return datasets.Compose(parts)

"""One training run: a task with its data, options and network, in a fixed order of random draws."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retroprop import nn, optim
from retroprop.core import rng
from retroprop.data.dataset import length
from retroprop.errors import ArgumentError, CheckpointError, unknown
from retroprop.interop import weights as files
from retroprop.interop.weights import write_atomically
from retroprop.tasks import outcome
from retroprop.tasks.options import resolve
from retroprop.tasks.task import Task
from retroprop.train.callbacks import Callback, Checkpoint, EarlyStopping, LogFiles
from retroprop.train.progress import Progress
from retroprop.train.trainer import Trainer
from retroprop.version import __version__

__all__ = ["FILES", "Job", "read_config", "read_json"]

FORMAT = 2
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


def read_config(path: Path) -> dict[str, Any]:
    """The `config.json` of a run.

    Raises:
        CheckpointError: as `read_json`, and for a run of another version.
    """
    content = read_json(path)
    if content.get("format", FORMAT) != FORMAT:
        raise CheckpointError(
            f"{path.parent} was made by retroprop {content.get('retroprop')}, in another format",
            fix="train anew, or use that version",
        )
    return content


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


class Job:
    """Everything one run needs: the split, what is learned about the inputs, the network.

    Args:
        kind:   the task.
        data:   what its `read` returned.
        given:  options by name, as far as they were given.
        folder: where the run goes; nothing is written before `begin`.
        asked:  source (a path, or what to call the data), target and task as they were given.

    Attributes:
        task:    the task with its options, after it learned from the training part.
        parts:   the raw parts of the data.
        x_train, y_train: network inputs and targets; `held_out` the pair of the validation part.
        model:   the network.

    Raises:
        ArgumentError: options that are unknown or do not fit the data.
    """

    def __init__(
        self,
        kind: type[Task],
        data: Any,
        given: dict[str, Any],
        folder: Path,
        asked: dict[str, Any],
    ) -> None:
        self.data, self.folder, self.asked = data, folder, asked
        self.options = resolve(kind, data, given)
        self.task = kind(self.options)
        self.parts = self.task.split(data)
        self.task.learn(self.parts.train)
        train = self.task.examples(self.parts.train)
        self.x_train, self.y_train = train.x, train.y
        self.held_out = None
        if self.parts.validation is not None:
            held = self.task.examples(self.parts.validation)
            self.held_out = (held.x, held.y)
        rng.manual_seed(self.options["seed"])
        self.model: nn.Module = self.task.build()
        self.class_weight = self.task.class_weight(train)

    @property
    def steps(self) -> int:
        """Of the whole training."""
        batches = math.ceil(length(self.x_train) / self.options["batch_size"])
        return int(batches * self.options["epochs"])

    def trainer(self, *, health: bool | int = True) -> Trainer:
        """Model, loss, optimizer with its schedule, and everyone who listens."""
        options = self.options
        groups = optim.decay_groups(self.model, options["weight_decay"])
        rate = _schedule(options["schedule"], options["lr"], self.steps)
        optimizer = _maker(options["optimizer"])(groups, lr=rate)
        keep = "last" if self.held_out is None else self.task.keep
        listeners: list[Callback] = [Checkpoint(self.folder, keep=keep), LogFiles(self.folder)]
        if options["patience"]:
            listeners.append(EarlyStopping(patience=options["patience"]))
        return Trainer(
            self.model,
            loss=self.task.loss(),
            optimizer=optimizer,
            metrics=self.task.metrics(),
            callbacks=listeners,
            clip_grad_norm=options["clip_grad_norm"],
            accumulate=options["accumulate"],
            augment=self.task.augment(),
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
        write_atomically(self.folder / "preprocess.json", _json(self.task.to_dict()))
        self._write_config()

    def go_on(self, trainer: Trainer) -> None:
        """Put the trainer where an interrupted run was left.

        Raises:
            CheckpointError: no state in the folder, or one of other data or another network.
        """
        self._same_data()
        trainer.resume(self.folder / "last.safetensors")
        if not trainer.step:  # killed before the first state was written: its logs begin anew too
            for name in ("log.jsonl", "metrics.csv"):
                (self.folder / name).unlink(missing_ok=True)
        self._write_config()

    def _same_data(self) -> None:
        was = read_json(self.folder / "preprocess.json")
        was.pop("settled", None)  # it is chosen anew
        if was != json.loads(json.dumps(self.task.to_dict())):
            raise CheckpointError(
                f"{self.folder} was trained on other data than {self.asked['source']}",
                fix="resume with the same data, seed and split; or start anew with --out",
            )

    def _config(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "retroprop": __version__,
            "asked": self.asked,
            "task": self.task.name,
            "options": self.options,
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
        judge = Trainer(self.model, loss=self.task.loss(), optimizer="sgd")
        self.task.settled = self.task.settle(judge, self.parts)
        if self.task.settled:
            judge.save_weights(self.folder / "weights.safetensors")
            record = {**self.task.to_dict(), "settled": self.task.settled}
            write_atomically(self.folder / "preprocess.json", _json(record))
        measured, seen = self.task.measure(judge, self.parts.test)
        best = trainer.epoch
        if self.task.keep == "best":
            best = outcome.best_epoch(trainer.history)
        epoch = trainer.history[best - 1]
        held = self.parts.validation
        result = {
            "task": self.task.name,
            "run": str(self.folder),
            "epochs": trainer.epoch,
            "best_epoch": best,
            "seconds": time.perf_counter() - began,
            "parameters": sum(parameter.size for parameter in self.model.parameters()),
            "train_examples": len(self.parts.train),
            "validation_examples": 0 if held is None else len(held),
            "test_examples": len(self.parts.test),
            "train_loss": epoch["loss"],
            **({} if held is None else {"validation_loss": epoch["val_loss"]}),
            **{f"test_{name}": value for name, value in measured.items()},
        }
        write_atomically(self.folder / "result.json", _json(result))
        outcome.report(self, trainer, seen, result)
        return result

    def headline(self) -> str:
        """What is about to happen, in one line."""
        held = "none to validate (validation=0.1 changes that), "
        if self.parts.validation is not None:
            held = f"{len(self.parts.validation)} to validate, "
        count = sum(parameter.size for parameter in self.model.parameters())
        network = self.options.get("model") or "network"
        return (
            f"{self.task.headline()}: {len(self.parts.train)} examples to train, "
            f"{held}{len(self.parts.test)} to test; {network} with {count:,} parameters"
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

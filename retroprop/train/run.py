"""Run folders: a model trained on a data set by one call, and used again later.

    runs/<name>/
      config.json          resolved options, data, model description, version
      preprocess.json      what was learned about the inputs and the target on the training part
      log.jsonl            one line per event          metrics.csv   one row per epoch
      weights.safetensors  the best epoch's weights    last.safetensors   the whole state, to resume
      learning_curve.svg   loss and score over epochs  report.html   everything on one page
      result.json          the final numbers
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
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

__all__ = ["Run", "new_folder", "train"]

Say = Callable[[str], None]
FORMAT = 1


def new_folder(source: str, out: str | None, *, force: bool = False, base: str = "runs") -> Path:
    """The folder of a new run: `out`, or the next free number under `runs/`.

    Raises:
        ArgumentError: it exists and is not empty, and `force` was not given.
    """
    if out is None:
        stem = Path(source).name.split(".")[0] or "run"
        numbers = (f"{stem}-{i:03d}" for i in _count())
        return next(Path(base, name) for name in numbers if not Path(base, name).exists())
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ArgumentError(f"{folder} is a file", fix="choose another --out")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise ArgumentError(
                f"{folder} exists and is not empty",
                fix="choose another --out, continue it with --resume, or replace it with --force",
            )
        if not (folder / "config.json").exists():
            raise ArgumentError(f"{folder} is no run folder; --force only replaces run folders")
        shutil.rmtree(folder)
    return folder


def _count() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


class Run:
    """A trained model in its folder: network, preprocessing, options.

    Args:
        folder: a run folder.

    Raises:
        CheckpointError: it is none, or its files are damaged.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.config = _read_json(self.folder / "config.json")
        self.preprocessor = datasets.preprocessor_from_dict(
            _read_json(self.folder / "preprocess.json")
        )
        try:
            self.model: nn.Module = models.build(self.config["model"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{self.folder}: config.json is damaged: {error!r}") from None

    @property
    def task(self) -> str:
        """ "classification" or "regression"."""
        return str(self.preprocessor.target.task)

    def load_weights(self) -> Run:
        """Read the best weights."""
        self.model.load_state_dict(files.load(self.folder / "weights.safetensors"))
        self.model.eval()
        return self

    def trainer(self) -> Trainer:
        """A Trainer around the model, for evaluating and predicting."""
        return Trainer(self.model, loss=_loss(self.task, self.config["options"]), optimizer="sgd")

    def predict(self, source: Any) -> dict[str, Any]:
        """Predictions for new data: `ids`, `prediction`, and `probability` for classes."""
        inputs = datasets.read_inputs(source, self.preprocessor)
        return {
            "ids": list(inputs.ids),
            "notes": inputs.notes,
            **outcome.predictions(
                self.preprocessor.target,
                self.trainer().predict(self.preprocessor.transform(inputs.x)),
            ),
        }

    def evaluate(self, source: Any) -> dict[str, Any]:
        """Loss and scores on data that has the target."""
        inputs = datasets.read_inputs(source, self.preprocessor, with_target=True)
        ready = self.preprocessor.transform(inputs.x)
        scores, _ = outcome.scores(self.trainer(), self.preprocessor.target, ready, inputs.y)
        return {"task": self.task, "run": str(self.folder), "examples": len(inputs), **scores}


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path.parent} is no run folder: it has no {path.name}",
            fix="give the folder that `retroprop train` named at its end",
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None


def _write_json(path: Path, content: Any) -> None:
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def _loss(task: str, options: dict[str, Any]) -> Any:
    if task == "regression":
        return "mse"
    return nn.CrossEntropyLoss(label_smoothing=options["label_smoothing"])


def train(
    source: Any,
    overrides: dict[str, Any] | None = None,
    *,
    target: str | None = None,
    task: str | None = None,
    folder: Path | None = None,
    resume: bool = False,
    progress: bool = True,
    say: Say = print,
) -> dict[str, Any]:
    """Train a model for a data set and leave a run folder behind.

    Args:
        source:    a path (CSV, npz, folder of images), a frame, or arrays; see `data.load`.
        overrides: options by name; see `train.config.OPTIONS`.
        target:    the column to predict, for tables.
        task:      "classification" or "regression"; decided from the target when None.
        folder:    where the run goes; `runs/<name>-001` when None.
        resume:    continue the run in `folder`.
        progress:  show progress.
        say:       where lines for people go.

    Returns:
        The final numbers, as in `result.json`.

    Raises:
        DivergedError:     the loss is not finite; the last good state is in the folder.
        KeyboardInterrupt: after Ctrl-C; the state is in the folder.
    """
    began = time.perf_counter()
    overrides = dict(overrides or {})
    if resume:
        assert folder is not None
        overrides = {**_read_json(folder / "config.json")["options"], **overrides}
    loaded = _load(source, overrides, target, task)
    for note in loaded.notes:
        say(f"  {note}")
    folder = folder or new_folder(str(source) if isinstance(source, str | Path) else "run", None)
    job = _Job(loaded, overrides, folder, source)
    job.write()
    trainer = job.trainer()
    if resume:
        trainer.resume(folder / "last.safetensors")
        say(f"continuing after epoch {trainer.epoch}")
    say(job.headline())
    trainer.fit(
        job.x_train,
        job.y_train,
        epochs=job.options["epochs"],
        batch_size=job.options["batch_size"],
        validation_data=(job.x_val, job.y_val),
        class_weight=job.class_weight(),
        progress=Progress(enabled=progress),
    )
    job.run.load_weights()
    return job.finish(trainer, began)


def _load(source: Any, overrides: dict[str, Any], target: str | None, task: str | None) -> Any:
    options: dict[str, Any] = {
        name: overrides[name]
        for name in ("limit", "test_fraction", "seed", "image_size")
        if overrides.get(name) is not None
    }
    return datasets.load(source, target, task=task, **options)


class _Job:
    """Everything one training run needs, made in the order that reproducibility wants."""

    def __init__(
        self, data: Any, overrides: dict[str, Any], folder: Path, source: Any
    ) -> None:
        self.data, self.folder, self.source = data, folder, source
        self.options = resolve(data.kind, len(data.y_train), overrides)
        rng.manual_seed(self.options["seed"])
        parts = data.hold_out(self.options["validation"], self.options["seed"])
        raw_train, y_train, raw_val, y_val = parts
        self.preprocessor = data.preprocessor().fit(raw_train, y_train)
        self.x_train, self.x_val = map(self.preprocessor.transform, (raw_train, raw_val))
        self.y_train, self.y_val = map(self._target, (y_train, y_val))
        outputs = len(data.class_names) if data.task == "classification" else self._columns()
        self.description = models.describe(
            self.options, self.preprocessor.input_shape, outputs
        )

    def _target(self, y: Any) -> Any:
        ready = self.preprocessor.transform_target(y)
        return ready.reshape(len(ready), -1) if self.data.task == "regression" else ready

    def _columns(self) -> int:
        return int(self.y_train.shape[1])

    def write(self) -> None:
        """Make the folder and write what `Run` reads."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = {
            "format": FORMAT,
            "retroprop": __version__,
            "source": str(self.source) if isinstance(self.source, str | Path) else "arrays",
            "task": self.data.task,
            "target": self.data.target.name,
            "options": self.options,
            "model": self.description,
        }
        _write_json(self.folder / "config.json", config)
        _write_json(self.folder / "preprocess.json", self.preprocessor.to_dict())
        self.run = Run(self.folder)
        rng.manual_seed(self.options["seed"])
        self.run.model = models.build(self.description)

    def trainer(self) -> Trainer:
        """Model, loss, optimizer with its schedule, and everyone who listens."""
        options, model = self.options, self.run.model
        steps = math.ceil(len(self.x_train) / options["batch_size"]) * options["epochs"]
        groups = optim.decay_groups(model, options["weight_decay"])
        maker = optim.get(options["optimizer"])
        optimizer = maker(groups, lr=_schedule(options["schedule"], options["lr"], steps))
        score = "accuracy" if self.data.task == "classification" else "r2"
        listeners: list[Callback] = [Checkpoint(self.folder), LogFiles(self.folder)]
        if options["patience"]:
            listeners.append(EarlyStopping(patience=options["patience"]))
        return Trainer(
            model,
            loss=_loss(self.data.task, options),
            optimizer=optimizer,
            metrics=[score],
            callbacks=listeners,
            clip_grad_norm=options["clip_grad_norm"],
            accumulate=options["accumulate"],
            augment=_augmentation(options["augment"], self.data.kind),
            ema=optim.EMA(model, options["ema"]) if options["ema"] else None,
            seed=options["seed"],
        )

    def class_weight(self) -> dict[int, float] | None:
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

    def finish(self, trainer: Trainer, began: float) -> dict[str, Any]:
        """Measure the best weights on the test part, write report and result."""
        data, inputs = self.data, self.preprocessor.transform(self.data.x_test)
        measured, outputs = outcome.scores(
            self.run.trainer(), self.preprocessor.target, inputs, data.y_test
        )
        best = outcome.best_epoch(trainer.history)
        result = {
            "task": data.task,
            "run": str(self.folder),
            "epochs": trainer.epoch,
            "best_epoch": best,
            "seconds": time.perf_counter() - began,
            "parameters": sum(p.size for p in self.run.model.parameters()),
            "train_examples": len(self.x_train),
            "validation_examples": len(self.x_val),
            "test_examples": len(data.y_test),
            "train_loss": trainer.history[best - 1]["loss"],
            "validation_loss": trainer.history[best - 1]["val_loss"],
            **measured,
        }
        data.target = self.preprocessor.target
        outcome.report(self.folder, data, self.run.config, trainer, outputs, result)
        _write_json(self.folder / "result.json", result)
        return result

    def headline(self) -> str:
        """What is about to happen, in one line."""
        count = sum(p.size for p in self.run.model.parameters())
        data = self.data
        goal = (
            f"{len(data.class_names)} classes" if data.task == "classification" else data.target.name
        )
        return (
            f"{data.task} of {goal}: {len(self.x_train)} examples to train, "
            f"{len(self.x_val)} to validate, {len(data.y_test)} to test; "
            f"{self.description['model']} with {count:,} parameters"
        )


_SCHEDULES: dict[str, Callable[[float, int], Any]] = {
    "constant": lambda lr, steps: lr,
    "cosine": lambda lr, steps: optim.schedule.cosine(lr, steps),
    "one_cycle": lambda lr, steps: optim.schedule.one_cycle(lr, steps),
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

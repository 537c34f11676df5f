"""Run folders: a model trained on a data set by one call, and used again later.

runs/<name>/
  config.json          resolved options, data, model description, version
  preprocess.json      what was learned about the inputs and the target on the training part
  log.jsonl            one line per event          metrics.csv   one row per epoch
  weights.safetensors  the weights that were kept  last.safetensors   the whole state, to resume
  learning_curve.svg   loss and score over epochs  report.html   everything on one page
  result.json          the final numbers
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retroprop import data as datasets
from retroprop import nn
from retroprop.errors import ArgumentError, CheckpointError, RetropropError
from retroprop.interop import weights as files
from retroprop.train import config, models, outcome
from retroprop.train.job import Job, loss_for, read_json
from retroprop.train.trainer import Trainer

__all__ = ["Run", "load_source", "new_folder", "train"]

Say = Callable[[str], None]


def new_folder(source: str, out: str | None, *, force: bool = False, base: str = "runs") -> Path:
    """The folder of a new run: `out`, or the next free number under `runs/`.

    The numbered folder is made at once, so that runs that begin together never share one; `out` is
    not made yet.

    Raises:
        ArgumentError: it exists and is not empty, and `force` was not given; or it cannot be made.
    """
    if out is None:
        return _claimed(Path(base), Path(source).name.split(".")[0] or "run")
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
    return folder


def _claimed(base: Path, stem: str) -> Path:
    """The first numbered folder that this process, and no other, could make."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            try:
                folder = base / f"{stem}-{number:03d}"
                folder.mkdir()
                break
            except FileExistsError:
                continue
    except OSError as error:
        raise ArgumentError(
            f"cannot make a folder in {base}: {error.strerror or error}",
            fix="choose another place with --out",
        ) from None
    return folder


class Run:
    """A trained model in its folder: network, preprocessing, options.

    Args:
        folder: a run folder.

    Raises:
        CheckpointError: it is none, or its files are damaged.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.config = read_json(self.folder / "config.json")
        record = read_json(self.folder / "preprocess.json")
        try:
            self.preprocessor = datasets.preprocessor_from_dict(record)
        except (RetropropError, AttributeError, LookupError, TypeError, ValueError) as error:
            why = error.what if isinstance(error, RetropropError) else repr(error)
            damage = f"{self.folder}: preprocess.json is damaged: {why}"
            raise CheckpointError(damage) from None
        try:
            self.model: nn.Module = models.build(self.config["model"])
            self._loss = loss_for(self.task, self.config["options"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{self.folder}: config.json is damaged: {error!r}") from None

    @property
    def task(self) -> str:
        """The kind of prediction: "classification" or "regression"."""
        return str(self.preprocessor.target.task)

    @contextmanager
    def _sound(self) -> Iterator[None]:
        """Around what relies on the folder's files: they may have been edited."""
        try:
            yield
        except RetropropError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{self.folder}: config.json and preprocess.json do not fit together: {error!r}",
                fix="if nobody changed them, please report it; else take an earlier copy",
            ) from error

    def load_weights(self) -> Run:
        """Read the weights that were kept."""
        self.model.load_state_dict(files.load(self.folder / "weights.safetensors"))
        self.model.eval()
        return self

    def trainer(self) -> Trainer:
        """A Trainer around the model, for evaluating and predicting."""
        return Trainer(self.model, loss=self._loss, optimizer="sgd")

    def predict(self, source: Any) -> dict[str, Any]:
        """Predictions for new data: `ids`, `prediction`, and `probability` for classes."""
        with self._sound():
            inputs = datasets.read_inputs(source, self.preprocessor)
            outputs = self.trainer().predict(self.preprocessor.transform(inputs.x))
            answer = outcome.predictions(self.preprocessor.target, outputs)
        return {"ids": list(inputs.ids), "notes": inputs.notes, **answer}

    def evaluate(self, source: Any) -> dict[str, Any]:
        """Loss and scores on data that has the target."""
        with self._sound():
            inputs = datasets.read_inputs(source, self.preprocessor, with_target=True)
            ready = self.preprocessor.transform(inputs.x)
            scores, _ = outcome.scores(self.trainer(), self.preprocessor.target, ready, inputs.y)
        return {"task": self.task, "run": str(self.folder), "examples": len(inputs), **scores}


def train(
    source: Any,
    overrides: dict[str, Any] | None = None,
    *,
    target: str | None = None,
    task: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
    say: Say = print,
) -> dict[str, Any]:
    """Train a model for a data set and leave a run folder behind.

    Args:
        source:    a path (CSV, npz, folder of images), a frame, or arrays; see `data.load`. None
                   when resuming: the path that the run was begun with.
        overrides: options by name; see `train.config.OPTIONS`.
        target:    the column to predict, for tables.
        task:      "classification" or "regression"; decided from the target when None.
        folder:    where the run goes, replacing a run in it; `runs/<name>-001` when None.
        resume:    continue the run in `folder`.
        progress:  show progress.
        say:       where lines for people go.

    Returns:
        The final numbers, as in `result.json`.

    Raises:
        ArgumentError:     an option that is unknown, out of range, or does not fit the data.
        DataError:         data that cannot be used; names file, row and column.
        DivergedError:     the loss is not finite; the last good state is in the folder.
        KeyboardInterrupt: after Ctrl-C; the state is in the folder.

    Example:
        >>> import tempfile
        >>> table = {"a": [k / 10 for k in range(40)], "b": [k / 5 for k in range(40)]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result = train(
        ...         table, {"epochs": 2}, target="b", folder=folder, progress=False, say=str
        ...     )
        >>> result["task"], result["epochs"], result["test_examples"]
        ('regression', 2, 8)
    """
    began = time.perf_counter()
    overrides = config.checked(overrides or {})
    if resume:
        if folder is None:
            raise ArgumentError("resume needs the folder of the run that is to be continued")
        source, target, task, overrides = _continued(Path(folder), source, target, task, overrides)
    path = isinstance(source, str | os.PathLike)
    asked: dict[str, Any] = {
        "source": os.fspath(source) if path else type(source).__name__,
        "target": target,
        "task": task,
    }
    loaded = load_source(source, overrides, target, task)
    for note in loaded.notes:
        say(f"  {note}")
    folder = Path(folder or new_folder(asked["source"] if path else "run", None))
    job = Job(loaded, overrides, folder, asked)
    trainer = job.trainer()
    if resume:
        job.go_on(trainer)
        say(f"continuing after epoch {trainer.epoch}")
    else:
        job.begin()
    say(job.headline())
    job.fit(trainer, progress)
    return job.finish(trainer, began)


def _continued(
    folder: Path, source: Any, target: str | None, task: str | None, overrides: dict[str, Any]
) -> tuple[Any, str | None, str | None, dict[str, Any]]:
    """What a run was begun with, wherever nothing else is given."""
    begun = read_json(folder / "config.json")
    try:
        options, asked = config.checked(begun["options"]), begun["asked"]
        source = asked["source"] if source is None else source
        target, task = target or asked["target"], task or asked["task"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder}: config.json is damaged: {error}") from None
    return source, target, task, {**options, **overrides}


def load_source(
    source: Any, overrides: dict[str, Any], target: str | None = None, task: str | None = None
) -> Any:
    """The data of a run, as far as its options say how to read it."""
    if overrides.get("image_size") is not None and not os.path.isdir(_path_or_empty(source)):
        raise ArgumentError("image_size is for folders of images; this data has its own shape")
    options: dict[str, Any] = {
        name: overrides[name]
        for name in ("limit", "test_fraction", "seed", "image_size")
        if overrides.get(name) is not None
    }
    return datasets.load(source, target, task=task, **options)


def _path_or_empty(source: Any) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else ""

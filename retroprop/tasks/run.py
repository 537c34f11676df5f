"""Run folders: a model trained on a data set by one call, and used again later.

runs/<name>/
  config.json          task, resolved options, data, version
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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retroprop import nn
from retroprop.errors import ArgumentError, CheckpointError, RetropropError
from retroprop.interop import weights as files
from retroprop.tasks import outcome
from retroprop.tasks.job import read_config, read_json
from retroprop.tasks.options import checked
from retroprop.tasks.plan import Chosen, Say, called, plan
from retroprop.tasks.registry import get
from retroprop.train.trainer import Trainer

__all__ = ["Run", "new_folder", "train"]


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
    """A trained model in its folder: task, network, options.

    Args:
        folder: a run folder.

    Attributes:
        task:  the task, with what it learned about the data.
        model: the network; `load_weights` gives it the weights that were kept.

    Raises:
        CheckpointError: it is none, or its files are damaged.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.config = read_config(self.folder / "config.json")
        record = read_json(self.folder / "preprocess.json")
        try:
            self.task = get(self.config["task"])(self.config["options"])
            self.task.settled = record.pop("settled", {})
            self.task.folder = self.folder
            self.task.restore(record)
            self.model: nn.Module = self.task.build()
            self._loss = self.task.loss()
        except CheckpointError as error:
            raise CheckpointError(f"{self.folder}: {error.what}") from None
        except (ArgumentError, AttributeError, LookupError, TypeError, ValueError) as error:
            why = error.what if isinstance(error, RetropropError) else repr(error)
            raise CheckpointError(f"{self.folder}: config.json is damaged: {why}") from None

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

    def predict(self, source: Any, **options: Any) -> dict[str, Any]:
        """Predictions for new data: `ids`, `notes`, and the columns of the task.

        Args:
            source:  as for `train`; no target needed.
            options: what the task can be told, such as `horizon=24`; see `Task.PREDICT`.
        """
        table = self.task.PREDICT
        values = {name: option.default for name, option in table.items()}
        values |= checked(table, options)
        with self._sound():
            part = self.task.open(source)
            answer = self.task.predict(self.trainer(), part, values)
        return {"ids": list(part.ids), "notes": part.notes, **answer}

    def evaluate(self, source: Any) -> dict[str, Any]:
        """Scores on data that has the target."""
        part, (scores, _) = self._measured(source)
        return self._scored(part, scores)

    def report(self, source: Any, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Scores on data that has the target, and a page that shows how they come about."""
        part, measured = self._measured(source)
        outcome.report_on(self, called(source)[1], part, measured, Path(path))
        return {**self._scored(part, measured[0]), "report": str(path)}

    def _measured(self, source: Any) -> tuple[Any, Any]:
        with self._sound():
            part = self.task.open(source, with_target=True)
            return part, self.task.measure(self.trainer(), part)

    def _scored(self, part: Any, scores: dict[str, float]) -> dict[str, Any]:
        named = {f"test_{name}": value for name, value in scores.items()}
        return {"task": self.task.name, "run": str(self.folder), "examples": len(part), **named}


def train(
    source: Any,
    overrides: Mapping[str, Any] | Chosen | None = None,
    *,
    target: str | None = None,
    task: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
    say: Say = print,
    end: Say | None = None,
) -> dict[str, Any]:
    """Train a model for a data set and leave a run folder behind.

    Args:
        source:    a path, a frame, or arrays; see docs/tasks.md. None
                   when resuming: the path that the run was begun with.
        overrides: options by name, see `OPTIONS` of the task; or a function that gives them
                   for that table.
        target:    the column to predict, for tables.
        task:      one of `names()`; decided from the data when None.
        folder:    where the run goes, replacing a run in it; `runs/<name>-001` when None.
        resume:    continue the run in `folder`.
        progress:  show progress.
        say:       where lines for people go.
        end:       where the last of them go, the result in words; as `say` when None.

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
    if resume and folder is None:
        raise ArgumentError("resume needs the folder of the run that is to be continued")
    made = plan(
        source, overrides, target=target, task=task, run=folder if resume else None, say=say
    )
    if folder is None:
        folder = new_folder(made.asked["source"] if made.is_path else "run", None)
    job = made.job(Path(folder))
    trainer = job.trainer()
    if resume:
        job.go_on(trainer)
        say(f"continuing after epoch {trainer.epoch}")
    else:
        job.begin()
    say(job.headline())
    job.fit(trainer, progress)
    result = job.finish(trainer, began)
    for line in outcome.summary(job.task, result):
        (end or say)(line)
    return result

"""What a run came to: the numbers in words, the picture, the report."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.interop.weights import write_atomically
from retroprop.tasks.task import Task
from retroprop.train.report import ReportData, learning_curves, write_report
from retroprop.train.trainer import Trainer
from retroprop.version import __version__

if TYPE_CHECKING:
    from retroprop.tasks.job import Job
    from retroprop.tasks.run import Run

__all__ = ["best_epoch", "report", "report_on", "summary"]


def summary(task: Task, result: dict[str, Any]) -> list[str]:
    """The final numbers in words."""
    run = result["run"]
    epochs = f"{result['epochs']} epoch{'s' if result['epochs'] != 1 else ''}"
    took = f"{result['test_examples']} examples, {epochs}, {result['seconds']:.1f} s"
    return [
        f"{task.summary(result)} on {took}",
        f"run folder {run}: open {Path(run, 'report.html')} in a browser",
    ]


def report(job: Job, trainer: Trainer, seen: Any, result: dict[str, Any]) -> None:
    """Write the learning curve and the report page of a run."""
    source = Path(str(job.asked["source"])).name
    title = f"{job.task.title()} from {source}"
    curves = learning_curves(trainer.history, title=title)
    write_atomically(job.folder / "learning_curve.svg", curves.encode())
    page = _page(
        job.task,
        title,
        result,
        status=trainer.stop_reason or "finished",
        history=trainer.history,
        seconds=result["seconds"],
        model=job.task.description(trainer.model),
        parameters=result["parameters"],
        data={
            "source": source,
            "examples to train": result["train_examples"],
            "examples to validate": result["validation_examples"],
            "examples to test": result["test_examples"],
        },
        notes=job.data.notes,
        health=trainer.monitor.history if trainer.monitor else None,
        findings=trainer.monitor.findings if trainer.monitor else (),
        **job.task.report(job.parts.test, seen),
    )
    write_report(job.folder / "report.html", page)


def report_on(run: Run, source: str, part: Any, measured: tuple[Any, Any], path: Path) -> None:
    """Write the page of a trained run on other data."""
    scores, seen = measured
    page = _page(
        run.task,
        f"{run.task.title()} from {Path(source).name}",
        {f"test_{name}": value for name, value in scores.items()},
        data={"run": str(run.folder), "source": source, "examples": len(part)},
        notes=part.notes,
        **run.task.report(part, seen),
    )
    write_report(path, page)


def _page(task: Task, title: str, result: dict[str, Any], /, **fields: Any) -> ReportData:
    """What all pages have."""
    common: dict[str, Any] = {
        "title": title,
        "task": task.name,
        "scores": {k.removeprefix("test_"): v for k, v in result.items() if k.startswith("test_")},
        "config": task.options,
        "versions": {
            "retroprop": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "created": time.strftime("%Y-%m-%d %H:%M"),
    }
    return ReportData(**{**common, **fields})


def best_epoch(history: Sequence[dict[str, Any]]) -> int:
    """The epoch whose weights were kept: least validation loss; the last one without validation.

    Example:
        >>> best_epoch([{"epoch": 1, "val_loss": 0.5}, {"epoch": 2, "val_loss": 0.7}])
        1
    """
    if "val_loss" not in history[-1]:
        return int(history[-1]["epoch"])
    losses = [record["val_loss"] for record in history]
    ranked = [loss if math.isfinite(loss) else math.inf for loss in losses]
    return int(history[int(np.argmin(ranked))]["epoch"])

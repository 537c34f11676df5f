"""What `retroprop doctor` looks at: exactly the training that `retroprop train` would begin.

A source is data with options, a run folder, or the `config.json` of one. Nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroprop.data.dataset import length, take
from retroprop.data.order import shuffled
from retroprop.errors import ArgumentError, DivergedError
from retroprop.health.checks import Case, make_case
from retroprop.health.finding import Finding
from retroprop.tasks.job import Job, read_json
from retroprop.tasks.plan import Chosen, Plan, Say, plan, silent
from retroprop.train.trainer import Trainer

__all__ = ["Patient", "Watched", "case_of", "fit", "open_patient", "short", "watch"]

_SHOWN = 256  # examples in the batch of the pass that is looked at
_LOOKS = 20  # in a monitored run


class Patient(NamedTuple):
    """A training that can be begun again and again, with other options.

    Attributes:
        plan:   task, data, and the options that were asked for.
        folder: of the run it comes from, or None.
    """

    plan: Plan
    folder: Path | None

    def job(self, **changes: Any) -> Job:
        """The job that `retroprop train` would do, with some options changed."""
        return self.plan.job(self.folder or Path("runs"), **changes)


class Watched(NamedTuple):
    """A short training that was watched.

    Attributes:
        findings: what its rules found.
        steps:    how many were taken.
        loss:     of the last epoch.
        diverged: why it stopped, or None.
    """

    findings: tuple[Finding, ...]
    steps: int
    loss: float
    diverged: str | None


def open_patient(
    source: str,
    overrides: Mapping[str, Any] | Chosen | None = None,
    *,
    target: str | None = None,
    task: str | None = None,
    say: Say = silent,
) -> Patient:
    r"""The training of a run folder, of its config.json, or of data with options.

    Args:
        source:    a run folder, its config.json, or what `retroprop train` takes.
        overrides: options by name, over those of the run.
        target, task: as for `retroprop train`.
        say:       where notes on the data go.

    Raises:
        ArgumentError:   an unknown option, or one that does not fit the data.
        CheckpointError: a damaged run folder.
        DataError:       data that cannot be used.

    Example:
        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "table.csv")
        ...     _ = path.write_text("a,b\n" + "".join(f"{k / 7},{k % 2}\n" for k in range(40)))
        ...     patient = open_patient(str(path), {"epochs": 2}, target="b")
        >>> patient.plan.given, patient.plan.data.task
        ({'epochs': 2}, 'classification')
    """
    run = _recorded(source)
    given = None if run else source
    folder = run.parent if run and run.suffix == ".json" else run
    return Patient(plan(given, overrides, target=target, task=task, run=run, say=say), folder)


def _recorded(source: str) -> Path | None:
    """The source, where it is the folder of a run or its config."""
    path = Path(source)
    if path.is_dir() and (path / "config.json").exists():
        return path
    if path.suffix != ".json" or not path.is_file():
        return None
    if "asked" not in read_json(path):
        raise ArgumentError(
            f"{source} holds options and names no data",
            fix=f"retroprop doctor DATA --config {source}",
        )
    return path


def case_of(job: Job) -> Case:
    """The case of a job: its model before the first step, a batch, and all of its data."""
    trainer = job.trainer()
    trainer.model.train()
    size = min(length(job.x_train), max(2, job.options["batch_size"]), _SHOWN)
    rows = shuffled(length(job.x_train), job.options["seed"], 0)[:size]
    return make_case(
        job.model,
        job.task.loss(),
        take(job.x_train, rows),
        take(job.y_train, rows),
        optimizer=trainer.optimizer,
        inputs=job.x_train,
        targets=job.y_train,
        columns=job.task.columns(job.parts.train),
        task=job.task.name,
        options={**job.options, "dropped": job.task.dropped()},
    )


def short(job: Job, steps: int) -> int:
    """Cut a job to about so many steps, with its schedule; returns how many it will take."""
    size = job.options["batch_size"]
    per_epoch = -(-length(job.x_train) // size)
    if per_epoch > steps:
        rows = np.sort(shuffled(length(job.x_train), job.options["seed"], 0)[: steps * size])
        job.x_train, job.y_train = take(job.x_train, rows), take(job.y_train, rows)
        per_epoch = steps
    job.options["epochs"] = max(1, min(job.options["epochs"], steps // per_epoch))
    return int(job.options["epochs"] * per_epoch)


def watch(job: Job, steps: int) -> Watched:
    """Train about so many steps with a monitor that looks often; nothing is written."""
    count = short(job, steps)
    trainer = job.trainer(health=max(1, count // _LOOKS))
    trainer.callbacks = []
    assert trainer.monitor is not None
    diverged = None
    try:
        fit(job, trainer)
    except DivergedError as error:
        diverged = error.what
    found = list(trainer.monitor.findings)
    if diverged is not None:
        found = _with_fixes(found, job, diverged.splitlines()[0], trainer.step)
    loss = trainer.history[-1]["loss"] if trainer.history else float("nan")
    return Watched(tuple(found), trainer.step, loss, diverged)


def _with_fixes(found: list[Finding], job: Job, what: str, step: int) -> list[Finding]:
    """What was found of a run that diverged, with options to try; said here if nobody did."""
    rate = job.options["lr"]
    fixes = ({"lr": rate / 10, "clip_grad_norm": 1.0}, {"lr": rate / 100})
    if any(one.rule == "not_finite" for one in found):
        return [one._replace(fixes=fixes) if one.rule == "not_finite" else one for one in found]
    why = "the steps are too large for this loss, or the data hold numbers that are huge or none"
    remedy = f"lr={rate / 10:.2g} with clip_grad_norm=1.0, or lr={rate / 100:.2g}"
    return [*found, Finding("not_finite", what, why, remedy, 1.0, step + 1, fixes=fixes)]


def fit(job: Job, trainer: Trainer) -> float:
    """Train as the job would, without files; returns the seconds it took."""
    began = time.perf_counter()
    job.run(trainer, progress=False)
    return time.perf_counter() - began

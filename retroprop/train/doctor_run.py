"""What `retroprop doctor` looks at: exactly the training that `retroprop train` would begin.

A source is data with options, a run folder, or the `config.json` of one. Nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroprop.data.dataset import take
from retroprop.data.order import shuffled
from retroprop.errors import ArgumentError, CheckpointError, DivergedError
from retroprop.health.checks import Case, make_case
from retroprop.health.finding import Finding
from retroprop.train import config
from retroprop.train.job import Job, loss_for, read_json
from retroprop.train.run import load_source
from retroprop.train.trainer import Trainer

__all__ = ["Patient", "Watched", "case_of", "fit", "job_for", "open_patient", "short", "watch"]

Array = np.ndarray[Any, Any]
_SHOWN = 256  # examples in the batch of the pass that is looked at
_LOOKS = 20  # in a monitored run


class Patient(NamedTuple):
    """A training that can be begun again and again, with other options.

    Attributes:
        data:   what `data.load` returned.
        given:  the options that were asked for; the others follow from the data.
        asked:  source, target and task as `retroprop train` would be given them.
        folder: of the run it comes from, or None.
    """

    data: Any
    given: dict[str, Any]
    asked: dict[str, Any]
    folder: Path | None


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
    overrides: Mapping[str, Any] | None = None,
    *,
    target: str | None = None,
    task: str | None = None,
) -> Patient:
    r"""The training of a run folder, of its config.json, or of data with options.

    Args:
        source:    a run folder, its config.json, or what `retroprop train` takes.
        overrides: options by name, over those of the run.
        target, task: as for `retroprop train`.

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
        >>> patient.given, patient.data.task
        ({'epochs': 2}, 'classification')
    """
    given = config.checked(overrides or {})
    folder, record = _recorded(source)
    if record is not None:
        try:
            asked = record["asked"]
            source, given = asked["source"], {**config.checked(record["options"]), **given}
            target, task = target or asked["target"], task or asked["task"]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{source}: it is no config.json of a run: {error!r}") from None
    loaded = load_source(source, given, target, task)
    return Patient(loaded, given, {"source": source, "target": target, "task": task}, folder)


def _recorded(source: str) -> tuple[Path | None, dict[str, Any] | None]:
    """The folder and the config of a run, where the source is one of them."""
    path = Path(source)
    if path.is_dir() and (path / "config.json").exists():
        return path, read_json(path / "config.json")
    if path.suffix == ".json" and path.is_file():
        record = read_json(path)
        if "asked" not in record:
            raise ArgumentError(
                f"{source} holds options and names no data",
                fix=f"retroprop doctor DATA --config {source}",
            )
        return path.parent, record
    return None, None


def job_for(patient: Patient, **changes: Any) -> Job:
    """The job that `retroprop train` would do, with some options changed; nothing is written."""
    folder = patient.folder or Path("runs")
    return Job(patient.data, {**patient.given, **changes}, folder, patient.asked)


def case_of(job: Job) -> Case:
    """The case of a job: its model before the first step, a batch, and all of its data."""
    trainer = job.trainer()
    trainer.model.train()
    size = min(len(job.x_train), max(2, job.options["batch_size"]), _SHOWN)
    rows = shuffled(len(job.x_train), job.options["seed"], 0)[:size]
    task = job.data.task
    return make_case(
        job.model,
        loss_for(task, job.options),
        take(job.x_train, rows),
        take(job.y_train, rows),
        optimizer=trainer.optimizer,
        inputs=job.x_train,
        targets=job.y_train,
        columns=_columns(job),
        task=task,
        options={**job.options, "dropped": _dropped(job)},
    )


def _columns(job: Job) -> dict[str, Array]:
    """The raw columns of a table, of the examples that are trained on."""
    if job.data.kind != "table":
        return {}
    table, share = job.data.x_train, job.options["validation"]
    if share and job.data.x_val is None:
        table = job.data.hold_out(share, job.options["seed"])[0]
    return dict(table.columns)


def _dropped(job: Job) -> dict[str, str]:
    """Columns that were left out when the table was read, and why."""
    return dict(job.data.schema.dropped) if job.data.schema is not None else {}


def short(job: Job, steps: int) -> int:
    """Cut a job to about so many steps, with its schedule; returns how many it will take."""
    size = job.options["batch_size"]
    per_epoch = -(-len(job.x_train) // size)
    if per_epoch > steps:
        rows = np.sort(shuffled(len(job.x_train), job.options["seed"], 0)[: steps * size])
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

"""Remedies tried: short runs from one seed, with and without them, judged on data held out."""

from __future__ import annotations

import itertools
import json
import math
import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retroprop.errors import DivergedError, RetropropError
from retroprop.health.finding import Finding
from retroprop.interop.weights import write_atomically
from retroprop.tasks.doctor_run import Patient, fit, short
from retroprop.tasks.options import Option, checked

__all__ = ["Trial", "best_of", "command_line", "remedies", "try_out", "write_options"]

_HELD_OUT = 0.2  # where the run itself holds nothing out
_LEAST = 0.005  # gain that is worth a change


class Trial(NamedTuple):
    """A short run with some options changed.

    Attributes:
        changes: the options that differ; none for the run as it is.
        measure: what the score is, see `Task.measured_by`; larger is better.
        score:   of the validation part; NaN where the run diverged.
        loss:    of the validation part.
        noise:   standard error of the score, as far as it is known.
        steps:   that were taken.
    """

    changes: dict[str, Any]
    measure: str
    score: float
    loss: float
    noise: float
    steps: int


def remedies(
    findings: Iterable[Finding],
    table: Mapping[str, Option],
    options: dict[str, Any],
    most: int = 2,
) -> list[Any]:
    """The options to try: what findings propose and a run can be told.

    The first remedy of each finding, what weighs most first, then the second ones, and so on.

    Example:
        >>> finding = Finding("r", "", "", "", 0.9, fixes=({"batch_norm": True}, {"surgery": 1}))
        >>> from retroprop.tasks.table import Table
        >>> remedies([finding], Table.OPTIONS, {"batch_norm": False})
        [{'batch_norm': True}]
    """
    found: list[dict[str, Any]] = []
    ranked = [finding.fixes for finding in sorted(findings, key=lambda one: -one.weight)]
    for fix in (one for turn in itertools.zip_longest(*ranked) for one in turn if one):
        changes = _options(fix, table)
        new = {name: value for name, value in changes.items() if options.get(name) != value}
        if new and new not in found:
            found.append(new)
    return found[:most]


def _options(fix: dict[str, Any], table: Mapping[str, Option]) -> dict[str, Any]:
    """The part of a remedy that is options of a run."""
    try:
        return checked(table, {name: value for name, value in fix.items() if name in table})
    except RetropropError:
        return {}


def try_out(patient: Patient, changes: dict[str, Any], steps: int) -> Trial:
    """Train about so many steps with changed options and measure the validation part.

    All trials of a patient start from the same seed and hold out the same examples.
    """
    job = patient.job(**changes)
    if job.held_out is None:
        job = patient.job(validation=_HELD_OUT, **changes)
    assert job.held_out is not None
    short(job, steps)
    trainer = job.trainer(health=False)
    trainer.callbacks = []
    try:
        fit(job, trainer)
    except DivergedError:
        return Trial(changes, job.task.measured_by, math.nan, math.nan, 0.0, trainer.step)
    score, noise = job.task.judge(trainer, *job.held_out)
    loss = trainer.history[-1]["val_loss"]
    return Trial(changes, job.task.measured_by, score, loss, noise, trainer.step)


def best_of(before: Trial, trials: Iterable[Trial]) -> Trial | None:
    """The trial with the best score, if it is better than before by more than chance.

    Example:
        >>> before = Trial({}, "r2", 0.5, 1.0, 0.0, 100)
        >>> best_of(before, [before._replace(changes={"lr": 0.1}, score=0.7)]).changes
        {'lr': 0.1}
    """
    ended = [trial for trial in trials if math.isfinite(trial.score)]
    if not ended:
        return None
    best = max(ended, key=lambda trial: trial.score)
    start = before.score if math.isfinite(before.score) else 0.0
    return best if best.score - start > max(_LEAST, before.noise) else None


def command_line(patient: Patient, changes: dict[str, Any]) -> str:
    """The `retroprop train` line with the options that were asked for and those of a remedy.

    Example:
        >>> from retroprop.tasks.plan import Plan
        >>> from retroprop.tasks.table import Table
        >>> asked = {"source": "my table.csv", "target": "price", "task": None}
        >>> command_line(
        ...     Patient(Plan(Table, None, {"hidden": [8, 4]}, asked, True), None), {"lr": 0.001}
        ... )
        "retroprop train 'my table.csv' --target price hidden=8,4 lr=0.001"
    """
    words = ["retroprop", "train", patient.plan.asked["source"]]
    for name in ("target", "task"):
        if patient.plan.asked[name] is not None:
            words += [f"--{name}", patient.plan.asked[name]]
    options = {**patient.plan.given, **changes}
    words += [f"{name}={_spelled(value)}" for name, value in options.items()]
    return shlex.join(words)


def _spelled(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def write_options(patient: Patient, changes: dict[str, Any]) -> Path | None:
    """Put the better options beside a run's own, as doctor.json; None where there is no run.

    The run's config.json stays as it is: it describes the weights that lie beside it. A doctor.json
    that is there already is kept as doctor.json.before.
    """
    if patient.folder is None:
        return None
    path = patient.folder / "doctor.json"
    if path.exists():
        os.replace(path, path.with_name("doctor.json.before"))
    content = json.dumps({**patient.plan.given, **changes}, indent=2) + "\n"
    write_atomically(path, content.encode())
    return path

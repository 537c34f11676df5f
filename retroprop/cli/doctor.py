"""`retroprop doctor RUN_OR_CONFIG_OR_DATA [key=value ...]`."""

from __future__ import annotations

import argparse
from argparse import Namespace
from typing import Any

from retroprop.cli.chosen import add_choices, chosen_options
from retroprop.cli.output import emit, say
from retroprop.errors import ArgumentError
from retroprop.health.doctor import Diagnosis, examine, ranked
from retroprop.tasks.doctor_fix import (
    Trial,
    best_of,
    command_line,
    remedies,
    try_out,
    write_options,
)
from retroprop.tasks.doctor_run import Patient, Watched, case_of, open_patient, watch

__all__ = ["add"]

DEFECT_FOUND = 4  # exit code

_EXAMPLES = """examples:
  retroprop doctor houses.csv --target price
  retroprop doctor images.npz activation=sigmoid hidden=64,64,64,64 --fix
  retroprop doctor runs/houses-001 --json
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "doctor",
        help="say what will keep a network from learning, and what to do",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("data", help="a run folder, its config.json, or data as for train")
    add_choices(parser)
    parser.add_argument(
        "--steps", type=int, default=200, help="of the run that is watched, and of each trial (200)"
    )
    parser.add_argument(
        "--fix", action="store_true", help="try the two best remedies and measure their gain"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Examine, watch a short run, and print what was found; 4 when that is a defect."""
    if arguments.steps < 1:
        raise ArgumentError(f"--steps must be at least 1, it is {arguments.steps}")
    patient = open_patient(
        arguments.data, chosen_options(arguments), target=arguments.target, task=arguments.task,
        say=say,
    )  # fmt: skip
    job = patient.job()
    say(job.headline())
    diagnosis = examine(case_of(job))
    for layer in diagnosis.layers:
        say(f"  {layer.name:8} {layer.kind:14} {layer.given} -> {layer.made}")
    if diagnosis.cost is not None:
        say(f"  {diagnosis.cost}")
    watched = _watched(patient, diagnosis, arguments.steps)
    found = diagnosis._replace(findings=ranked([*diagnosis.findings, *watched.findings]))
    fix = _fix(patient, found, arguments.steps) if arguments.fix else None
    code = DEFECT_FOUND if found.defects else 0
    if arguments.json:
        emit(_answer(patient, found, watched, fix, code))
    else:
        _print(found, fix)
    return code


def _watched(patient: Patient, diagnosis: Diagnosis, steps: int) -> Watched:
    """The short run, unless a pass does not even reach its end."""
    if any(finding.rule == "failing_pass" for finding in diagnosis.findings):
        return Watched((), 0, float("nan"), None)
    watched = watch(patient.job(), steps)
    say(f"  {watched.steps} steps watched, loss {watched.loss:.4g}")
    return watched


class _Fix:
    """What remedies gave."""

    def __init__(self, before: Trial | None, trials: list[Trial]) -> None:
        self.before, self.trials = before, trials
        self.best = None if before is None else best_of(before, trials)
        self.command = self.file = ""


def _fix(patient: Patient, found: Diagnosis, steps: int) -> _Fix:
    """Measure, and only then offer what was better."""
    options = patient.job().options
    tried = remedies(found.findings, patient.plan.kind.OPTIONS, options)
    if not tried:
        return _Fix(None, [])
    before = try_out(patient, {}, steps)
    made = _Fix(before, [])
    for changes in tried:
        say(f"  trying {_named(changes)}")
        made.trials.append(try_out(patient, changes, steps))
    made.best = best_of(before, made.trials)
    if made.best is not None:
        made.command = command_line(patient, made.best.changes)
        made.file = str(write_options(patient, made.best.changes) or "")
    return made


def _named(changes: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in changes.items())


def _print(found: Diagnosis, fix: _Fix | None) -> None:
    for finding in found.findings:
        print(f"[{finding.weight:.2f}] {finding}")
    if not found.defects:
        print("no defect found")
    if fix is None:
        return
    if fix.before is None:
        print("fix: no finding has a remedy that is an option of a run")
        return
    for trial in (fix.before, *fix.trials):
        what = _named(trial.changes) or "as it is"
        print(
            f"fix: {what}: {trial.measure} {trial.score:.4f}, loss {trial.loss:.4g} "
            f"after {trial.steps} steps"
        )
    if fix.best is None:
        print("fix: neither is better by more than chance; nothing was changed")
        return
    gain = f"gains {fix.best.score - fix.before.score:+.4f}"
    if fix.before.score != fix.before.score:  # NaN: it diverged
        gain = "trains to the end, where the run as it is stops"
    print(f"fix: {_named(fix.best.changes)} {gain}; train with it:")
    print(f"  {fix.command}")
    if fix.file:
        print(f"  (the options are in {fix.file}: --config {fix.file})")


def _answer(
    patient: Patient, found: Diagnosis, watched: Watched, fix: _Fix | None, code: int
) -> dict[str, Any]:
    """What --json prints."""
    answer = {
        "task": "doctor",
        "source": patient.plan.asked["source"],
        **found.as_dict(),
        "watched": {
            "steps": watched.steps, "loss": watched.loss, "diverged": watched.diverged,
        },
        "exit_code": code,
    }  # fmt: skip
    if fix is not None:
        answer["fix"] = {
            "before": None if fix.before is None else fix.before._asdict(),
            "trials": [trial._asdict() for trial in fix.trials],
            "best": None if fix.best is None else fix.best.changes,
            "command": fix.command or None,
            "file": fix.file or None,
        }
    return answer

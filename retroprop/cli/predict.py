"""`retroprop predict RUN DATA [key=value ...]`."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from retroprop.cli.output import emit, say
from retroprop.errors import ArgumentError
from retroprop.tasks.options import parse
from retroprop.tasks.run import Run
from retroprop.tasks.task import write_csv

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("predict", help="predict with a trained run")
    parser.add_argument("run_folder", metavar="RUN", help="a run folder, runs/NAME-001")
    parser.add_argument("data", help="data as the run was trained on, one item of it, or -")
    parser.add_argument(
        "options", nargs="*", metavar="key=value", help="what the task takes, such as horizon=24"
    )
    parser.add_argument("--out", metavar="PATH", help="write to here instead of printing CSV")
    parser.add_argument("--force", action="store_true", help="replace what is there")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of CSV")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Print one line per example: where it comes from and what is predicted."""
    trained = Run(arguments.run_folder).load_weights()
    options = parse(trained.task.PREDICT, arguments.options)
    source = sys.stdin if arguments.data == "-" else arguments.data
    answer = trained.predict(source, **options)
    for note in answer.pop("notes"):
        say(f"  {note}")
    ids = [item if isinstance(item, str) else int(item) for item in answer.pop("ids")]
    columns = {"example": ids, **answer}
    if arguments.json:
        emit({"task": "predict", "run": arguments.run_folder, "examples": len(ids), **columns})
    elif arguments.out is None:
        write_csv(sys.stdout, columns)
    else:
        trained.task.write(columns, _free(arguments))
        say(f"{len(ids)} predictions in {arguments.out}")
    return 0


def _free(arguments: Namespace) -> Path:
    """Where to write, if nothing is lost by it."""
    out = Path(arguments.out)
    if out.exists() and not arguments.force:
        raise ArgumentError(f"{out} exists", fix="choose another --out, or add --force")
    return out

"""`retroprop predict RUN DATA`."""

from __future__ import annotations

import csv
import sys
from argparse import Namespace
from typing import Any, TextIO

from retroprop.cli.output import emit, say
from retroprop.errors import ArgumentError
from retroprop.train.run import Run

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("predict", help="predict with a trained run")
    parser.add_argument("run_folder", metavar="RUN", help="a run folder, runs/NAME-001")
    parser.add_argument("data", help="data of the kind the run was trained on; no target needed")
    parser.add_argument("--out", metavar="FILE", help="write CSV here instead of printing it")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of CSV")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Print one line per example: where it comes from, the prediction, its probability."""
    answer = Run(arguments.run_folder).load_weights().predict(arguments.data)
    for note in answer.pop("notes"):
        say(f"  {note}")
    ids = [item if isinstance(item, str) else int(item) for item in answer.pop("ids")]
    columns = {"example": ids, **answer}
    if arguments.json:
        emit({"task": "predict", "run": arguments.run_folder, "examples": len(ids), **columns})
    elif arguments.out is None:
        _write(sys.stdout, columns)
    else:
        try:
            with open(arguments.out, "w" if arguments.force else "x", newline="") as file:
                _write(file, columns)
        except FileExistsError:
            raise ArgumentError(
                f"{arguments.out} exists", fix="choose another --out, or add --force"
            ) from None
        say(f"{len(ids)} predictions in {arguments.out}")
    return 0


def _write(stream: TextIO, columns: dict[str, list[Any]]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))

"""`retroprop report RUN`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from retroprop.cli.output import emit, say
from retroprop.errors import ArgumentError
from retroprop.tasks.run import Run

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("report", help="write the report page of a run on other data")
    parser.add_argument("run_folder", metavar="RUN", help="a run folder, runs/NAME-001")
    parser.add_argument("data", help="data with the target, as the run was trained on")
    parser.add_argument("--out", metavar="FILE", required=True, help="the page, for example a.html")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Score the run on the data and write the page that shows how it does."""
    out = Path(arguments.out)
    if out.exists() and not arguments.force:
        raise ArgumentError(f"{out} exists", fix="choose another --out, or add --force")
    result = Run(arguments.run_folder).load_weights().report(arguments.data, out)
    if arguments.json:
        emit(result)
    say(f"open {out} in a browser")
    return 0

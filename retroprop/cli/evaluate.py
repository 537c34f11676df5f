"""`retroprop evaluate RUN DATA`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from retroprop.cli.output import emit
from retroprop.tasks.run import Run

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("evaluate", help="score a trained run on data with the target")
    parser.add_argument("run_folder", metavar="RUN", help="a run folder, runs/NAME-001")
    parser.add_argument("data", help="data of the kind the run was trained on")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Print loss and scores."""
    result = Run(arguments.run_folder).load_weights().evaluate(arguments.data)
    if arguments.json:
        emit(result)
        return 0
    for name, value in result.items():
        print(f"{name:14} {value:.6g}" if isinstance(value, float) else f"{name:14} {value}")
    return 0

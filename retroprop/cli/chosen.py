"""What `train`, `doctor` and `lr-find` have in common: data, a task and its options."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from retroprop.tasks.options import Config, Table, parse, read_file
from retroprop.tasks.registry import names

__all__ = ["add_choices", "chosen_options"]


def add_choices(parser: Any) -> None:
    """The arguments that say what is trained."""
    parser.add_argument(
        "options", nargs="*", metavar="key=value", help="options of the run; train --options"
    )
    parser.add_argument("--target", help="the column to predict")
    parser.add_argument(
        "--task", metavar="NAME", help=f"{', '.join(names())}; decided from the data"
    )
    parser.add_argument("--config", metavar="FILE", help="options from .yaml, .toml or .json")
    parser.set_defaults(options=[])


def chosen_options(arguments: Namespace) -> Callable[[Table], Config]:
    """The options of the file and of the command line, once the task's table is known.

    Example:
        >>> from retroprop.tasks.options import COMMON
        >>> chosen_options(Namespace(config=None, options=["epochs=3"]))(COMMON)
        {'epochs': 3}
    """

    def read(table: Table) -> dict[str, Any]:
        given = read_file(table, arguments.config) if arguments.config else {}
        return {**given, **parse(table, arguments.options)}

    return read

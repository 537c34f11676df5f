"""What `train`, `doctor` and `lr-find` have in common: data, a task and its options."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Collection, Sequence
from typing import Any

from retroprop.tasks.options import FLAGS, Config, Table, flag, parse, read_file
from retroprop.tasks.registry import get, names

__all__ = ["add_choices", "chosen_options", "with_options"]


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


def with_options(words: Sequence[str], unknown: Collection[str]) -> list[str]:
    """The words of a command line with `--name value` for an option of a task as `name=value`.

    An option that is yes or no needs no value. Options go to the end, behind the data.

    Args:
        words:   what was typed behind `retroprop`.
        unknown: the flags among them that the command does not have.

    Example:
        >>> with_options(["train", "a.csv", "--target", "b", "--epochs", "3"], ["--epochs"])
        ['train', 'a.csv', '--target', 'b', 'epochs=3']
    """
    table: dict[str, Any] = {}
    for kind in map(get, names()):
        table |= {**kind.OPTIONS, **kind.PREDICT}
    made, options, rest = [], [], list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        name = name.replace("-", "_")
        if word not in unknown or name not in table:
            made.append(word)
        elif equals:
            options.append(f"{name}={value}")
        elif table[name].read is flag and (not rest or rest[0].lower() not in FLAGS):
            options.append(f"{name}=yes")
        else:
            options.append(f"{name}={rest.pop(0) if rest else ''}")
    return made + options

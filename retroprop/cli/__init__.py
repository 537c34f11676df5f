"""The command line: `retroprop train`, `predict`, `generate`, `evaluate`, `report`, `doctor`, ...

Exit codes: 0 done, 2 usage or unusable input, 3 the training diverged, 4 the doctor found a
defect or no learning rate works, 130 interrupted and saved.
"""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from retroprop import settings
from retroprop.cli import (
    bench,
    doctor,
    evaluate,
    faces,
    generate,
    info,
    lr_find,
    predict,
    report,
    train,
)
from retroprop.cli.chosen import with_options
from retroprop.cli.output import fail, say
from retroprop.errors import RetropropError, nearest
from retroprop.version import __version__

__all__ = ["main"]

COMMANDS = (train, predict, generate, faces, evaluate, report, doctor, lr_find, bench, info)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="retroprop",
        description="Train neural networks on your data, on the CPU you have.",
        epilog="retroprop COMMAND --help explains one command.",
    )
    parser.add_argument("--version", action="version", version=f"retroprop {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


def _parsed(arguments: Sequence[str] | None) -> Namespace:
    """The arguments by name; options of a run may stand before and after flags."""
    parser = _parser()
    words = sys.argv[1:] if arguments is None else list(arguments)
    parsed, rest = parser.parse_known_args(words)
    unknown = [word for word in rest if word.startswith("--")]
    if unknown and hasattr(parsed, "options"):
        parsed, rest = parser.parse_known_args(with_options(words, unknown))
    if parsed.command is None:
        parser.print_help(sys.stderr)
        parser.exit(2)
    flags = [word for word in rest if word.startswith("-")]
    if flags:
        parser.error(f"{parsed.command}: {_unknown_flag(flags[0], parsed)}")
    if rest and not hasattr(parsed, "options"):
        parser.error(f"{parsed.command}: too many arguments: {' '.join(rest)}")
    if rest:
        parsed.options = [*parsed.options, *rest]
    return parsed


def _unknown_flag(flag: str, parsed: Namespace) -> str:
    known = [f"--{word}" for word in vars(parsed) if word not in _POSITIONAL]
    close = nearest(flag.partition("=")[0], known)
    return f"there is no {flag}" + (f"; did you mean {close}?" if close else "")


_POSITIONAL = ("command", "run", "data", "run_folder", "workloads")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    Example:
        >>> main(["info", "--json"])  # doctest: +ELLIPSIS
        {"task": "info", ...
        0
    """
    try:
        code = _run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except OSError as error:  # standard output is gone: `| head` is no failure, a full disk is
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 0
        say(f"retroprop: cannot write the output: {error.strerror or error}")
        return 2
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        parsed = _parsed(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        return int(parsed.run(parsed))
    except BrokenPipeError:
        raise
    except (RetropropError, OSError, MemoryError) as error:
        if settings.full_traceback:
            raise
        return fail(error, parsed, code=2)

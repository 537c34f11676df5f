"""The command line: `retroprop train | predict | evaluate | info`.

Exit codes: 0 done, 2 usage or unusable input, 3 the training diverged, 130 interrupted and saved.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from retroprop import settings
from retroprop.cli import evaluate, info, predict, train
from retroprop.cli.output import fail
from retroprop.errors import DivergedError, RetropropError
from retroprop.version import __version__

__all__ = ["main"]

COMMANDS = (train, predict, evaluate, info)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="retroprop",
        description="Train neural networks on your data, on the CPU you have.",
        epilog="retroprop COMMAND --help explains one command.",
    )
    parser.add_argument("--version", action="version", version=f"retroprop {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    Example:
        >>> main(["info", "--json"])  # doctest: +ELLIPSIS
        {"task": "info", ...
        0
    """
    try:
        parsed = _parser().parse_intermixed_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        return int(parsed.run(parsed))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except DivergedError as error:
        return fail(error, parsed, code=3)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (RetropropError, OSError, MemoryError) as error:
        if settings.full_traceback:
            raise
        return fail(error, parsed, code=2)

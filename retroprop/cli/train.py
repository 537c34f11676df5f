"""`retroprop train DATA [key=value ...]`."""

from __future__ import annotations

import argparse
import contextlib
import shlex
from argparse import Namespace
from pathlib import Path
from typing import Any

from retroprop.cli.output import emit, fail, say
from retroprop.errors import ArgumentError, DivergedError
from retroprop.train import config
from retroprop.train import run as runs
from retroprop.train.outcome import summary

__all__ = ["add"]

_EXAMPLES = """examples:
  retroprop train examples/data/fashion_mnist.npz
  retroprop train houses.csv --target price epochs=50 hidden=128,64
  retroprop train photos/ image_size=64 lr=1e-3
  retroprop train --resume runs/houses-001
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train a network on a CSV table, an .npz file or a folder of images",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "data", nargs="?", help="CSV or TSV (also .gz), .npz, or folder class/name.jpg"
    )
    parser.add_argument(
        "options", nargs="*", metavar="key=value", help="options of the run; --options lists them"
    )
    parser.add_argument("--target", help="the column to predict")
    parser.add_argument("--task", help="classification or regression; decided from the target")
    parser.add_argument("--out", metavar="DIR", help="the run folder (default runs/NAME-001)")
    parser.add_argument("--force", action="store_true", help="replace an existing run folder")
    parser.add_argument("--resume", metavar="RUN", help="continue an interrupted run")
    parser.add_argument("--config", metavar="FILE", help="options from .yaml, .toml or .json")
    parser.add_argument("--quiet", action="store_true", help="errors and the last lines only")
    parser.add_argument("--json", action="store_true", help="print one last JSON object")
    parser.add_argument("--options", action=_ListOptions, nargs=0, help="list all options")
    parser.set_defaults(run=run, options=[])


class _ListOptions(argparse.Action):
    """Prints the options of a run and stops."""

    def __call__(self, parser: Any, *_: Any) -> None:
        for name, option in config.OPTIONS.items():
            default = _by_data(name) if option.default is None else option.default
            print(f"{name:16} {option.help} [{default}]")
        parser.exit()


def _by_data(name: str) -> str:
    """The default of an option that depends on the data: for images, and for tables."""
    images, few, many = (
        config.defaults_for(kind, rows)[name]
        for kind, rows in (("images", 10_000), ("table", 200), ("table", 20_000))
    )
    if few != many:
        return f"by the data; images {_plain(images)}"
    if images == many:
        return _plain(many)
    return f"images {_plain(images)}, tables {_plain(many)}"


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def run(arguments: Namespace) -> int:
    """Train, say where the run went, and print the final numbers."""
    _put_apart(arguments)
    _refuse_flags(arguments.options)
    overrides = config.read_file(arguments.config) if arguments.config else {}
    overrides.update(config.parse_overrides(arguments.options))
    folder = _folder(arguments)
    try:
        result = runs.train(
            arguments.data,
            overrides,
            target=arguments.target,
            task=arguments.task,
            folder=folder,
            resume=bool(arguments.resume),
            progress=not arguments.quiet,
            say=_nothing if arguments.quiet else say,
        )
    except KeyboardInterrupt:
        return _interrupted(arguments, folder)
    except DivergedError as error:
        say(f"the last good state is in {folder}")
        return fail(error, arguments, code=3, run=str(folder))
    finally:
        if not (arguments.resume or arguments.out):
            _remove_if_empty(folder)
    for line in summary(result):
        say(line)
    if arguments.json:
        emit(result)
    return 0


def _put_apart(arguments: Namespace) -> None:
    """`train --resume RUN epochs=9`: the first word is an option when it cannot be the data."""
    first = arguments.data
    if arguments.resume and first and "=" in first and not Path(first).exists():
        arguments.options.insert(0, first)
        arguments.data = None
    if arguments.data is None and not arguments.resume:
        raise ArgumentError(
            "which data? give a CSV table, an .npz file or a folder of images",
            fix="for example: retroprop train houses.csv --target price",
        )


def _remove_if_empty(folder: Path) -> None:
    """The folder that was made for a run that never began, and `runs/` if that was its first."""
    with contextlib.suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()


_FLAGS = ("config", "force", "json", "out", "quiet", "resume", "target", "task")


def _refuse_flags(words: list[str]) -> None:
    """`target=price` for `--target price` is a slip that deserves better than a list of options."""
    for word in words:
        name, _, value = word.partition("=")
        if name in _FLAGS:
            raise ArgumentError(f"{word!r} is written with dashes: --{name} {value}".rstrip())


def _folder(arguments: Namespace) -> Path:
    if not arguments.resume:
        return runs.new_folder(arguments.data, arguments.out, force=arguments.force)
    if arguments.out or arguments.force:
        raise ArgumentError("--resume continues in its own folder; drop --out and --force")
    return Path(arguments.resume)


def _nothing(text: str) -> None:
    """What --quiet says about the data and the model."""


def _interrupted(arguments: Namespace, folder: Path) -> int:
    saved = (folder / "last.safetensors").exists()
    if saved:
        again = f"retroprop train --resume {shlex.quote(str(folder))}"
        say(f"interrupted and saved; continue with: {again}")
    else:
        say("interrupted before training began; nothing was saved")
    if arguments.json:
        known = {"run": str(folder)} if saved else {}
        emit({"task": "train", **known, "interrupted": True, "saved": saved, "exit_code": 130})
    return 130

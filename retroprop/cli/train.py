"""`retroprop train DATA [key=value ...]`."""

from __future__ import annotations

import argparse
import contextlib
import shlex
from argparse import Namespace
from pathlib import Path
from typing import Any

from retroprop.cli.chosen import add_choices, chosen_options
from retroprop.cli.output import emit, fail, say
from retroprop.errors import ArgumentError, DivergedError
from retroprop.tasks import run as runs
from retroprop.tasks.options import presets
from retroprop.tasks.plan import silent
from retroprop.tasks.registry import get, names

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
        help="train a network on your data",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("data", nargs="?", help="a file or folder; `train --options` lists which")
    add_choices(parser)
    parser.add_argument("--out", metavar="DIR", help="the run folder (default runs/NAME-001)")
    parser.add_argument("--force", action="store_true", help="replace an existing run folder")
    parser.add_argument("--resume", metavar="RUN", help="continue an interrupted run")
    parser.add_argument("--quiet", action="store_true", help="errors and the last lines only")
    parser.add_argument("--json", action="store_true", help="print one last JSON object")
    parser.add_argument(
        "--options", action=_ListOptions, nargs="?", metavar="TASK",
        help="list the tasks, or all options of one",
    )  # fmt: skip
    parser.set_defaults(run=run)


class _ListOptions(argparse.Action):
    """Prints the tasks, or the options of one, and stops."""

    def __call__(self, parser: Any, namespace: Any, value: Any, *_: Any) -> None:
        if value is None:
            for name in names():
                print(f"{name:16} {get(name).about}")
            print("\nretroprop train --options TASK lists what can be set")
        else:
            _print_options(value)
        parser.exit()


def _print_options(task: str) -> None:
    """Every option with what it does, and the defaults that differ by preset."""
    kind = get(task)
    sets = presets(kind)
    for name, option in kind.OPTIONS.items():
        usual = [_plain(values.get(name, option.default)) for values in sets.values()]
        same = len(set(usual)) == 1
        shown = usual[0] if same else ", ".join(
            f"{preset} {value}" for preset, value in zip(sets, usual, strict=True)
        )  # fmt: skip
        print(f"{name:16} {option.help} [{'by the data' if shown == 'none' else shown}]")


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def run(arguments: Namespace) -> int:
    """Train, say where the run went, and print the final numbers."""
    _put_apart(arguments)
    _refuse_flags(arguments.options)
    folder = _folder(arguments)
    talk = silent if arguments.quiet else say
    try:
        result = runs.train(
            arguments.data,
            chosen_options(arguments),
            target=arguments.target,
            task=arguments.task,
            folder=folder,
            resume=bool(arguments.resume),
            progress=not arguments.quiet,
            say=talk,
            end=say,
        )
    except KeyboardInterrupt:
        return _interrupted(arguments, folder)
    except DivergedError as error:
        say(f"the last good state is in {folder}")
        return fail(error, arguments, code=3, run=str(folder))
    finally:
        if not (arguments.resume or arguments.out):
            _remove_if_empty(folder)
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
            "which data? give a file or a folder",
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

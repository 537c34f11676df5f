"""`retroprop train DATA [key=value ...]`."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import Any

from retroprop.cli.output import emit, say
from retroprop.errors import ArgumentError
from retroprop.train import config
from retroprop.train import run as runs
from retroprop.train.outcome import summary

__all__ = ["add"]

_EXAMPLES = """examples:
  retroprop train examples/data/fashion_mnist.npz
  retroprop train houses.csv --target price epochs=50 hidden=128,64
  retroprop train photos/ image_size=64 lr=1e-3
  retroprop train houses.csv --resume runs/houses-001
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train a network on a CSV table, an .npz file or a folder of images",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", help="CSV or TSV (also .gz), .npz, or folder class/name.jpg")
    parser.add_argument(
        "options", nargs="*", metavar="key=value", help="options of the run; --options lists them"
    )
    parser.add_argument("--target", help="the column to predict")
    parser.add_argument("--task", help="classification or regression; decided from the target")
    parser.add_argument("--out", metavar="DIR", help="the run folder (default runs/NAME-001)")
    parser.add_argument("--force", action="store_true", help="replace an existing run folder")
    parser.add_argument("--resume", metavar="RUN", help="continue an interrupted run")
    parser.add_argument("--config", metavar="FILE", help="options from .yaml, .toml or .json")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--json", action="store_true", help="print one last JSON object")
    parser.add_argument("--options", action=_ListOptions, nargs=0, help="list all options")
    parser.set_defaults(run=run)


class _ListOptions(argparse.Action):
    """Prints the options of a run and stops."""

    def __call__(self, parser: Any, *_: Any) -> None:
        for name, option in config.OPTIONS.items():
            default = "by the data" if option.default is None else option.default
            print(f"{name:16} {option.help} [{default}]")
        parser.exit()


def run(arguments: Namespace) -> int:
    """Train, say where the run went, and print the final numbers."""
    overrides = config.read_file(arguments.config) if arguments.config else {}
    overrides.update(config.parse_overrides(arguments.options))
    if arguments.resume and (arguments.out or arguments.force):
        raise ArgumentError("--resume continues in its own folder; drop --out and --force")
    if arguments.resume:
        folder = Path(arguments.resume)
    else:
        folder = runs.new_folder(arguments.data, arguments.out, force=arguments.force)
    say(f"retroprop train {arguments.data}")
    try:
        result = runs.train(
            arguments.data,
            overrides,
            target=arguments.target,
            task=arguments.task,
            folder=folder,
            resume=bool(arguments.resume),
            progress=not arguments.quiet,
            say=say,
        )
    except KeyboardInterrupt:
        say(f"interrupted and saved; continue with: {_again(arguments, folder)}")
        if arguments.json:
            emit({"task": "train", "run": str(folder), "interrupted": True, "exit_code": 130})
        return 130
    for line in summary(result):
        say(line)
    if arguments.json:
        emit(result)
    return 0


def _again(arguments: Namespace, folder: Path) -> str:
    target = f" --target {arguments.target}" if arguments.target else ""
    return f"retroprop train {arguments.data}{target} --resume {folder}"

"""`retroprop generate RUN --prompt "..."`."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from typing import Any

from retroprop.cli.output import emit, say
from retroprop.errors import ArgumentError
from retroprop.tasks.run import Run

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("generate", help="let a run of text generation write")
    parser.add_argument("run_folder", metavar="RUN", help="a run folder, runs/NAME-001")
    parser.add_argument(
        "--prompt", default="", help="the beginning; - reads it from standard input"
    )
    parser.add_argument(
        "--length", type=int, default=500, metavar="N", help="characters (or sub-words) to write"
    )
    parser.add_argument(
        "--temperature", type=float, default=0.8, metavar="T",
        help="below 1 for what is likely, above 1 for variety, 0 for the most likely; 0.8",
    )  # fmt: skip
    parser.add_argument("--top-k", type=int, metavar="K", help="draw from the K most likely only")
    parser.add_argument(
        "--top-p", type=float, metavar="P", help="draw from the likely ones of this share only"
    )
    parser.add_argument("--seed", type=int, default=0, help="same seed, same text; 0")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Print the prompt and what follows, as it is made."""
    if arguments.length < 1:
        raise ArgumentError(f"--length must be at least 1, it is {arguments.length}")
    trained = Run(arguments.run_folder).load_weights()
    if not hasattr(trained.task, "generate"):
        raise ArgumentError(
            f"{arguments.run_folder} is a run of {trained.task.name}, which writes no text",
            fix="train one with --task generation",
        )
    prompt = sys.stdin.read().rstrip("\n") if arguments.prompt == "-" else arguments.prompt
    if not arguments.json:
        _print(prompt)
    began = time.perf_counter()
    choice = {name: getattr(arguments, name) for name in ("temperature", "top_k", "top_p", "seed")}
    made = trained.task.generate(
        trained.model, prompt, arguments.length, note=lambda text: say(f"  {text}"),
        say=None if arguments.json else _print, **choice,
    )  # fmt: skip
    if arguments.json:
        seconds = round(time.perf_counter() - began, 3)
        answer = {"run": arguments.run_folder, "prompt": prompt, "text": made, **choice}
        emit({"task": "generate", **answer, "seconds": seconds})
    else:
        _print("\n")
    return 0


def _print(text: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()

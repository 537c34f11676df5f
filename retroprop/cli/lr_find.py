"""`retroprop lr-find DATA [key=value ...]`."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import Any

from retroprop.cli.chosen import add_choices, chosen_options
from retroprop.cli.output import emit, fail, say
from retroprop.errors import ArgumentError
from retroprop.interop.weights import write_atomically
from retroprop.tasks.job import Job
from retroprop.tasks.plan import plan, silent
from retroprop.train.charts.rates import rate_chart
from retroprop.train.lr_find import LearningRates, NoRateError, lr_find

__all__ = ["add"]

_EXAMPLES = """examples:
  retroprop lr-find houses.csv --target price
  retroprop lr-find examples/data/fashion_mnist.npz optimizer=sgd --out rates.svg
"""
_TITLE = "Learning rates"
_TRIAL = 200  # steps of a short training, where the run has as many


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "lr-find",
        help="find a learning rate for what `train` would train",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("data", help="data, as for `train`")
    add_choices(parser)
    parser.add_argument("--seeds", type=int, default=3, help="orders of the batches (3)")
    parser.add_argument("--out", metavar="FILE", help="draw the curve to this file (.svg)")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Find a learning rate, print it, and draw the curve."""
    picture = _picture(arguments)
    job = _job(arguments)
    if not arguments.quiet:
        say(job.headline())
    try:
        found = _find(job, arguments)
    except NoRateError as error:
        if picture and error.curve is not None and len(error.curve.rates):
            seen = error.curve
            _draw(
                picture,
                rate_chart(seen.rates, seen.losses, seen.mean, title=_TITLE, standalone=True),
            )
        return fail(error, arguments, code=4)
    if picture:
        _draw(picture, found.chart(_TITLE, standalone=True))
    if arguments.json:
        where = {"picture": str(picture)} if picture else {}
        emit({"task": "lr-find", **found.as_dict(), **where})
        return 0
    for name in ("suggestion", "low", "high", "confidence"):
        print(f"{name:14} {getattr(found, name):.3g}")
    return 0


def _picture(arguments: Namespace) -> Path | None:
    if arguments.out is None:
        return None
    path = Path(arguments.out)
    if path.is_dir() or (path.exists() and not arguments.force):
        raise ArgumentError(f"{path} exists", fix="choose another --out, or add --force")
    return path


def _draw(path: Path, chart: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, chart.encode())
    except OSError as error:
        raise ArgumentError(
            f"cannot write to {path}: {error.strerror or error}", fix="choose another --out"
        ) from None


def _job(arguments: Namespace) -> Job:
    """What `retroprop train` would train; nothing is written."""
    made = plan(
        arguments.data,
        chosen_options(arguments),
        target=arguments.target,
        task=arguments.task,
        say=silent if arguments.quiet else say,
    )
    return made.job(Path())


def _find(job: Job, arguments: Namespace) -> LearningRates:
    options = job.options
    return lr_find(
        job.trainer(),
        job.x_train,
        job.y_train,
        batch_size=options["batch_size"],
        class_weight=job.class_weight,
        trial=max(4, min(_TRIAL, job.steps)),
        seeds=arguments.seeds,
        progress=not arguments.quiet,
    )

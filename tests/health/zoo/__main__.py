"""Trains the whole zoo and prints, as Markdown, what the findings are worth.

    python -m tests.health.zoo
    python -m tests.health.zoo --only time --no-fixes
    python -m tests.health.zoo --seed 1

Run it from the root of the repository. It takes some minutes; the first run also compiles.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from dataclasses import replace

from tests.health.zoo.defects import DEFECTS
from tests.health.zoo.healthy import HEALTHY
from tests.health.zoo.report import judged, markdown
from tests.health.zoo.training import train


def main() -> None:
    """Train all, print all."""
    parser = argparse.ArgumentParser(prog="python -m tests.health.zoo", description=__doc__)
    parser.add_argument("--only", default="", help="defects whose rules contain this")
    parser.add_argument("--no-fixes", action="store_true", help="do not try the fixes")
    parser.add_argument("--no-healthy", action="store_true", help="leave the healthy ones out")
    parser.add_argument("--seed", type=int, default=0, help="of data and first weights")
    options = parser.parse_args()
    began, trained = time.perf_counter(), functools.cache(train)
    wanted = [
        replace(case, twin=replace(case.twin, seed=options.seed))
        for case in DEFECTS
        if options.only in " ".join(case.rules)
    ]
    sound = [replace(one, seed=options.seed) for one in HEALTHY]
    cases = []
    for number, case in enumerate(wanted, 1):
        cases.append(judged(case, trained, fixes=not options.no_fixes))
        print(f"\r{number}/{len(wanted)} defects", end="", file=sys.stderr)  # noqa: T201
    healthy = [] if options.no_healthy else [(one, trained(one)) for one in sound]
    print(file=sys.stderr)  # noqa: T201
    print(markdown(cases, healthy))  # noqa: T201
    count = trained.cache_info().currsize
    print(f"{count} trainings in {time.perf_counter() - began:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()

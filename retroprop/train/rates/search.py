"""The choice of a learning rate: range tests say where to look, short trainings what is best.

A range test sees each rate for one step only, after the steps at smaller ones, so it finds where
learning begins and where it breaks down, but not the best rate: that may lie anywhere from a tenth
of the lowest point to above it. So some rates are tried, each for a short training from the same
weights over the same batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from retroprop.train.interrupt import Interruptible
from retroprop.train.rates.curve import Curve, curve
from retroprop.train.rates.kept import Kept
from retroprop.train.rates.runs import Runs
from retroprop.train.rates.status import Status

__all__ = ["GRID", "Search", "Trial"]

Array = np.ndarray[Any, Any]
Trial = tuple[float, ...]  # the final loss of each seed at one rate

GRID = 4  # rates that are tried in each power of ten
_FIRST = (1, -1, -3, -5)  # of these, counted from the lowest point of the range test
_LAST = 0.25  # share of a trial whose losses count
_FIRST_TRIALS, _TRIALS = 9, 5  # of the first seed and of others, about: for progress
_AWAY = 5  # losses in a row that are far too high end a run
_EVEN = 0.005  # of the fall: rates that differ by less are as good as each other
_GOOD = 0.8  # share of the best fall that a rate inside the interval reaches


class Search:
    """Runs over the orders of some seeds, all from the same weights, and what they gave.

    Args:
        runs:   takes the steps.
        seeds:  how many orders of batches.
        steps:  of a short training.
        status: told about progress.

    Attributes:
        start:  the loss before training.
        trials: by seed and number of the rate (see `rate`), the final loss of a short training.
    """

    def __init__(self, runs: Runs, seeds: int, steps: int, status: Status) -> None:
        self.runs, self.seeds, self.steps, self.status = runs, range(seeds), steps, status
        self.kept = Kept(*runs.roots)
        self.start = math.nan
        self.trials: dict[tuple[int, int], float] = {}
        self._first: list[list[float]] = []  # losses of each seed's batches before training
        self._interrupt = Interruptible()
        self._done = self._planned = 0
        self._lowest, self._highest = -math.inf, math.inf  # numbers of rates

    def __enter__(self) -> Search:
        self._interrupt.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.kept.put_back()
        self.status.close()
        self._interrupt.__exit__(*exception)

    # -- range tests -----------------------------------------------------------------------------

    def before(self, steps: int) -> bool:
        """Take the losses of all batches before training, at a rate of 0; whether all are finite.

        What makes one batch harder than another cancels later when these are subtracted.

        Args:
            steps: of the range test.
        """
        rates = np.zeros(max(steps, self.steps))
        self._first = [self._run(seed, rates, "first losses") for seed in self.seeds]
        finite = min(map(len, self._first)) == len(rates)
        self.start = float(np.mean(self._first)) if finite else math.nan
        return finite

    def sweep(self, rates: Array) -> Curve:
        """The range test of each seed as a curve."""
        ends = _too_high(self.start)
        sweeps = [self._run(seed, rates, "range test", ends) for seed in self.seeds]
        return curve(rates, sweeps, self._first, self.start)

    def plan(self, sweep: int) -> None:
        """How many steps there will be, about: for progress."""
        trials = _FIRST_TRIALS + _TRIALS * (len(self.seeds) - 1)
        first = max(sweep, self.steps)
        self._planned = len(self.seeds) * (first + sweep) + trials * self.steps

    # -- short trainings -------------------------------------------------------------------------

    def best(self, seen: Curve, highest: float) -> int:
        """The number of the rate that learns most in short trainings of all seeds.

        The first seed alone looks far and wide, all together at what is near its choice. Among
        rates that learn as much as the best within half a percent, the least is taken: training
        usually goes on for longer than a trial.
        """
        self._lowest = number(float(seen.rates[seen.begins])) - GRID
        self._highest = math.floor(GRID * math.log10(highest) + 1e-9)
        middle = number(float(seen.rates[seen.lowest]))
        near = self._climb([0], [self._within(middle + k) for k in _FIRST])
        found = self._climb(self.seeds, [self._within(near + k) for k in (-1, 0, 1)])
        enough = self._mean(found, self.seeds)
        enough += _EVEN * max(self.start - enough, 0.0)
        while found > self._lowest and self._mean(found - 1, self.seeds) <= enough:
            found -= 1
        return found

    def highest_good(self, found: int) -> int:
        """The highest rate up to which each seed learns most of what it learns at the best."""
        fall = float(np.mean(self.falls(found)))
        k = found
        while k < self._highest and min(self.falls(k + 1)) >= _GOOD * fall:
            k += 1
        return k

    def trial(self, seed: int, k: int) -> float:
        """The loss at the end of a short training; inf when it diverges."""
        if (seed, k) not in self.trials:
            losses = self._run(seed, np.full(self.steps, rate(k)), f"trying {rate(k):.2g}")
            whole, last = len(losses) == self.steps, max(1, round(_LAST * self.steps))
            changes = np.subtract(losses, self._first[seed][: len(losses)])[-last:]
            self.trials[seed, k] = self.start + float(changes.mean()) if whole else math.inf
        return self.trials[seed, k]

    def falls(self, k: int) -> list[float]:
        """How far the loss falls in the short trainings at a rate, for each seed."""
        return [self.start - self.trial(seed, k) for seed in self.seeds]

    def numbers(self) -> list[int]:
        """The rates that all seeds tried, rising."""
        tried = {k for _, k in self.trials}
        return sorted(k for k in tried if all((seed, k) in self.trials for seed in self.seeds))

    def _climb(self, seeds: Iterable[int], first: list[int]) -> int:
        """The best rate among some and all between and around it, by steps to its neighbours."""
        tried = set(first)
        while True:
            best = min(sorted(tried), key=lambda k: self._mean(k, seeds))
            around = {self._within(best - 1), self._within(best + 1)} - tried
            if not around:
                return best
            tried |= around

    def _within(self, k: int) -> int:
        return int(max(self._lowest, min(self._highest, k)))

    def _mean(self, k: int, seeds: Iterable[int]) -> float:
        return float(np.mean([self.trial(seed, k) for seed in seeds]))

    # -- running ---------------------------------------------------------------------------------

    def _run(
        self,
        seed: int,
        rates: Array,
        what: str,
        ends: Callable[[list[float]], bool] | None = None,
    ) -> list[float]:
        """The losses of one run; everything is as before it afterwards."""
        losses: list[float] = []
        try:
            for made in self.runs.losses(seed, rates):
                losses += made
                self._done += len(made)
                self.status.tell(what, min(self._done / max(self._planned, 1), 0.99))
                if self._interrupt.requested:
                    raise KeyboardInterrupt
                if ends is not None and ends(losses):
                    break
        finally:
            self.kept.put_back()
        self._done += len(rates) - len(losses)
        return losses


def rate(k: int) -> float:
    """Rate number k: four in each power of ten, 1 has number 0.

    Example:
        >>> [rate(k) for k in (-4, -3, -2, -1, 0)]
        [0.1, 0.18, 0.32, 0.56, 1.0]
    """
    return float(f"{10 ** (k / GRID):.1e}")


def number(value: float) -> int:
    """The number of the rate that is nearest.

    Example:
        >>> number(0.3)
        -2
    """
    return round(GRID * math.log10(value))


def _too_high(start: float) -> Callable[[list[float]], bool]:
    """Whether a run is beyond hope: several losses in a row far above the start."""

    def ends(losses: list[float]) -> bool:
        fall = start - min(losses)
        return len(losses) >= _AWAY and min(losses[-_AWAY:]) > start + max(abs(start), 3 * fall)

    return ends

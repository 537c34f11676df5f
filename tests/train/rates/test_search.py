"""The choice between rates, on trainings whose outcome is known."""

from __future__ import annotations

import io

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from retroprop.train.rates.curve import curve
from retroprop.train.rates.runs import Runs
from retroprop.train.rates.search import Search, number, rate
from retroprop.train.rates.status import Status


class Known(Runs):
    """Losses that depend on the learning rate alone: best at `peak`, not finite above `end`."""

    def __init__(self, peak, end=np.inf):
        w = rp.tensor([1.0], requires_grad=True)
        super().__init__(optim.SGD([w], lr=1.0), [w])
        self.peak, self.end, self.runs = peak, end, 0

    def begin(self, seed, steps):
        self.runs += 1
        self.seed = seed

    def take(self, at, most):
        lr = self.optimizer.lr
        if lr > self.end:
            return [np.nan]
        if not lr:
            return [2.0] * most
        shift = 0.05 * (self.seed - 1)
        return [1.0 + 0.4 * abs(np.log10(lr / self.peak) + shift)] * most


def searched(runs, seeds=3, lowest=0.1, highest=10.0):
    rates = np.geomspace(1e-7, 10, 100)
    mean = 2.0 - np.exp(-(np.log10(rates / lowest) ** 2))
    with Search(runs, seeds, 20, Status(enabled=False)) as search:
        assert search.before(100)
        seen = curve(rates, [mean] * seeds, [[2.0] * 100] * seeds, search.start)
        best = search.best(seen, highest)
        return search, best, search.highest_good(best)


def test_rates_have_numbers():
    assert [number(rate(k)) for k in range(-30, 8)] == list(range(-30, 8))


@pytest.mark.parametrize("peak", [1e-3, 5.6e-3, 0.1, 0.56])
def test_the_best_is_found_wherever_it_lies(peak):
    runs = Known(peak)
    search, best, high = searched(runs)
    assert rate(best) == pytest.approx(peak, rel=0.3)
    assert best - 1 in search.numbers()
    assert best <= high <= best + 3
    assert runs.runs < 30


def test_rates_that_diverge_are_left():
    search, best, high = searched(Known(peak=0.1, end=0.07))
    assert rate(best) == rate(high) == 0.056
    assert search.trial(0, best + 1) == np.inf


def test_a_search_that_begins_among_diverging_rates_goes_down():
    _, best, _ = searched(Known(peak=1e-4, end=2e-4), lowest=1e-2)
    assert rate(best) == pytest.approx(1e-4, rel=0.3)


def test_no_rate_above_the_highest_is_tried():
    search, best, high = searched(Known(peak=5.0), highest=0.2)
    assert rate(best) == rate(high) == 0.18
    assert max(search.numbers()) == best


def test_all_is_put_back_and_progress_is_told():
    out, seconds = io.StringIO(), iter(range(0, 10_000, 3))
    runs = Known(0.1)
    search = Search(runs, 2, 20, Status(stream=out, clock=lambda: float(next(seconds))))
    with search:
        search.plan(30)
        assert search.before(30)
        seen = search.sweep(np.geomspace(1e-6, 1, 30))
        search.best(seen, 1.0)
    assert runs.optimizer.lr == 1.0
    assert "range test" in out.getvalue() or "trying" in out.getvalue()

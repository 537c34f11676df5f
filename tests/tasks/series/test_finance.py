"""Finance: EWMA and GARCH(1,1) by hand, and beside the package `arch`."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.tasks.series import finance
from retroprop.tasks.series.backtest import Backtest
from retroprop.tasks.series.panel import Track


def returns(n=3000, alpha=0.1, beta=0.85, seed=0):
    rng = np.random.default_rng(seed)
    found, variance = np.zeros(n), 1.0
    for k in range(n):
        found[k] = np.sqrt(variance) * rng.normal()
        variance = (1 - alpha - beta) + alpha * found[k] ** 2 + beta * variance
    return found * 0.01


def test_ewma_and_garch_by_hand():
    assert finance.ewma(np.array([2.0]), 1.0).tolist() == [pytest.approx(0.94 + 0.06 * 4)]
    path = finance.garch_path(np.array([2.0, 0.0]), 1.0, 0.1, 0.8)
    assert path.tolist() == [pytest.approx(1.3), pytest.approx(0.1 + 0.8 * 1.3)]
    assert finance.average(np.arange(4.0), 3).tolist() == [0.0, 0.5, 1.0, 2.0]


def test_garch_is_found_again():
    alpha, beta = finance.garch(returns())
    assert alpha == pytest.approx(0.1, abs=0.04)
    assert beta == pytest.approx(0.85, abs=0.07)


def test_garch_is_that_of_arch():
    """arch_model(100 * returns(), mean="Zero", vol="GARCH", p=1, q=1).fit(), arch 8.0.0."""
    alpha, beta = finance.garch(returns())
    assert alpha == pytest.approx(0.08593, abs=0.003)
    assert beta == pytest.approx(0.87755, abs=0.003)


def test_forecasts_return_to_the_mean():
    r = returns(500)
    scale = finance.learned(r)
    made = finance.volatility(r, np.array([400, 450]), 200, scale)
    assert made["EWMA"].shape == made["GARCH(1,1)"].shape == (2, 200)
    assert made["GARCH(1,1)"][0, -1] == pytest.approx(scale["daily"] ** 2, rel=0.2)
    r[400:] = 5.0  # the return that leads to value 401: not known at 400
    again = finance.volatility(r, np.array([400]), 200, scale)
    np.testing.assert_array_equal(again["GARCH(1,1)"][0], made["GARCH(1,1)"][0])


def test_states_follow_the_returns():
    r = returns(300)
    found = finance.states(r, finance.learned(r))
    assert found.shape == (300, 7)
    changed = r.copy()
    changed[200:] = 1.0
    np.testing.assert_array_equal(finance.states(changed, finance.learned(r))[:200], found[:200])


def test_the_true_variance_scores_best():
    r = returns(4000)
    true = np.full(4000, (r**2).mean())
    cost = [finance.qlike(r**2, true * factor).mean() for factor in (0.5, 1.0, 2.0)]
    assert min(cost) == cost[1]
    track = Track(
        "",
        np.arange(4001.0),
        np.exp(np.r_[0, np.cumsum(r)]),
        np.ones(4001, bool),
        np.zeros((4001, 0)),
    )
    at = np.arange(2000, 3900)
    more = finance.volatility(r, at, 2, finance.learned(r[:2000]))
    shape = np.zeros((len(at), 2))
    test = Backtest(track, at, shape, shape, {}, shape, {**more, "network": more["GARCH(1,1)"] * 2})
    scores = finance.scores([test])
    assert scores["volatility_skill"] < 0
    assert scores["qlike_garch"] < scores["qlike_ewma"]

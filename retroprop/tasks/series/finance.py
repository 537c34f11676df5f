"""Returns and volatility of prices, and the classical forecasts of volatility.

    r(t) = log p(t) - log p(t - 1)
    EWMA:       v(t + 1) = 0.94 v(t) + 0.06 r(t)²             the same for every later day
    GARCH(1,1): v(t + 1) = w + a r(t)² + b v(t)               w = (1 - a - b) mean r²

Source: RiskMetrics, 4th edition (1996); Bollerslev 1986, J. Econometrics 31, 307-327; variance
targeting: Engle and Mezrich 1996. QLIKE: Patton 2011, J. Econometrics 160, 246-256.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

__all__ = [
    "average", "ewma", "garch", "garch_path", "learned", "qlike", "scores", "states", "volatility",
]  # fmt: skip

Array = np.ndarray[Any, Any]
_DECAY = 0.94
_SPANS = (1, 5, 22, 66)


def ewma(returns: Array, start: float, decay: float = _DECAY) -> Array:
    """(n,) the variance forecast that follows each return.

    Example:
        >>> ewma(np.array([1.0, 1.0]), 1.0).tolist()
        [1.0, 1.0]
    """
    result = np.empty(len(returns))
    state = start
    for k, square in enumerate((returns**2).tolist()):
        state = decay * state + (1 - decay) * square
        result[k] = state
    return result


def garch_path(returns: Array, mean: float, alpha: Any, beta: Any) -> Array:
    """The variance forecast that follows each return, under GARCH(1,1) with a mean variance.

    Args:
        alpha, beta: numbers, or arrays of candidates, which come first in the result.
    """
    alpha, beta = np.asarray(alpha, float), np.asarray(beta, float)
    state = np.full(alpha.shape, mean)
    result = np.empty((len(returns), *alpha.shape))
    for k, square in enumerate((returns**2).tolist()):
        state = (1 - alpha - beta) * mean + alpha * square + beta * state
        result[k] = state
    return result


def garch(returns: Array) -> tuple[float, float]:
    """Alpha and beta of greatest likelihood (normal, mean variance as observed), by grid search.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> alpha, beta = garch(rng.standard_normal(500))
        >>> 0 <= alpha < 0.2
        True
    """
    mean = float((returns**2).mean())
    low, high = np.array([0.0, 0.0]), np.array([0.4, 0.999])
    best = np.array([0.05, 0.9])
    for _ in range(4):
        axes = [np.linspace(a, b, 13) for a, b in zip(low, high, strict=True)]
        pairs = np.array([p for p in itertools.product(*axes) if p[0] + p[1] < 0.9999])
        paths = garch_path(returns, mean, pairs[:, 0], pairs[:, 1])[:-1]
        cost = (np.log(paths) + returns[1:, None] ** 2 / paths).mean(axis=0)
        best = pairs[int(cost.argmin())]
        width = (high - low) / 8
        low, high = np.maximum(best - width, 0), np.minimum(best + width, [0.5, 0.9999])
    return float(best[0]), float(best[1])


def learned(returns: Array) -> dict[str, float]:
    """What the training part says about returns: their spread, and GARCH(1,1)."""
    alpha, beta = garch(returns)
    return {"daily": float(np.sqrt((returns**2).mean())) or 1.0, "alpha": alpha, "beta": beta}


def average(values: Array, span: int) -> Array:
    """(n,) mean of the last `span` values up to each one, of fewer at the beginning.

    Example:
        >>> average(np.array([1.0, 3.0, 5.0]), 2).tolist()
        [1.0, 2.0, 4.0]
    """
    total = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - span, 0)
    return (total[ends] - total[starts]) / (ends - starts)


def states(returns: Array, scale: dict[str, Any]) -> Array:
    """(n, features) after each return: logarithms of past variances, relative to the usual one."""
    usual = scale["daily"] ** 2
    squares = returns**2 / usual
    parts = [ewma(returns, usual) / usual]
    parts.append(garch_path(returns, usual, scale["alpha"], scale["beta"]) / usual)
    parts += [average(squares, span) for span in _SPANS]
    signed = average(returns / scale["daily"], 5)
    return np.column_stack([np.log(np.stack(parts, axis=1) + 1e-2), signed])


def volatility(returns: Array, at: Array, horizon: int, scale: dict[str, Any]) -> dict[str, Array]:
    """Variances of each step that EWMA and GARCH(1,1) forecast at origins, (origins, horizon).

    Args:
        returns: of the whole series; entry k leads to value k + 1.
        at:      (origins,) index of the first value that is forecast.
    """
    usual = scale["daily"] ** 2
    flat = ewma(returns, usual)[at - 2][:, None]
    first = garch_path(returns, usual, scale["alpha"], scale["beta"])[at - 2][:, None]
    fading = (scale["alpha"] + scale["beta"]) ** np.arange(horizon)
    steady = np.repeat(flat, horizon, axis=1)
    return {"EWMA": steady, "GARCH(1,1)": usual + (first - usual) * fading}


def qlike(squares: Array, variance: Array) -> Array:
    """log v + r²/v: least, on average, for the true variance; robust to the noise of r².

    Example:
        >>> qlike(np.array([1.0]), np.array([1.0])).tolist()
        [1.0]
    """
    return np.log(variance) + squares / variance


def scores(tests: list[Any]) -> dict[str, float]:
    """QLIKE and error of variance of the network, EWMA and GARCH(1,1), means over series.

    Each is measured on the squared return of each step; `volatility_skill` is how much lower the
    network's QLIKE is than the better of the two (above 0: better). The error of variance is the
    mean squared error, as a share of that of EWMA.
    """
    rows = []
    for test in tests:
        z = np.log(test.track.values)
        future = test.at[:, None] + np.arange(test.truth.shape[1])
        squares = (z[future] - z[future - 1]) ** 2
        cost = {name: float(qlike(squares, v).mean()) for name, v in test.more.items()}
        off = {name: float(((squares - v) ** 2).mean()) for name, v in test.more.items()}
        rows.append({
            "volatility_skill": min(cost["EWMA"], cost["GARCH(1,1)"]) - cost["network"],
            "qlike": cost["network"],
            "qlike_ewma": cost["EWMA"],
            "qlike_garch": cost["GARCH(1,1)"],
            "variance_mse": off["network"] / off["EWMA"],
            "variance_mse_garch": off["GARCH(1,1)"] / off["EWMA"],
        })  # fmt: skip
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

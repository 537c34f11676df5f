"""Forecasts for people: in a line, as a table, as pictures on a page."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.tasks.series import anomalies, pictures
from retroprop.tasks.series import backtest as testing
from retroprop.tasks.series.frequency import Frequency
from retroprop.tasks.series.panel import dated
from retroprop.train.charts import histogram
from retroprop.train.charts.axes import readable
from retroprop.train.report.page import block, figure, section, table

__all__ = ["DAILY", "future", "in_one_line", "report"]

Array = np.ndarray[Any, Any]
DAILY = Frequency("seconds", 86400.0)
_SKILL = 0.02  # less than this is no skill worth the name
_PRICE = 0.02  # of QLIKE: other seeds alone changed it by 0.012 on the S&P 500


def future(test: testing.Backtest, recipe: Any, horizon: int) -> dict[str, list[Any]]:
    """The forecast of the last origin, as columns; of prices with the volatility of each step.

    Volatility is the standard deviation of the return of one step, in percent.
    """
    dates = recipe.grid.after(test.track.dates[-1], np.arange(1, horizon + 1))
    columns: dict[str, list[Any]] = {"date": dated(dates, recipe.grid)}
    for place, name in enumerate(("lower", "median", "upper")):
        columns[name] = test.values[-1, :horizon, place].tolist()
    if test.more:
        columns["volatility"] = (100 * np.sqrt(test.more["network"][-1, :horizon])).tolist()
    return columns


def in_one_line(scores: dict[str, float], season: str) -> str:
    """The scores as words.

    Example:
        >>> in_one_line({"mase": 0.75, "mae": 2.0, "coverage": 0.8, "skill": 0.1}, "7 days before")
        'test error 0.75 of that of "7 days before" (MAE 2), 80 % of outcomes in the 80 % band'
    """
    text = (
        f'test error {scores["mase"]:.2f} of that of "{season}" (MAE {readable(scores["mae"])}), '
        f"{100 * scores['coverage']:.0f} % of outcomes in the 80 % band"
    )
    if "volatility_skill" in scores:
        better = scores["volatility_skill"]
        text += f"; volatility: QLIKE {abs(better):.3f} {'below' if better > 0 else 'above'}"
        text += " the better of EWMA and GARCH(1,1)"
    return text


def report(tests: list[testing.Backtest], recipe: Any, season: str, what: str) -> dict[str, Any]:
    """The fields of the report page."""
    scores = testing.scores(tests, season)
    best = testing.best_naive(tests)
    parts = [
        _last(tests, recipe), _steps(tests, recipe, season), _naive(tests, scores),
        _volatility(tests, recipe), _series(tests, season), _odd(tests, recipe),
    ]  # fmt: skip
    return {"said": said(scores, recipe, best, season, tests), "sections": "".join(parts)}


def said(
    scores: dict[str, float], recipe: Any, best: str, season: str, tests: list[testing.Backtest]
) -> tuple[str, list[str]]:
    """The result in one number and plain words."""
    skill, noun = scores["skill"], recipe.grid.noun
    origins = sum(len(test.at) for test in tests)
    ahead = f"1 to {recipe.horizon} {noun}s ahead" if recipe.horizon > 1 else f"1 {noun} ahead"
    if skill >= _SKILL:
        first = f"Forecasts {ahead} are off by {100 * skill:.0f} % less than the best free guess."
    else:
        first = f"No skill: forecasts {ahead} are no better than the best free guess" + (
            f", they are {-100 * skill:.0f} % worse." if skill < -0.005 else "."
        )
    errors = f"{readable(scores['mae'])} against {readable(scores['naive_mae'])}"
    free = f'The free guess is "{best}": it needs no training. '
    if best == season:
        free += f"The mean absolute error is {errors}."
    else:
        change = 100 * (1 - scores["mase"])
        free += f'Compared with "{season}" the error is {abs(change):.0f} % '
        free += f"{'lower' if change >= 0 else 'higher'} (mean absolute error {errors})."
    tested = (
        f"Tested by {origins:,} forecasts, each from a moment of the test part, with what was "
        "known by then; the network was trained on earlier values only."
    )
    share = 100 * scores["coverage"]
    inside = f"{share:.0f} of 100 outcomes fell into the band that was to hold 80."
    lines = [first, free, inside, tested]
    if recipe.finance:
        lines.insert(1, _price_words(tests))
    return (f"{100 * skill:+.0f} %" if skill >= _SKILL else "no skill"), lines


def _price_words(tests: list[testing.Backtest]) -> str:
    from retroprop.tasks.series import finance  # noqa: PLC0415

    better = finance.scores(tests)["volatility_skill"]
    if better > _PRICE:
        how = f"better than EWMA and GARCH(1,1), by {better:.3f} of QLIKE"
    elif better < -_PRICE:
        how = f"worse than the better of EWMA and GARCH(1,1), by {-better:.3f} of QLIKE"
    else:
        how = "as good as the better of EWMA and GARCH(1,1): no skill of its own"
    return (
        f"Volatility, how much prices will swing, is forecast {how}. Nothing here is advice: where "
        "prices go is not to be known from their past."
    )


def _last(tests: list[testing.Backtest], recipe: Any) -> str:
    """The last forecasts of the test part beside what came."""
    shown = "".join(
        figure(pictures.last_forecasts(test, recipe), pictures.CAPTION, wide=True)
        for test in tests[:6]
    )
    rest = f" The first 6 of {len(tests)} series are shown." if len(tests) > 6 else ""
    lead = "The end of the test part: what came, and what was forecast before it came." + rest
    return section("Forecasts", lead, shown)


def _steps(tests: list[testing.Backtest], recipe: Any, season: str) -> str:
    rows = testing.by_step(tests, season)
    kept = rows if len(rows) <= 24 else rows[:: -(-len(rows) // 24)]
    cells = [
        [
            f"{row['step']:.0f}", readable(row["mae"]), readable(row["naive_mae"]),
            f"{row['mase']:.2f}", readable(row["pinball"]), f"{100 * row['coverage']:.0f} %",
            readable(row["width"]),
        ]
        for row in kept
    ]  # fmt: skip
    head = [f"{recipe.grid.noun}s ahead", "mean error", f'error of "{season}"', "MASE", "pinball",
            "in the band", "width of the band"]  # fmt: skip
    chart = pictures.errors_by_step(rows, recipe, season) if len(rows) > 1 else ""
    lead = (
        "Errors grow with the distance. MASE is the mean error over that of the free guess: below "
        "1 is better than it. Pinball is the error of the whole band, less is better."
    )
    right = block(table(head, cells, right=range(7)))
    return section("How far ahead", lead, figure(chart) if chart else "", right)


def _naive(tests: list[testing.Backtest], scores: dict[str, float]) -> str:
    names = list(tests[0].naive)
    rows = [["the network", readable(scores["mae"]), ""]]
    for name in names:
        mae = float(np.mean([np.nanmean(np.abs(t.truth - t.naive[name])) for t in tests]))
        rows.append([name, readable(mae), f"{scores['mae'] / mae:.2f}" if mae else ""])
    lead = "Forecasts that cost nothing, on the same steps."
    head = ["forecast", "mean absolute error", "the network's error over it"]
    return section("Against free guesses", lead, block(table(head, rows, right=(1, 2))))


def _volatility(tests: list[testing.Backtest], recipe: Any) -> str:
    if not recipe.finance:
        return ""
    from retroprop.tasks.series import finance  # noqa: PLC0415

    found = finance.scores(tests)
    rows = [
        ["the network", f"{found['qlike']:.4f}", f"{found['variance_mse']:.3f}"],
        ["EWMA (0.94)", f"{found['qlike_ewma']:.4f}", "1.000"],
        ["GARCH(1,1)", f"{found['qlike_garch']:.4f}", f"{found['variance_mse_garch']:.3f}"],
    ]
    lead = (
        "The variance of each day's return. QLIKE (log v + r²/v, less is better) is the usual score"
        " for it; the squared error depends on a few wild days. GARCH(1,1) was fitted to the "
        "training part. A difference of 0.02 in QLIKE is small."
    )
    head = ["forecast", "QLIKE", "squared error over that of EWMA"]
    chart = figure(pictures.volatility(tests[0]), wide=True)
    return section("Volatility", lead, chart, block(table(head, rows, right=(1, 2))))


def _series(tests: list[testing.Backtest], season: str) -> str:
    if len(tests) == 1:
        return ""
    rows = []
    for test in tests[:50]:
        own = testing.scores([test], season)
        rows.append([
            pictures.clean(test.track.name), readable(own["mae"]), f"{own['mase']:.2f}",
            f"{100 * own['coverage']:.0f} %",
        ])  # fmt: skip
    head = ["series", "mean error", "MASE", "in the band"]
    return section("Each series", "", block(table(head, rows, right=(1, 2, 3))))


def _odd(tests: list[testing.Backtest], recipe: Any) -> str:
    """Errors one step ahead, and the values farthest from what was expected."""
    rows, errors = [], []
    for test in tests:
        truth, values = test.truth[:, 0], test.values[:, 0]
        _, distance = anomalies.band(values, truth)
        usual = float(np.nanmean(np.abs(truth - values[:, 1]))) or 1.0
        errors.append((truth - values[:, 1]) / usual)
        rows += [(float(distance[k]), test, int(k)) for k in np.flatnonzero(distance > 1)]
    rows.sort(key=lambda row: -row[0])
    cells = [
        [
            dated(test.track.dates[test.at[k : k + 1]], recipe.grid)[0],
            pictures.clean(test.track.name),
            readable(float(test.truth[k, 0])),
            readable(float(test.values[k, 0, 1])),
            f"{distance:.1f}",
        ]
        for distance, test, k in rows[:10]
    ]
    chart = histogram(
        np.concatenate(errors).tolist(),
        title="Errors one step ahead",
        x_label="error, in units of the mean one",
        y_label="forecasts",
        mark=(0.0, "no error"),
    )
    lead = (
        f"Values farther from what was expected one {recipe.grid.noun} before than 99 in 100 are: "
        f"{len(rows)} in the test part. One in a hundred is marked in any series."
    )
    head = ["date", "series", "value", "expected", "distance in band widths"]
    shown = block(table(head, cells, right=(2, 3, 4))) if cells else ""
    return section("Errors, and what was odd", lead, figure(chart), shown)

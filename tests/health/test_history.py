"""What a history keeps, and how rules read it."""

from __future__ import annotations

import numpy as np

from retroprop.health import History, Site
from tests.health.networks import history


def test_series_have_a_row_for_each_event() -> None:
    made = history("layer", "gradient", [[1.0, 2.0], [3.0, 4.0]])
    names, rows = made.series("gradient", "layer")
    assert names == ["0", "1"]
    assert rows.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert made.latest("gradient", "layer") == {"0": 3.0, "1": 4.0}
    assert made.events == [10, 20]
    assert len(made) == 2
    assert made.site("1") == Site("1", "layer", 10)


def test_what_was_not_seen_is_nan_or_nothing() -> None:
    made = history("layer", "gradient", [[1.0, 2.0]])
    made.add(20, 0.1, {("gradient", "0"): 5.0})
    _, rows = made.series("gradient", "layer")
    assert np.isnan(rows[1, 1])
    assert made.series("dead", "relu")[1].shape == (2, 0)
    assert History().latest("dead", "relu") == {}
    assert History().by_step("x") is None


def test_gradients_by_step_are_those_of_the_last_event() -> None:
    made = History([Site("rnn:input", "input", 3)])
    for scale in (1.0, 2.0):
        made.add(1, 0.1, {("by step", "rnn:input"): np.ones(3) * scale})
    assert made.by_step("rnn:input").tolist() == [2.0] * 3


def test_statistics_with_many_numbers_are_kept_for_some_events() -> None:
    made = History([Site("0:relu", "relu", 2)])
    for number in range(40):
        made.add(number, 0.1, {("silent", "0:relu"): [1.0, float(number)]})
    recent = made.recent("silent", "0:relu")
    assert len(recent) == 16
    assert recent[-1].tolist() == [1.0, 39.0]
    assert made.recent("silent", "1:relu") == []
    assert made.series("silent", "relu")[0] == []


def test_rows_that_were_read_at_any_event_are_visited() -> None:
    made = History([Site("table.weight", "table", 2)])
    made.add(1, 0.1, {("rows", "table.weight"): [1.0, 0.0, 0.0]})
    made.add(2, 0.1, {("rows", "table.weight"): [0.0, 0.0, 1.0]})
    assert made.visited["table.weight"].tolist() == [True, False, True]


def test_long_histories_keep_their_numbers() -> None:
    made = History([Site("0", "layer", 4), Site("1", "layer", 4)])
    for number in range(100):
        made.add(number, 0.1, {("gradient", str(number % 2)): float(number)})
    _, rows = made.series("gradient", "layer")
    assert rows.shape == (100, 2)
    assert rows[98, 0] == 98
    assert rows[99, 1] == 99
    assert np.isnan(rows[98, 1])

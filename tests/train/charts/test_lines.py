"""Line charts: every point in its place, gaps where nothing can be drawn."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.errors import ShapeError
from retroprop.train.charts import Series, line_chart

NAN, INF = math.nan, math.inf


def chart(*ys: Any, **options: Any) -> ET.Element:
    series = [Series(f"s{i}", range(1, len(y) + 1), y) for i, y in enumerate(ys)]
    return ET.fromstring(line_chart(series, title="Loss", x_label="epoch", **options))


def pieces(root: ET.Element) -> list[list[tuple[float, float]]]:
    found = []
    for each in root.iter("polyline"):
        pairs = (point.split(",") for point in each.attrib["points"].split())
        found.append([(float(x), float(y)) for x, y in pairs])
    return found


def texts(root: ET.Element) -> list[str | None]:
    return [each.text for each in root.iter("text")]


def test_points_keep_their_order_and_size() -> None:
    ((a, b, c),) = pieces(chart([3.0, 1.0, 2.0]))
    assert a[0] < b[0] < c[0]
    assert b[0] - a[0] == pytest.approx(c[0] - b[0], abs=0.2)
    assert a[1] < c[1] < b[1]  # down is more
    assert b[1] - a[1] == pytest.approx(2 * (b[1] - c[1]), abs=0.3)


def test_pointing_at_a_point_tells_its_value() -> None:
    tips = [each.findtext("title") for each in chart([0.5, 0.25]).iter("circle")]
    assert tips == ["s0: 0.5 at epoch 1", "s0: 0.25 at epoch 2"]


def test_gaps_break_the_line() -> None:
    for hole in (NAN, INF, -INF):
        root = chart([1.0, 2.0, hole, 3.0, hole, 4.0, 5.0])
        assert [len(piece) for piece in pieces(root)] == [2, 2]
        assert len(list(root.iter("circle"))) == 5


def test_a_point_alone_is_a_dot() -> None:
    root = chart([0.5])
    assert pieces(root) == []
    assert len(list(root.iter("circle"))) == 1


def test_two_lines_have_a_legend_and_differ_without_colour() -> None:
    root = chart([1.0, 2.0], [2.0, 3.0])
    assert {"s0", "s1"} <= set(texts(root))
    dashes = [each.get("stroke-dasharray") for each in root.iter("polyline")]
    assert dashes == [None, "5 4"]
    assert "s0" not in texts(chart([1.0, 2.0]))


@pytest.mark.parametrize("values", [[], [NAN], [INF, -INF, NAN]])
@pytest.mark.parametrize("log_y", [False, True])
def test_nothing_to_draw_is_said(values: list[float], log_y: bool) -> None:
    assert "nothing to show" in texts(chart(values, log_y=log_y))
    assert "nothing to show" in texts(ET.fromstring(line_chart([], title="Loss")))


def test_logarithmic_axes() -> None:
    ((a, b, c),) = pieces(chart([100.0, 1.0, 0.01], log_y=True))
    assert b[1] - a[1] == pytest.approx(c[1] - b[1], abs=0.2)
    assert [len(p) for p in pieces(chart([1.0, 2.0, 0.0, -1.0, 3.0, 4.0], log_y=True))] == [2, 2]
    assert len(pieces(chart([-1.0, -2.0], log_y=True))) == 1  # linear: nothing is positive


def test_epochs_are_whole_numbers() -> None:
    assert not {"1.5", "2.5"} & set(texts(chart([10.0, 20.0, 30.0])))


def test_marks() -> None:
    assert "best: 2" in texts(chart([1.0, 2.0, 3.0], mark=(2, "best: 2")))
    assert "far" not in texts(chart([1.0, 2.0, 3.0], mark=(20, "far")))


def test_what_cannot_be_seen_is_told() -> None:
    root = chart([2.0, NAN, 0.5], [3.0, 1.0, NAN])
    assert root.findtext("desc") == "s0 goes from 2 to 0.5; s1 goes from 3 to 1."
    assert chart([1.0], description="Told.").findtext("desc") == "Told."


def test_long_lines_keep_their_peaks() -> None:
    values = np.sin(np.arange(100_000) / 5000)
    values[54_321] = 40.0
    text = line_chart([Series("a", range(100_000), values.tolist())], title="A")
    root = ET.fromstring(text)
    (piece,) = pieces(root)
    assert 500 < len(piece) < 1500
    assert sum(y < 100 for _, y in piece) == 1
    assert not list(root.iter("circle"))
    assert len(text) < 50_000


def test_the_same_gap_in_a_long_line() -> None:
    values = [1.0] * 3000
    values[1000:2000] = [NAN] * 1000
    assert len(pieces(chart(values))) == 2


@given(st.lists(st.floats(), max_size=8), st.booleans())
def test_any_numbers_make_a_chart(values: list[float], log_y: bool) -> None:
    root = chart(values, log_y=log_y)
    numbers = [n for piece in pieces(root) for point in piece for n in point]
    assert all(-1 <= number <= 500 for number in numbers)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match="'a' has 2 x and 1 y"):
        line_chart([Series("a", [1, 2], [1])], title="A")


def test_hostile_names_are_text() -> None:
    root = ET.fromstring(
        line_chart([Series("</svg><script>", [1], [1])] * 2, title="<b>", x_label="&", y_label='"')
    )
    assert {each.tag for each in root.iter()} <= {"svg", "title", "desc", "text", "line", "circle"}

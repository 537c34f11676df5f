"""Single examples as pictures and rows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from retroprop.train.report import ReportData
from retroprop.train.report.examples import example_rows, example_shots, shown_columns


def cells(markup: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", markup)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]


def table(**fields: Any) -> list[list[str]]:
    data = ReportData(title="run", y_true=[0, 1], **fields)
    return cells(example_rows(data, [1], ["error"], [["+1"]], right=[0]))


def test_rows_of_every_kind() -> None:
    wanted = [["error", "a", "b"], ["+1", "3", "x"]]
    assert table(rows=[{"a": 1, "b": "w"}, {"a": 3, "b": "x"}]) == wanted
    assert table(rows=[(1, "w"), (3, "x")], columns=["a", "b"]) == wanted
    assert table(rows=[{"b": "w"}, {"b": "x", "a": 3}], columns=["a", "b"]) == wanted
    short = table(rows=[(1, 2), (3,)], columns=["a", "b"])
    assert short[1] == ["+1", "3", ""]


def test_sources_stand_before_the_columns() -> None:
    assert table(rows=[(1,), (2,)], sources=["row 2", "row 3"]) == [
        ["error", "from", "column 1"],
        ["+1", "row 3", "2"],
    ]


def test_too_many_columns_are_counted() -> None:
    data = ReportData(title="run", y_true=[0], rows=[tuple(range(20))])
    markup = example_rows(data, [0], [], [[]])
    assert "and 12 more columns" in markup
    assert len(cells(markup)[0]) == 8


def test_columns_of_numbers_are_aligned() -> None:
    data = ReportData(title="run", y_true=[0, 1], rows=[("1.5", "x"), ("", "7")])
    markup = example_rows(data, [0, 1], [], [[], []])
    assert '<th class="r">column 1</th><th>column 2</th>' in markup


def test_long_and_hostile_cells() -> None:
    row = ("x" * 1000, "<script>", 0.1 + 0.2, None)
    data = ReportData(title="run", y_true=[0], rows=[row], columns=["<a>", "b", "c", "d"])
    markup = example_rows(data, [0], [], [[]])
    assert len(markup) < 1000
    assert "<script" not in markup
    assert cells(markup)[1][1:] == ["&lt;script&gt;", "0.3", "None"]
    assert "<a>" not in markup


def test_no_rows_at_all() -> None:
    assert shown_columns(ReportData(title="run", y_true=[0])) == []
    assert table() == [["error"], ["+1"]]
    data = ReportData(title="run", y_true=[])
    assert example_rows(data, [], ["error"], []) == ""
    assert example_shots(data, [], []) == ""


def test_pictures() -> None:
    images = np.zeros((3, 300, 200, 3), np.uint8)
    data = ReportData(
        title="run", y_true=[0, 1, 2], images=images, sources=["a.png", '"><b>.png', "c.png"]
    )
    markup = example_shots(data, [1, 2], ["<b>cat</b>", "dog"])
    assert markup.count('src="data:image/png;base64,') == 2
    assert 'alt="&quot;&gt;&lt;b&gt;.png"' in markup
    assert "<b>cat</b>" in markup
    assert len(markup) < 2000  # made small, and empty pictures pack well

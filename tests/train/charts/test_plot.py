"""Frames: grid, axes, legend and notes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from retroprop.train.charts.plot import Plot, line, text


def drawn(plot: Plot) -> ET.Element:
    return ET.fromstring(plot.drawn("", standalone=False))


def test_texts_and_lines_are_escaped_elements() -> None:
    assert text("<b>", 0, 0, text_anchor="end") == (
        '<text x="0" y="0" text-anchor="end">&lt;b&gt;</text>'
    )
    assert line(0, 1, 2, 3) == '<line x1="0" y1="1" x2="2" y2="3"/>'


def test_the_frame_keeps_inside_the_picture() -> None:
    plot = Plot(300, 200, "A title")
    plot.legend(["one", "two"])
    across, down = plot.frame((0, 1000), (-5e6, 5e6), "x", "y")
    assert 0 < across.start < across.end < 300
    assert 0 < down.end < down.start < 200
    numbers = [
        float(value)
        for each in drawn(plot).iter("line")
        for value in (each.get("x1"), each.get("x2"))
        if value is not None
    ]
    assert min(numbers) >= 0
    assert max(numbers) <= 300


def test_ticks_are_labelled() -> None:
    plot = Plot(300, 200, "A")
    plot.frame((0, 10), (0, 1), "epoch", "loss", whole_x=True)
    texts = [each.text for each in drawn(plot).iter("text")]
    assert {"A", "epoch", "loss", "0.2", "1", "5", "10"} <= set(texts)


def test_long_titles_are_cut() -> None:
    plot = Plot(100, 100, "a very long title indeed")
    assert next(drawn(plot).iter("text")).text == "a very long…"


def test_the_second_name_is_dashed_too() -> None:
    plot = Plot(300, 200, "A")
    plot.legend(["one", "two"])
    dashes = [each.get("stroke-dasharray") for each in drawn(plot).iter("line")]
    assert dashes == [None, "5 4"]


def test_notes_stand_where_there_is_room() -> None:
    plot = Plot(300, 200, "A")
    plot.mark(20, "left")
    plot.mark(290, "right")
    anchors = [each.get("text-anchor") for each in drawn(plot).iter("text")][1:]
    assert anchors == ["start", "end"]


def test_a_file_has_a_margin() -> None:
    root = ET.fromstring(Plot(300, 200, "A").drawn("", standalone=True))
    assert root.get("viewBox") == "0 0 332 232"

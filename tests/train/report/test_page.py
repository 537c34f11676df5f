"""Blocks of the page: escaped where they take text, empty where there is nothing to show."""

from __future__ import annotations

from retroprop.train.report.page import (
    block,
    facts,
    figure,
    note,
    page,
    section,
    table,
    tile,
    tiles,
)

EVIL = '<script>alert("x")</script>'


def test_texts_are_escaped() -> None:
    blocks = [
        section(EVIL, EVIL, "x"),
        block("x", EVIL),
        figure("x", EVIL),
        tile(EVIL, EVIL),
        tiles({EVIL: EVIL}),
        facts({EVIL: EVIL}),
        note([EVIL]),
        table([EVIL], []),
        page(EVIL, "", "", ""),
    ]
    for markup in blocks:
        assert "<script" not in markup
        assert "&lt;script&gt;" in markup


def test_nothing_makes_no_empty_frames() -> None:
    assert [section("A", "b", "", ""), block(""), facts({}), note([]), tiles({})] == [""] * 5


def test_tables_align_numbers() -> None:
    markup = table(["a", "b"], [["x", "1"], ["y", '<td class="meter">2</td>']], right=[1])
    assert '<th>a</th><th class="r">b</th>' in markup
    assert '<td>x</td><td class="r">1</td>' in markup
    assert '<td>y</td><td class="meter">2</td>' in markup


def test_the_page_allows_no_scripts_and_loads_nothing() -> None:
    markup = page("A", "", "", "")
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in markup
    assert "<script" not in markup
    assert "http://" not in markup
    assert "https://" not in markup
    assert "url(" not in markup
    assert "@import" not in markup


def test_the_page_fits_its_readers() -> None:
    markup = page("A", "", "", "")
    for wanted in ("prefers-color-scheme:dark", "@media print", "max-width:640px", "width=device"):
        assert wanted in markup
    assert '<html lang="en">' in markup

"""Texts and elements of SVG are well-formed whatever is put into them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.train.charts.svg import THEME, clean, clipped, document, element, text_width

HOSTILE = ["<script>", "a & b", '"quoted"', "'", "]]>", "\x00\x1b[31m", "\udc80", "\u202eabc", ""]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_text(text: str) -> None:
    markup = element("text", clean(text), class_=text)
    root = ET.fromstring(markup.encode("utf-8"))
    assert len(root) == 0
    assert "script" not in root.tag


@given(st.text())
def test_any_text_is_well_formed(text: str) -> None:
    markup = document(10, 10, element("text", clean(text)), title=text, description=text)
    ET.fromstring(markup.encode("utf-8"))


def test_what_cannot_be_shown_is_marked_or_dropped() -> None:
    assert clean("a\x00b") == "a\ufffdb"
    assert clean("a\u202eb\u2066c") == "abc"
    assert clean("tab\tand\nline") == "tab\tand\nline"
    assert clean(3.5) == "3.5"


def test_clipping() -> None:
    assert [clipped("abcdef", length) for length in (6, 5, 1, 0)] == ["abcdef", "abcd…", "…", "…"]
    assert clipped("ab cdef", 4) == "ab…"


def test_attributes() -> None:
    markup = element("g", "x", stroke_dasharray="5 4", class_="a", fill=None, x=1 / 3)
    assert markup == '<g stroke-dasharray="5 4" class="a" x="0.33">x</g>'
    assert element("g") == "<g/>"


def test_a_file_of_its_own_brings_everything() -> None:
    alone = document(20, 10, "", title="A", standalone=True)
    root = ET.fromstring(alone)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("20", "10", "0 0 20 10")
    assert THEME.strip() in "".join(root.itertext())
    assert "prefers-color-scheme:dark" in alone
    assert "<style>" not in document(20, 10, "", title="A")


def test_screen_readers_find_a_name() -> None:
    root = ET.fromstring(document(20, 10, "", title="Loss", description="It falls."))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Loss. It falls."
    assert [child.text for child in root] == ["Loss", "It falls."]


def test_longer_texts_are_wider() -> None:
    assert text_width("abcd") == 2 * text_width("ab")
    assert text_width("ab", 24) == 2 * text_width("ab", 12)

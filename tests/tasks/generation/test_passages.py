"""Passages on colours of surprise."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from retroprop.tasks.generation.passages import most_surprising, passage, spread

SVG = "{http://www.w3.org/2000/svg}"


def test_every_character_has_its_colour_and_its_place():
    text, bits = 'a<b\nc"', np.array([0.0, 1, 2, 4, 8, 99])
    root = ElementTree.fromstring(passage(text, bits, title="A & B", standalone=True))
    boxes = [each for each in root.iter(f"{SVG}rect") if each.get("fill-opacity")]
    depths = [float(box.get("fill-opacity")) for box in boxes]
    assert len(boxes) == len(text)
    assert depths == sorted(depths)
    assert depths[-1] == depths[-2] < 1
    assert len({box.get("y") for box in boxes}) == 2
    lines = [each.text for each in root.iter(f"{SVG}text")]
    assert lines == ["A & B", "a<b↵", 'c"']
    assert boxes[1].find(f"{SVG}title").text == "< 1.0 bits"


def test_long_lines_are_broken_and_an_empty_one_is_a_picture_too():
    root = ElementTree.fromstring(
        passage("x" * 25, np.ones(25), title="t", columns=10, standalone=True)
    )
    assert [len(each.text) for each in root.iter(f"{SVG}text")][1:] == [10, 10, 5]
    assert passage("", np.zeros(0), title="t").startswith("<svg")


def test_the_worst_stretches_do_not_overlap():
    bits = np.zeros(100)
    bits[40:45], bits[80:83] = 9.0, 8.0
    (first, last), second = most_surprising(bits, 10, 2)
    assert first <= 40
    assert last >= 45
    assert second[0] <= 80
    assert second[1] >= 83
    assert most_surprising(np.ones(5), 10, 3) == [(0, 5)]
    assert most_surprising(np.ones(0), 10, 3) == []


def test_characters_of_a_token_share_its_bits():
    text, shares = spread(["to", "", " be"], np.array([4.0, 2.0, 3.0]))
    assert text == "to be"
    assert shares.tolist() == [2, 2, 1, 1, 1]

"""What a report shows of found boxes."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.tasks.detection.pictures import Scene, load
from retroprop.tasks.detection.score import Found, Truth, score
from retroprop.tasks.detection.show import outcomes, page_fields

A, B = [0.0, 0, 20, 20], [30.0, 30, 60, 60]


def case():
    truth = [Truth(np.array([A, B]), np.array([0, 1])), Truth(np.array([A]), np.array([0]))]
    found = [
        Found(np.array([A, B, B]), np.array([0.9, 0.8, 0.1]), np.array([0, 0, 1])),
        Found(np.array([A]), np.array([0.7]), np.array([0])),
    ]
    return found, truth


def test_what_came_of_each_image():
    first, second = outcomes(*case(), 0.3)
    assert first.right.tolist() == [True, False]  # the second has another class, the third no score
    assert first.seen.tolist() == [True, False]
    assert first.f1 == pytest.approx(0.5)
    assert second.f1 == 1.0
    assert outcomes(*case(), 0.05)[0].seen.tolist() == [True, True]


def test_the_page_says_and_shows_it():
    found, truth = case()
    scenes = [
        Scene(name, lambda: np.full((64, 64, 3), 90, np.uint8), one.boxes, ["x"] * len(one.labels))
        for name, one in zip(("<a>.png", "b.png"), truth, strict=True)
    ]
    fields = page_fields(load(scenes), ["red", "b&w"], score(found, truth, 2), found, truth, 0.3)
    big, sentences = fields["said"]
    assert big == f"{score(found, truth, 2).map50:.3f}"
    assert "Of 3 objects in 2 images, 2 were found (67%)" in sentences[0]
    page = fields["sections"]
    assert "&lt;a&gt;.png: 1 of 2 found, 1 of 2 boxes wrong" in page
    assert "b&amp;w" in page
    assert "b&w" not in page
    assert page.count("<image href=") == 4
    assert "up to 32" in page

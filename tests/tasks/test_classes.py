"""What tasks with classes share; the tasks themselves are tested in files of their own."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.errors import ArgumentError
from retroprop.tasks.classes import chance, class_weights, softmax


def test_weights_of_classes():
    assert class_weights("none", np.array([0, 1]), 2) is None
    weights = class_weights("balanced", np.array([0, 0, 1]), 3)
    assert weights[0] * 2 == pytest.approx(weights[1])
    assert weights[2] == 0.0
    assert softmax(np.array([[1000.0, -1000.0]])).tolist() == [[1.0, 0.0]]


def test_an_unknown_weighting_names_the_choices():
    with pytest.raises(ArgumentError, match="balanced"):
        class_weights("even", np.array([0, 1]), 2)


def test_a_share_of_none_or_all_has_no_error():
    assert chance(0.0, 10) == chance(1.0, 10) == chance(1.2, 10) == 0.0

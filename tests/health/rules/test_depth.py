"""The slope of the gradient along the layers."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.health.rules.depth import slope
from tests.health.networks import history


def test_the_factor_from_layer_to_layer() -> None:
    rows = [[0.1 ** (2 * (5 - i)) for i in range(6)]]
    found = slope(history("layer", "gradient", rows), 1e-3)
    assert found is not None
    assert found.per_layer == pytest.approx(0.1)
    assert found.total == pytest.approx(1e-5)
    assert (found.first, found.last, found.layers) == ("0", "5", 6)
    assert slope(history("layer", "gradient", rows), 1e-6) is None
    assert slope(history("layer", "gradient", [row[::-1] for row in rows]), 1e3) is not None


def test_since_when_it_has_been_so() -> None:
    steep, flat = [0.01 ** (5 - i) for i in range(6)], [1.0] * 6
    found = slope(history("layer", "gradient", [steep, flat, steep, steep]), 1e-3)
    assert found is not None
    assert found.step == 30


def test_few_layers_and_numbers_that_are_none_have_no_slope() -> None:
    assert slope(history("layer", "gradient", [[1e-9, 1.0]]), 1e-3) is None
    assert slope(history("layer", "gradient", [[np.nan, 1.0, 1.0, 1.0]]), 1e-3) is None


def test_pixels_count_together() -> None:
    made = history("layer", "gradient", [[1e-8, 1.0, 1.0, 1.0, 1.0]])
    before = slope(made, 0.9)
    made.sites[0] = made.sites[0]._replace(places=10_000)
    after = slope(made, 0.9)
    assert before is not None
    assert after is not None
    assert before.total < 0.1 * after.total

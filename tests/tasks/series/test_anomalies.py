"""Anomalies: about one in a hundred, and the wild one among them."""

from __future__ import annotations

import numpy as np

from retroprop.tasks.series.anomalies import band

RNG = np.random.default_rng(0)


def test_one_in_a_hundred_lies_outside():
    values = np.tile([-1.0, 0.0, 1.0], (2000, 1))
    truth = RNG.normal(size=2000)
    wide, distance = band(values, truth)
    outside = (truth < wide[:, 0]) | (truth > wide[:, 2])
    assert outside.sum() == (distance > 1).sum() == 20


def test_unknown_values_are_never_odd():
    values = np.tile([-1.0, 0.0, 1.0], (100, 1))
    truth = np.full(100, np.nan)
    assert not (band(values, truth)[1] > 1).any()
    truth[3] = 0.5
    assert np.isfinite(band(values, truth)[0]).all()

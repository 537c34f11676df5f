"""The curve of a range test."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.train.rates.curve import curve, smoothed

RATES = np.geomspace(1e-7, 10, 100)


def sweep(noise, seed, *, falls=True):
    """Losses before training and in a range test: a fall about 1e-3, a rise about 1."""
    draw = np.random.default_rng(seed)
    before = 2.0 + noise * draw.standard_normal(100)
    at = np.log10(RATES)
    losses = before - falls / (1 + np.exp(-3 * (at + 3))) + np.exp(4 * at)
    return losses + 0.1 * noise * draw.standard_normal(100), before


def made(noise, seeds=3, **options):
    sweeps, before = zip(*(sweep(noise, seed, **options) for seed in range(seeds)), strict=True)
    return curve(RATES, sweeps, before, float(np.mean(before)))


def test_smoothing_keeps_lines_and_averages_noise():
    ramp = np.arange(50.0)
    np.testing.assert_allclose(smoothed(ramp, 2.0)[10:40], ramp[10:40])
    noise = np.random.default_rng(0).standard_normal((2, 4000))
    assert smoothed(noise, 3.0).std() == pytest.approx(1 / np.sqrt(2 * np.sqrt(np.pi) * 3), rel=0.1)


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.3])
def test_ends_are_found_in_noise(noise):
    found = made(noise)
    assert found.is_clear
    assert found.fall == pytest.approx(1, abs=0.15)
    assert 1e-4 < found.rates[found.begins] < 1e-3
    assert 0.01 < found.rates[found.lowest] < 0.5


def test_what_makes_batches_differ_cancels():
    assert made(0.3).error[:30].max() < 0.3 / 10


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("seeds", [1, 3])
def test_no_fall_is_not_clear(noise, seeds):
    assert not made(noise, seeds, falls=False).is_clear


def test_sweeps_that_end_early_end_the_curve():
    (one, before), (other, _) = sweep(0.0, 0), sweep(0.0, 1)
    found = curve(RATES, [one[:60], other], [before, before], 2.0)
    assert (len(found.rates), found.losses.shape, found.ended) == (60, (2, 60), True)
    assert not made(0.0).ended


def test_one_huge_loss_does_not_hide_the_rest():
    one, before = sweep(0.0, 0)
    one[80] = 1e30
    found = curve(RATES, [one], [before], 2.0)
    assert found.losses.max() < 10
    assert found.fall == pytest.approx(1, abs=0.1)

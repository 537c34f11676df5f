"""Windows: what is looked at lies before the origin, and scales come from the training part."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from retroprop.tasks.series.features import Recipe, naive, origins, reach
from retroprop.tasks.series.frequency import Frequency
from retroprop.tasks.series.panel import Track

HOURLY = Frequency("seconds", 3600.0)
RNG = np.random.default_rng(0)


def track(values, extra=None):
    values = np.asarray(values, float)
    shown = np.zeros((len(values), 0)) if extra is None else extra
    known = np.ones(len(values), bool)
    return Track("a", np.arange(len(values)) * 3600.0, values, known, shown)


def wave(n=400, noise=1.0):
    return 50 + 10 * np.sin(np.arange(n) * 2 * np.pi / 24) + noise * RNG.normal(size=n)


def made(values, finance=False, season=(24,), **kwargs):
    one = track(values, **kwargs)
    recipe = Recipe(6, 48, list(season), HOURLY, finance)
    recipe.learn([(one, 300)], None)
    return recipe, one


def test_naive_forecasts_look_back_whole_seasons():
    z = np.arange(30.0)
    assert naive(z, np.array([20]), 5, 3).tolist() == [[17, 18, 19, 17, 18]]
    assert naive(z, np.array([20]), 2, 0).tolist() == [[19, 19]]


def test_origins_keep_all_steps_inside():
    at = origins(track(np.arange(50)), 5, 10, 20 * 3600.0, 40 * 3600.0)
    assert at.tolist() == list(range(20, 36))
    assert origins(track(np.arange(50)), 5, 10, -math.inf, math.inf)[0] == 10
    assert reach(48, [24], True) == 72


def test_the_better_naive_forecast_is_taken():
    assert made(wave())[0].base == 24
    assert made(np.cumsum(RNG.normal(size=400)))[0].base == 0


def test_logarithms_where_swings_grow_with_the_level():
    grown = np.exp(np.arange(400) / 100) * wave(noise=0.1)
    assert made(grown)[0].log
    assert not made(wave())[0].log
    assert not made(wave() - 60)[0].log


@pytest.mark.parametrize("finance", [False, True])
def test_inputs_do_not_know_what_comes_after_the_origin(finance):
    values = 100 + np.abs(np.cumsum(RNG.normal(size=400)))
    extra = RNG.normal(size=(400, 2)) if finance else np.zeros((400, 0))
    recipe, one = made(values, finance, () if finance else (24,), extra=extra)
    at = np.array([320])
    before = recipe.inputs(one, at)
    other = one.values.copy()
    other[320:] += 1000
    changed = extra.copy()
    changed[320:] = 9
    after = recipe.inputs(replace(one, values=other, extra=changed), at)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
        assert before[name].dtype == np.float32
    moved = other.copy()
    moved[319] += 5
    assert (recipe.inputs(replace(one, values=moved), at)["past"] != before["past"]).any()


def test_what_comes_after_the_training_part_changes_no_scale():
    values = wave()
    recipe, _ = made(values)
    values[300:] *= 3
    again, _ = made(values)
    assert again.to_dict() == recipe.to_dict()
    assert Recipe.from_dict(recipe.to_dict()).to_dict() == recipe.to_dict()


def test_targets_and_values_are_each_other_s_inverse():
    recipe, one = made(wave())
    at = np.array([310, 340])
    targets = recipe.targets(one, at)
    outputs = np.repeat(targets[..., :1], 3, axis=2)
    np.testing.assert_allclose(
        recipe.values(one, at, outputs)[..., 1], recipe.truth(one, at), rtol=1e-4
    )


def test_filled_values_do_not_count():
    one = track(wave())
    known = one.known.copy()
    known[330] = False
    one = replace(one, known=known)
    recipe = Recipe(6, 48, [24], HOURLY, False)
    recipe.learn([(one, 340)], None)
    targets = recipe.targets(one, np.array([328]))
    assert targets[0, :, 1].tolist() == [1, 1, 0, 1, 1, 1]
    assert targets[0, 2, 0] == 0
    assert np.isnan(recipe.truth(one, np.array([328]))[0, 2])
    assert recipe.gaps


def test_what_never_goes_below_zero_is_not_forecast_there():
    recipe, one = made(np.maximum(wave() - 50, 0), season=())
    assert recipe.possible(one, np.array([-1.0, 2.0])).tolist() == [0.0, 2.0]
    recipe, one = made(wave())
    assert recipe.possible(one, np.array([-1.0, 2.0])).tolist() == [-1.0, 2.0]


def test_the_last_origin_needs_only_dates_of_the_future():
    recipe, one = made(wave())
    end = np.array([len(one)])
    future = HOURLY.after(one.dates[-1], np.arange(1, 7))
    ready = recipe.inputs(one, end, future)
    assert ready["past"].shape[:2] == (1, 48)
    assert ready["ahead"].shape[:2] == (1, 6)

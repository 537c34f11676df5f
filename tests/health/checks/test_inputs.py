"""Inputs that a network cannot use well."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop import nn
from retroprop.health.checks.inputs import constant_columns, not_finite_inputs, unscaled_inputs
from tests.health.checks.cases import case, data, mlp


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_none(number):
    x, y = data()
    x[7, 3] = number
    (finding,) = not_finite_inputs(case(x=x))
    assert "(7, 3)" in finding.what
    assert list(not_finite_inputs(case())) == []
    (finding,) = not_finite_inputs(case(mlp(outputs=1), "mse", y=np.where(y, number, 1.0)[:, None]))
    assert "targets" in finding.what


def test_features_on_other_scales():
    x = data()[0]
    wide = x * np.array([1, 1000, 1, 1, 1, 1, 1, 1], "f4")
    (finding,) = unscaled_inputs(case(x=wide))
    assert "feature 1" in finding.what
    assert finding.weight >= 0.5
    assert list(unscaled_inputs(case(x=x * 200 + 128)))
    assert list(unscaled_inputs(case(x=x * 1e-3)))


def test_scaled_inputs_and_models_that_scale():
    x = data()[0]
    assert list(unscaled_inputs(case())) == []
    assert list(unscaled_inputs(case(x=np.eye(8, dtype="f4")[np.arange(64) % 8]))) == []
    normed = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 3))
    assert list(unscaled_inputs(case(normed, x=x * 1000))) == []


def test_words_have_no_scale():
    model = nn.Sequential(nn.Embedding(500, 4), nn.Flatten(), nn.Linear(32, 3))
    words = np.random.default_rng(0).integers(0, 500, (64, 8))
    assert list(unscaled_inputs(case(model, x=words))) == []


def test_constant_columns():
    x = data()[0]
    x[:, 2] = 7.0
    (finding,) = constant_columns(case(x=x))
    assert finding.where == ("feature 2",)
    assert finding.weight < 0.5
    (finding,) = constant_columns(case(x=np.ones((64, 8), "f4")))
    assert finding.weight == 1.0
    assert list(constant_columns(case())) == []


def test_constant_columns_of_a_table():
    columns = {"a": np.arange(64.0), "b": np.array(["x"] * 64, object)}
    dropped = {"c": "is 'A7' in every row", "d": "as asked"}
    (finding,) = constant_columns(case(columns=columns, options={"dropped": dropped}))
    assert finding.where == ("c", "b")

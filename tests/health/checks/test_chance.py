"""The loss of an untrained model, beside that of a guess."""

from __future__ import annotations

import math

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.health.checks.chance import chance, initial_loss
from tests.health.checks.cases import case, data, mlp, names


def test_what_a_guess_loses():
    x = data()[0]
    assert chance(case()) == pytest.approx(math.log(3))
    binary = case(mlp(outputs=1), nn.BCEWithLogitsLoss(), y=(x[:, :1] > 0).astype("f4"))
    assert chance(binary) == pytest.approx(math.log(2))
    squared = case(mlp(outputs=1), "mse", y=x[:, :1])
    assert chance(squared) == pytest.approx(float((x[:, 0] ** 2).mean()), rel=1e-5)
    assert chance(case(mlp(), lambda p, t: p.sum())) is None


def test_outputs_that_are_large_before_anything_is_known():
    model = mlp()
    assert list(initial_loss(case(model))) == []
    nn.init.normal_(model[4].weight, 0.0, 30.0)
    assert names(initial_loss(case(model))) == ["initial_loss"]


def test_a_model_that_was_trained_before():
    y = data()[1]
    model = nn.Linear(3, 3)
    with rp.no_grad():
        model.weight.assign(9.0 * np.eye(3, dtype="f4"))
    (finding,) = initial_loss(case(model, x=np.eye(3, dtype="f4")[y]))
    assert finding.weight < 0.5


def test_a_target_far_from_0():
    x = data()[0]
    sound = case(mlp(outputs=1), "mse", y=x[:, :1])
    far = case(mlp(outputs=1), "mse", y=x[:, :1] + 500)
    assert list(initial_loss(sound)) == []
    assert names(initial_loss(far)) == ["unscaled_target"]


def test_a_loss_that_is_no_number():
    x = data()[0]
    x[0, 0] = np.nan
    (finding,) = initial_loss(case(x=x))
    assert finding.weight == 1.0

"""Losses by name, weights, and what is no loss."""

from __future__ import annotations

import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, DTypeError, ShapeError
from retroprop.train.objective import Objective

X, Y = rp.asarray([[1.0], [3.0]]), rp.asarray([[0.0], [0.0]])


@pytest.mark.parametrize("loss", ["mse", "mse_loss", nn.functional.mse_loss, nn.MSELoss()])
def test_a_loss_is_a_name_a_function_or_a_module(loss):
    objective = Objective(loss)
    assert objective(X, Y, None).item() == 5.0
    assert objective(X, Y, rp.asarray([3.0, 1.0])).item() == 3.0


def test_weights_of_losses_with_several_outputs_average_over_them():
    x, y = rp.asarray([[1.0, 3.0], [0.0, 0.0]]), rp.zeros((2, 2))
    assert Objective("mse")(x, y, rp.asarray([1.0, 0.0])).item() == 5.0


def test_the_module_given_is_left_as_it_was():
    module = nn.MSELoss()
    Objective(module)(X, Y, rp.ones(2))
    assert module.reduction == "mean"


def test_unknown_names_get_the_nearest():
    with pytest.raises(ArgumentError, match="cross_entropy"):
        Objective("crossentropy")
    with pytest.raises(DTypeError, match="must be a name"):
        Objective(3)


def test_a_loss_must_be_one_number():
    with pytest.raises(ShapeError, match="one element"):
        Objective(lambda p, t: p - t)(X, Y, None)
    with pytest.raises(ArgumentError, match="reduction"):
        Objective(lambda p, t: (p - t).sum())(X, Y, rp.ones(2))

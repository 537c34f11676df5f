"""Shapes that do not fit stop a pass, or are found where they broadcast."""

from __future__ import annotations

from retroprop import nn
from retroprop.health.checks.shapes import failing_pass, loss_broadcast
from tests.health.checks.cases import case, data, mlp


def squared(prediction, target):
    return ((prediction - target) ** 2).mean()


def test_a_loss_of_ones_own_that_broadcasts():
    x = data()[0]
    (finding,) = loss_broadcast(case(mlp(outputs=1), squared, y=x[:, 0]))
    assert "(64, 1)" in finding.what
    assert "(64, 64)" in finding.what
    assert "reshape((64, 1))" in finding.remedy


def test_broadcasts_that_are_meant():
    x = data()[0]

    def pairwise(p, t):
        return ((p[:, None] - p[None]) ** 2).mean() + squared(p, t)

    assert list(loss_broadcast(case(mlp(outputs=1), pairwise, y=x[:, :1]))) == []
    assert list(loss_broadcast(case(mlp(outputs=1), squared, y=x[:, :1]))) == []
    assert list(loss_broadcast(case())) == []


def test_a_pass_that_stops_names_the_layer():
    model = nn.Sequential(nn.Linear(8, 4), nn.Linear(5, 3))
    (finding,) = failing_pass(case(model))
    assert finding.where == ("1",)
    assert finding.weight == 1.0
    assert list(failing_pass(case())) == []


def test_our_losses_refuse_and_say_why():
    (finding,) = failing_pass(case(mlp(outputs=1), "mse", y=data()[0][:, 0]))
    assert "differ in shape" in finding.what
    assert "squeeze" in finding.remedy

"""A few examples learnt by heart."""

from __future__ import annotations

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.core import rng
from retroprop.health.checks.overfit import overfit_one_batch
from tests.health.checks.cases import case, data, mlp


class Cut(nn.Module):
    def __init__(self):
        self.line = nn.Linear(8, 3)

    def forward(self, x):
        return self.line(x.mean(axis=0, keepdims=True).detach() * rp.ones((x.shape[0], 1)))


def test_a_sound_network_can():
    model = mlp(nn.ReLU, 3, 3, nn.Dropout(0.5))
    smooth = nn.CrossEntropyLoss(label_smoothing=0.2)
    state = rng.default_generator().get_state()
    before = model[0].weight.numpy().copy()
    assert list(overfit_one_batch(case(mlp()))) == []
    assert list(overfit_one_batch(case(model, smooth))) == []
    np.testing.assert_array_equal(before, model[0].weight.numpy())
    np.testing.assert_array_equal(state, rng.default_generator().get_state())


def test_a_network_that_sees_no_example_cannot():
    (finding,) = overfit_one_batch(case(Cut()))
    assert finding.evidence["best"] > 0.5 * finding.evidence["first"]


def test_a_loss_that_broadcasts_cannot_fall():
    y = data()[0][:, 0]
    (finding,) = overfit_one_batch(case(mlp(outputs=1), lambda p, t: ((p - t) ** 2).mean(), y=y))
    assert finding.weight >= 0.5


def test_a_pass_that_fails_is_not_tried():
    assert list(overfit_one_batch(case(nn.Linear(7, 3)))) == []

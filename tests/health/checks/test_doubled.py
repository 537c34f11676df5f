"""Doubled activations are found in the program, not by the names of layers."""

from __future__ import annotations

import pytest

import retroprop as rp
from retroprop import nn
from retroprop.health.checks.doubled import sigmoid_before_logits, softmax_before_cross_entropy
from retroprop.nn import functional as F
from tests.health.checks.cases import case, data, mlp


class Own(nn.Module):
    """A softmax that no layer and no function is named after, and a reshape behind it."""

    def __init__(self):
        self.line = nn.Linear(8, 3)

    def forward(self, x):
        powers = rp.exp(self.line(x))
        return (powers / powers.sum(axis=1, keepdims=True)).reshape(-1, 3)


@pytest.mark.parametrize(
    "model",
    [lambda: mlp(nn.ReLU, 3, 3, nn.Softmax(dim=1)), Own, lambda: mlp(nn.ReLU, 2, 3, nn.Softmin(1))],
)
@pytest.mark.parametrize("loss", ["cross_entropy", nn.CrossEntropyLoss(label_smoothing=0.1)])
def test_a_softmax_before_a_cross_entropy(model, loss):
    found = list(softmax_before_cross_entropy(case(model(), loss)))
    assert [finding.weight for finding in found] == [0.8]


def test_a_softmax_in_the_loss_itself():
    found = softmax_before_cross_entropy(
        case(mlp(), lambda p, t: F.cross_entropy(F.softmax(p, dim=1), t))
    )
    assert len(list(found)) == 1


def test_a_log_softmax_is_a_hint_only():
    found = list(softmax_before_cross_entropy(case(mlp(nn.ReLU, 3, 3, nn.LogSoftmax(dim=1)))))
    assert [finding.weight for finding in found] == [0.1]


def test_sound_uses_of_both():
    attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    x, y = data()
    model = nn.Sequential(attention, nn.Flatten(), nn.Linear(32, 3))
    for sound in (
        case(),
        case(mlp(nn.ReLU, 3, 3, nn.LogSoftmax(dim=1)), "nll"),
        case(mlp(nn.Sigmoid)),
        case(model, x=x.reshape(16, 4, 8), y=y[:16]),
    ):
        assert list(softmax_before_cross_entropy(sound)) == []
        assert list(sigmoid_before_logits(sound)) == []


def test_a_sigmoid_before_a_loss_of_logits():
    y = (data()[1][:, None] > 0).astype("f4")
    model = mlp(nn.ReLU, 3, 1, nn.Sigmoid())
    assert len(list(sigmoid_before_logits(case(model, nn.BCEWithLogitsLoss(), y=y)))) == 1
    assert list(sigmoid_before_logits(case(model, nn.BCELoss(), y=y))) == []
    assert list(sigmoid_before_logits(case(mlp(outputs=1), nn.BCEWithLogitsLoss(), y=y))) == []

"""All checks together: sound networks of many kinds have no defect, broken ones have."""

from __future__ import annotations

import json

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.health.doctor import examine, ranked
from retroprop.health.finding import Finding
from tests.health.checks.cases import case, data, mlp, names


def images():
    x, y = data(128)
    return nn.Sequential(
        nn.Unflatten(1, (2, 2, 2)),
        nn.Conv2d(2, 8, 2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(72, 3),
    ), {"x": x, "y": y}


class Last(nn.Module):
    def __init__(self):
        self.embed, self.lstm, self.head = nn.Embedding(20, 8), nn.LSTM(8, 16), nn.Linear(16, 3)

    def forward(self, words):
        return self.head(self.lstm(rp.permute_dims(self.embed(words), (1, 0, 2)))[0][-1])


def words():
    x = np.random.default_rng(0).integers(0, 20, (64, 6))
    return Last(), {"x": x, "y": (x[:, -1] % 3).astype("i8")}


def attention():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    x, y = data(256)
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(32, 3)), {
        "x": x.reshape(64, 4, 8), "y": y[:64],
    }  # fmt: skip


def numbers():
    x = data()[0]
    y = x[:, :1] * x[:, 1:2] + x[:, 2:3]
    return mlp(nn.Tanh, 3, 1), {"loss": "mse", "y": y}


@pytest.mark.parametrize("made", [lambda: (mlp(), {}), images, words, attention, numbers])
def test_sound_networks_have_no_defect(made):
    rp.manual_seed(0)
    model, changes = made()
    found = examine(case(model, **changes))
    assert names(found.defects) == []
    assert found.cost is not None


def test_a_broken_one_is_told_and_ranked():
    model = mlp(nn.ReLU, 3, 3, nn.Softmax(dim=1))
    x, y = data()
    x[:, 1] *= 1000
    found = examine(case(model, x=x, y=y))
    assert {"softmax_before_cross_entropy", "unscaled_inputs"} <= set(names(found.defects))
    weights = [finding.weight for finding in found.findings]
    assert weights == sorted(weights, reverse=True)
    assert json.loads(json.dumps(found.as_dict()))["defects"] == len(found.defects)
    assert "remedy" in str(found)


def test_layers_and_their_shapes():
    found = examine(case())
    assert [layer.name for layer in found.layers] == ["0", "1", "2", "3", "4"]
    assert found.layers[0].given == (64, 8)
    assert found.layers[0].parameters == 8 * 32 + 32


def test_a_finding_said_twice_is_kept_once():
    one = Finding("a", "", "", "", 0.3, where=("0",))
    assert ranked([one, one._replace(weight=0.6), one._replace(rule="b")])[0].weight == 0.6
    assert len(ranked([one, one])) == 1

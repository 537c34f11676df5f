"""A run that stopped anywhere continues to the same bits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import CheckpointError
from retroprop.interop import weights
from retroprop.train import Callback

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype(np.float32)
Y = (X.sum(1) > 0).astype(np.int64)
OPTIMIZERS = {
    "adamw": lambda p: optim.AdamW(p, lr=optim.schedule.cosine(0.05, 15)),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "muon": lambda p: optim.Muon(p, lr=0.02),
}


def trainer(optimizer="adamw", ema=False) -> rp.Trainer:
    rp.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2)
    )
    return rp.Trainer(
        model,
        optimizer=OPTIMIZERS[optimizer](model.parameters()),
        metrics=["accuracy"],
        ema=optim.EMA(model, 0.9) if ema else None,
    )


def fit(one, **options):
    return one.fit(X, Y, epochs=3, batch_size=12, validation_data=(X, Y), progress=False, **options)


class StopAt(Callback):
    def __init__(self, step):
        self.at = step

    def on_step(self, trainer, loss):
        if trainer.step == self.at:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGINT)


def bits(one):
    return [value.numpy().tobytes() for value in one.model.state_dict().values()]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("ema", [False, True])
@pytest.mark.parametrize("step", [1, 5, 7, 10])
def test_interrupted_and_resumed_equals_never_stopped(tmp_path, optimizer, ema, step):
    whole = trainer(optimizer, ema)
    fit(whole)
    first = trainer(optimizer, ema)
    with pytest.raises(KeyboardInterrupt):
        fit(first, callbacks=[StopAt(step)])
    first.save(tmp_path / "state")
    rp.manual_seed(99)
    second = trainer(optimizer, ema)
    rp.manual_seed(77)
    fit(second.resume(tmp_path / "state"))
    assert bits(second) == bits(whole)
    keys = ("epoch", "val_loss", "val_accuracy", "lr")
    assert [[r[k] for k in keys] for r in second.history] == [
        [r[k] for k in keys] for r in whole.history
    ]
    assert [r["loss"] for r in second.history] == [r["loss"] for r in whole.history]


def test_weights_are_not_a_state_and_other_models_do_not_fit(tmp_path):
    one = trainer()
    one.save_weights(tmp_path / "weights")
    with pytest.raises(CheckpointError, match=r"last\.safetensors"):
        one.resume(tmp_path / "weights")
    one.save(tmp_path / "state")
    other = rp.Trainer(nn.Linear(4, 2), optimizer="adam")
    with pytest.raises(CheckpointError):
        other.resume(tmp_path / "state")


@settings(max_examples=20)
@given(st.sampled_from(["epoch", "optimizer", "position", "history"]), st.booleans())
def test_a_garbled_header_is_explained(tmp_path_factory, key, remove):
    folder = tmp_path_factory.mktemp("state")
    one = trainer()
    one.save(folder / "state")
    tensors, text = weights.load_with_metadata(folder / "state")
    state = json.loads(text["trainer"])
    if remove:
        del state[key]
    content = json.dumps(state) if remove else text["trainer"][:-5]
    weights.save(tensors, folder / "state", {"trainer": content})
    with pytest.raises(CheckpointError):
        one.resume(folder / "state")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epoch", "x"),
        ("epoch", -1),
        ("step", []),
        ("history", {}),
        ("optimizer", 3),
        ("history", [3]),
        ("history", [{"epoch": 1, "loss": "x"}]),
        ("position", {"batch": "x"}),
    ],
)
def test_a_state_with_values_of_another_kind_is_explained(tmp_path, key, value):
    one = trainer()
    one.save(tmp_path / "state")
    tensors, text = weights.load_with_metadata(tmp_path / "state")
    state = {**json.loads(text["trainer"]), key: value}
    weights.save(tensors, tmp_path / "state", {"trainer": json.dumps(state)})
    with pytest.raises(CheckpointError, match="garbles"):
        one.resume(tmp_path / "state")

"""Averages of weights."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError, CheckpointError


def assign(param: rp.Tensor, value: Any) -> None:
    with rp.no_grad():
        param.assign(rp.asarray(np.asarray(value, param.dtype)))


def weight(*values: float, dtype: Any = np.float64) -> rp.Tensor:
    return rp.tensor(np.array(values, dtype), requires_grad=True)


@pytest.mark.parametrize("warmup", [False, True])
def test_formula(warmup: bool) -> None:
    w = weight(1.0, 2.0)
    ema = optim.EMA([w], decay=0.9, warmup=warmup)
    expected = w.numpy().copy()
    for n in range(30):
        assign(w, [n, -n])
        ema.update()
        decay = min(0.9, (1 + n) / (10 + n)) if warmup else 0.9
        expected = decay * expected + (1 - decay) * np.array([n, -n])
    np.testing.assert_allclose(ema.averages[0].numpy(), expected, rtol=1e-12)
    assert w.tolist() == [29.0, -29.0]


def test_never_looks_at_values(blind: AbstractContextManager[None]) -> None:
    ema = optim.EMA([weight(1.0)], warmup=True)
    with blind:
        ema.update()


def test_applied_and_back() -> None:
    w = weight(1.0)
    ema = optim.EMA([w], decay=0.5)
    assign(w, [3.0])
    ema.update()
    with ema.applied():
        assert w.item() == 2.0
        with pytest.raises(ArgumentError, match="stand in place of the weights"):
            ema.update()
        with pytest.raises(ArgumentError, match="stand in place of the weights already"):
            ema.applied().__enter__()
    assert w.item() == 3.0
    assert w.requires_grad
    ema.swap()
    assert w.item() == 2.0
    ema.swap()
    assert w.item() == 3.0


def test_weights_come_back_after_an_error() -> None:
    w = weight(1.0)
    ema = optim.EMA([w], decay=0.5)
    assign(w, [3.0])
    with pytest.raises(KeyError), ema.applied():
        raise KeyError
    assert w.item() == 3.0


def test_half_precision_is_averaged_in_float32() -> None:
    w = weight(1.0, dtype=np.float16)
    ema = optim.EMA([w], decay=0.9999)
    assign(w, [2.0])
    for _ in range(3):
        ema.update()
    assert ema.averages[0].dtype == np.float32
    assert 1.0002 < ema.averages[0].item() < 1.0004
    with ema.applied():
        assert w.dtype == np.float16
    assert ema.averages[0].item() > 1.0002


def test_of_a_model() -> None:
    class Model:
        def __init__(self) -> None:
            self.weight = weight(1.0)

        def named_parameters(self) -> Any:
            return iter([("layer.weight", self.weight)])

    ema = optim.EMA(Model(), decay=0.5)
    assert sorted(ema.state_dict()["state"]) == ["average.layer.weight", "count"]
    assert repr(ema) == "EMA(1 parameters, decay=0.5, warmup=False)"


def test_resume_is_exact() -> None:
    w = weight(1.0, 2.0, dtype=np.float32)
    whole = optim.EMA([w], decay=0.99, warmup=True)
    for n in range(4):
        assign(w, [n, n * 0.3])
        whole.update()
    state = whole.state_dict()
    rest = json.loads(json.dumps({"decay": state["decay"], "warmup": state["warmup"]}))
    resumed = optim.EMA([w], decay=0.5)
    resumed.load_state_dict({"state": state["state"], **rest})
    assign(w, [7.0, 8.0])
    whole.update()
    resumed.update()
    assert whole.averages[0].tolist() == resumed.averages[0].tolist()


def test_refused() -> None:
    w = weight(1.0)
    for decay in (-0.1, 1.5, "0.9", float("nan")):
        with pytest.raises(ArgumentError, match="EMA: decay is"):
            optim.EMA([w], decay=decay)
    with pytest.raises(ArgumentError, match="there are no parameters"):
        optim.EMA([])
    ema = optim.EMA([w])
    with pytest.raises(CheckpointError, match="not found"):
        ema.load_state_dict({})
    with pytest.raises(CheckpointError, match=r"average\.0 is missing"):
        ema.load_state_dict({"state": {"count": np.int64(1)}, "decay": 0.5, "warmup": True})
    assert ema.decay == 0.999

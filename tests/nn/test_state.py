"""state_dict and load_state_dict: round trips, and states that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import CheckpointError


def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2, bias=False))


def numbers(module: nn.Module) -> dict[str, Any]:
    return {name: tensor.numpy().copy() for name, tensor in module.state_dict().items()}


def test_round_trip() -> None:
    one, other = model(), model()
    one(rp.random.normal((5, 3)))
    result = other.load_state_dict(one.state_dict())
    assert result == ([], [])
    assert (result.missing_keys, result.unexpected_keys) == ([], [])
    for name, array in numbers(one).items():
        np.testing.assert_array_equal(other.state_dict()[name].numpy(), array)
    assert other[1].num_batches_tracked.item() == 1
    x = rp.ones((2, 3))
    assert one.eval()(x).tolist() == other.eval()(x).tolist()


def test_a_state_is_a_snapshot() -> None:
    one = nn.Linear(1, 1)
    state = one.state_dict()
    assert not any(tensor.requires_grad for tensor in state.values())
    before = state["weight"].tolist()
    with rp.no_grad():
        one.weight += 1
    assert state["weight"].tolist() == before


def test_loading_keeps_cells_and_flags() -> None:
    one = nn.Linear(2, 1)
    weight = one.weight
    one.bias.requires_grad_(False)
    one.load_state_dict({"weight": np.ones((1, 2)), "bias": [2]})
    assert one.weight is weight
    assert weight.requires_grad
    assert not one.bias.requires_grad
    assert weight.dtype == rp.float32
    assert one(rp.ones((1, 2))).tolist() == [[4.0]]


def test_loaded_arrays_are_copied() -> None:
    one, array = nn.Linear(1, 1, bias=False), np.ones((1, 1), np.float32)
    one.load_state_dict({"weight": array})
    array[:] = 7
    assert one.weight.tolist() == [[1.0]]


def test_all_that_is_wrong_is_listed_and_nothing_is_changed() -> None:
    one = model()
    before = numbers(one)
    state: dict[str, Any] = {name: array + 1 for name, array in before.items()}
    del state["0.bias"]
    state["0.weight"] = np.zeros((4, 9))
    state["2.bias"] = np.zeros(2)
    state["1.num_batches_tracked"] = np.array(1.5)
    state["1.bias"] = "text"
    with pytest.raises(CheckpointError) as caught:
        one.load_state_dict(state)
    text = str(caught.value)
    for line in [
        "Sequential: the state does not fit",
        "missing: 0.bias (4,)",
        "unexpected: 2.bias",
        "shape: 0.weight is (4, 3), the state has (4, 9)",
        "dtype: 1.num_batches_tracked is int64, the state has float64",
        "unreadable: 1.bias",
        "strict=False",
    ]:
        assert line in text
    for name, array in before.items():
        np.testing.assert_array_equal(one.state_dict()[name].numpy(), array)


def test_strict_false_leaves_out_what_does_not_match() -> None:
    one = nn.Linear(2, 1)
    bias = one.bias.tolist()
    result = one.load_state_dict({"weight": np.ones((1, 2)), "more": 1.0}, strict=False)
    assert result == (["bias"], ["more"])
    assert one.weight.tolist() == [[1.0, 1.0]]
    assert one.bias.tolist() == bias
    with pytest.raises(CheckpointError, match="shape: weight"):
        one.load_state_dict({"weight": np.ones((2, 2))}, strict=False)


def test_a_state_must_be_a_mapping() -> None:
    with pytest.raises(CheckpointError, match="a state is a dict of arrays by name, got list"):
        nn.Linear(1, 1).load_state_dict([1])  # type: ignore[arg-type]

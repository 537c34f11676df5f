"""Which parameters decay."""

from __future__ import annotations

from typing import Any

import pytest

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError


class LayerNorm:
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.weight = rp.ones(shape, requires_grad=True)

    def parameters(self) -> list[rp.Tensor]:
        return [self.weight]


class Model:
    """As much of a module as counts here."""

    def __init__(self) -> None:
        self.norm = LayerNorm((2, 2))
        self.tensors = {
            "linear.weight": rp.ones((2, 3), requires_grad=True),
            "linear.bias": rp.ones(2, requires_grad=True),
            "norm.weight": self.norm.weight,
            "attention.bias_k": rp.ones((1, 1, 2), requires_grad=True),
            "scale": rp.ones((), requires_grad=True),
        }

    def named_parameters(self) -> Any:
        return iter(self.tensors.items())

    def parameters(self) -> Any:
        return iter(self.tensors.values())

    def named_modules(self) -> Any:
        return [("", self), ("norm", self.norm)]


def named(groups: list[dict[str, Any]]) -> list[list[str]]:
    return [[name for name, _ in group["params"]] for group in groups]


def test_of_a_model() -> None:
    groups = optim.decay_groups(Model(), 0.1)
    rest = ["linear.bias", "norm.weight", "attention.bias_k", "scale"]
    assert named(groups) == [["linear.weight"], rest]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]


def test_of_parameters() -> None:
    model = Model()
    groups = optim.decay_groups(model.parameters(), 0.1)
    assert named(groups) == [["0", "2", "3"], ["1", "4"]]


def test_no_group_is_empty() -> None:
    vector, matrix = rp.ones(3, requires_grad=True), rp.ones((2, 2), requires_grad=True)
    assert [group["weight_decay"] for group in optim.decay_groups([vector], 0.1)] == [0.0]
    assert [group["weight_decay"] for group in optim.decay_groups([matrix], 0.1)] == [0.1]


def test_an_optimizer_takes_them() -> None:
    model = Model()
    opt = optim.AdamW(optim.decay_groups(model, 0.5), lr=1.0)
    for param in model.parameters():
        param.grad = rp.zeros(param.shape)
    opt.step()
    assert model.tensors["linear.weight"].tolist() == [[0.5] * 3] * 2
    assert model.tensors["linear.bias"].tolist() == [1.0, 1.0]
    assert opt.param_groups[0].names == ["linear.weight"]


def test_refused() -> None:
    with pytest.raises(ArgumentError, match="weight_decay is -1"):
        optim.decay_groups(Model(), -1)
    with pytest.raises(ArgumentError, match="there are no parameters"):
        optim.decay_groups([], 0.1)

"""Finding, naming and registering what a module is made of."""

from __future__ import annotations

from typing import Any

import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError


class Plain(nn.Module):
    """Forgets super().__init__()."""

    def __init__(self) -> None:
        self.second = nn.Linear(2, 2)
        self.first = nn.Parameter([1.0])
        self.nothing = None
        self.count = nn.Buffer([0])

    def forward(self, x: Any) -> Any:
        return self.second(x) * self.first


def names(pairs: Any) -> list[str]:
    return [name for name, _ in pairs]


def test_attributes_are_the_registry() -> None:
    model = Plain()
    assert names(model.named_parameters()) == ["first", "second.weight", "second.bias"]
    assert names(model.named_parameters(recurse=False)) == ["first"]
    assert names(model.named_buffers()) == ["count"]
    assert names(model.named_modules()) == ["", "second"]
    assert names(model.named_children()) == ["second"]
    assert list(model.children()) == [model.second]
    assert list(model.modules()) == [model, model.second]
    assert len(list(model.parameters())) == 3
    assert [b.tolist() for b in model.buffers()] == [[0]]
    assert model(rp.ones((1, 2))).shape == (1, 2)
    model.third = nn.Linear(1, 1)
    del model.second
    assert names(model.named_parameters()) == ["first", "third.weight", "third.bias"]


def test_shared_parts_count_once() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    assert len(list(model.parameters())) == 3
    every = names(model.named_parameters(remove_duplicate=False))
    assert every == ["0.weight", "0.bias", "1.weight", "1.bias"]
    twice = nn.Sequential(model, model)
    assert len(list(twice.modules())) == 4
    assert len(list(twice.named_modules(remove_duplicate=False))) == 7
    assert names(twice.named_children()) == ["0"]


class Hidden(nn.Module):
    def __init__(self, held: Any) -> None:
        self.held = held

    def forward(self, x: Any) -> Any:
        return x


@pytest.mark.parametrize(
    ("make", "kind", "fix"),
    [
        (lambda: [nn.Linear(1, 1)], "list", "nn.ModuleList"),
        (lambda: (nn.Linear(1, 1), 3), "tuple", "nn.ModuleList"),
        (lambda: {"a": nn.Linear(1, 1)}, "dict", "nn.ModuleDict"),
        (lambda: [nn.Parameter([1.0])], "list", "nn.ParameterList"),
    ],
)
def test_plain_containers_are_refused(make: Any, kind: str, fix: str) -> None:
    model = Hidden(make())
    uses: list[Any] = [
        lambda: list(model.parameters()),
        lambda: model(rp.ones(1)),
        lambda: nn.Sequential(model).state_dict(),
        lambda: nn.Sequential(model).train(),
    ]
    for use in uses:
        with pytest.raises(ArgumentError, match=f"Hidden.held is a plain {kind} with") as caught:
            use()
        assert fix in str(caught.value)


def test_plain_containers_of_what_is_registered_pass() -> None:
    model = Plain()
    model.order = [model.second, model.first]
    model.deep = {"weight": model.second.weight}
    model.sizes = [1, 2]
    teacher = nn.Linear(1, 1)
    model.kept_out = lambda: teacher
    assert len(list(model.parameters())) == 3
    assert model(rp.ones((1, 2))).shape == (1, 2)


def test_getting_by_path() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)))
    assert model.get_submodule("") is model
    assert model.get_submodule("0.1") is model[0][1]
    assert model.get_parameter("0.0.bias") is model[0][0].bias
    assert model.get_buffer("0.1.running_var") is model[0][1].running_var
    for use, match in [
        (lambda: model.get_submodule("0.2"), "has no module '0.2'"),
        (lambda: model.get_parameter("0.0.bais"), "did you mean '0.0.bias'"),
        (lambda: model.get_parameter("0.0"), "has no parameter '0.0'"),
        (lambda: model.get_buffer("0.1.runing_var"), "did you mean '0.1.running_var'"),
        (lambda: model.get_submodule("0.0.weight.x"), "has no module"),
    ]:
        with pytest.raises(ArgumentError) as caught:
            use()
        assert match in str(caught.value)


def test_registering_by_name() -> None:
    model = nn.Module()
    model.register_parameter("w", nn.Parameter([1.0]))
    model.register_parameter("none", None)
    model.register_module("child", nn.Linear(1, 1))
    model.add_module("other", nn.Identity())
    model.register_buffer("b", rp.asarray([1]))
    model.register_buffer("c", [2.0], persistent=False)
    assert names(model.named_parameters()) == ["w", "child.weight", "child.bias"]
    assert names(model.named_buffers()) == ["b", "c"]
    assert list(model.state_dict()) == ["w", "b", "child.weight", "child.bias"]
    model.register_buffer("b", [5])
    assert model.b.tolist() == [5]
    uses: list[tuple[Any, str]] = [
        (lambda: model.register_buffer("forward", [1]), "has an attribute 'forward' already"),
        (lambda: model.register_parameter("child", nn.Parameter([1.0])), "already"),
        (lambda: model.register_parameter("a.b", nn.Parameter([1.0])), "no dots"),
        (lambda: model.register_module("", nn.Identity()), "no name"),
        (lambda: model.register_parameter("x", rp.ones(1)), "must be a Parameter, got Tensor"),
        (lambda: model.register_module("x", 3), "must be a Module, got int"),
    ]
    for use, match in uses:
        with pytest.raises(ArgumentError, match=match):
            use()

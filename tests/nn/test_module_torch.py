"""Modules against PyTorch: names, orders, state, traversal, hooks, a whole network."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from tests.nn.parity import agree, same_state

torch = pytest.importorskip("torch")


def build(lib: Any) -> Any:
    """The same network from either library."""

    class Block(lib.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv = lib.Conv2d(3, 4, 3, padding=1)
            self.register_buffer("scale", self.conv.bias.detach() * 0 + 2.0)
            self.register_buffer("hidden", self.conv.bias.detach(), persistent=False)
            self.bn = lib.BatchNorm2d(4)

        def forward(self, x: Any) -> Any:
            return self.bn(self.conv(x))

    class Net(lib.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.blocks = lib.ModuleList(Block() for _ in range(2))
            self.heads = lib.ModuleDict({"b": lib.Linear(4, 2), "a": lib.Linear(4, 3)})
            self.tail = lib.Sequential(OrderedDict(first=lib.Flatten(), last=lib.Identity()))
            self.tied = self.heads["a"]
            self.bias = None

        def forward(self, x: Any) -> Any:
            y = self.blocks[0](x) + self.blocks[1](x)
            y = self.tail(lib.AdaptiveAvgPool2d(1)(y))
            return self.heads["a"](y), self.heads["b"](y), self.tied(y)

    return Net()


def test_names_orders_and_shared_modules() -> None:
    ours, theirs = build(nn), build(torch.nn)
    for method in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        expected = [name for name, _ in getattr(theirs, method)()]
        assert [name for name, _ in getattr(ours, method)()] == expected, method
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert list(ours.state_dict(prefix="net.")) == list(theirs.state_dict(prefix="net."))
    assert [n for n, _ in ours.named_parameters("net")] == [
        n for n, _ in theirs.named_parameters("net")
    ]
    assert [n for n, _ in ours.named_modules(remove_duplicate=False)] == [
        n for n, _ in theirs.named_modules(remove_duplicate=False)
    ]


def test_a_whole_network_and_its_copy() -> None:
    x = np.random.default_rng(0).normal(size=(3, 3, 5, 5))
    ours, theirs = build(nn), build(torch.nn)
    agree(torch, ours, theirs, [x], tolerance=(1e-9, 1e-10))
    copied = copy.deepcopy(ours)
    same_state(torch, copied, theirs, rtol=1e-9)
    assert copied.tied is copied.heads["a"]
    assert copied.heads["a"].weight is not ours.heads["a"].weight


def test_order_of_apply_and_repr() -> None:
    ours, theirs = build(nn), build(torch.nn)
    names: tuple[list[str], list[str]] = [], []
    ours.apply(lambda m: names[0].append(type(m).__name__))
    theirs.apply(lambda m: names[1].append(type(m).__name__))
    assert names[0] == names[1]
    ours.blocks = nn.ModuleList([ours.blocks[0]])
    theirs.blocks = torch.nn.ModuleList([theirs.blocks[0]])
    lines = repr(ours).splitlines()
    assert [line.split("(")[0] for line in lines] == [
        line.split("(")[0] for line in repr(theirs).splitlines()
    ]
    assert "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))" in lines[3]


def test_backward_hooks_see_and_replace_the_same() -> None:
    seen: tuple[list[Any], list[Any]] = [], []

    def watch(store: list[Any]) -> Any:
        def hook(module: Any, grad_input: Any, grad_output: Any) -> Any:
            store.append([None if g is None else np.asarray(g.detach()) for g in grad_input])
            store.append([np.asarray(g.detach()) for g in grad_output])
            return tuple(None if g is None else g * 3 for g in grad_input)

        return hook

    x, z = (np.random.default_rng(i).normal(size=(4, n)) for i, n in ((0, 3), (1, 2)))
    ours, theirs = nn.Bilinear(3, 2, 5).double(), torch.nn.Bilinear(3, 2, 5).double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    ours.register_full_backward_hook(watch(seen[0]))
    theirs.register_full_backward_hook(watch(seen[1]))
    a = [rp.tensor(v, requires_grad=True) for v in (x, z)]
    b = [torch.tensor(v, requires_grad=True) for v in (x, z)]
    (ours(*a) ** 2).sum().backward()
    (theirs(*b) ** 2).sum().backward()
    assert len(seen[0]) == len(seen[1]) == 2
    for mine, expected in zip(*seen, strict=True):
        for one, other in zip(mine, expected, strict=True):
            np.testing.assert_allclose(one, other)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one.grad.numpy(), other.grad.numpy())


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_a_backward_hook_on_a_first_layer() -> None:
    seen: tuple[list[Any], list[Any]] = [], []
    for lib, tensor, store in ((nn, rp.ones, seen[0]), (torch.nn, torch.ones, seen[1])):
        layer = lib.Linear(3, 2)
        layer.register_full_backward_hook(lambda m, i, o, s=store: s.append((i, o[0].tolist())))
        layer(tensor((4, 3))).sum().backward()
    assert seen[0] == seen[1] == [((None,), [[1.0, 1.0]] * 4)]

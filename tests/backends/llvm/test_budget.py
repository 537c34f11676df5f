"""A program that may use only so much memory."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.backends.llvm.budget import size_of
from retroprop.errors import ArgumentError, RetropropError


@pytest.mark.parametrize(
    ("given", "size"), [(5, 5), ("7", 7), ("2 kB", 2000), ("1.5MiB", 3 << 19), ("1gb", 10**9)]
)
def test_sizes(given, size):
    assert size_of(given) == size


@pytest.mark.parametrize("given", ["", "many", "12 parsecs", 0, -1, True, 1.5, "0MB"])
def test_what_is_no_size_is_explained(given):
    with pytest.raises(ArgumentError, match="is no size"):
        size_of(given)


def step_of(memory):
    rp.manual_seed(0)
    layers = [nn.Conv2d(8, 8, 3, padding=1) for _ in range(6)]
    norms = [nn.BatchNorm2d(8) for _ in range(6)]
    parameters = [p for layer in (*layers, *norms) for p in layer.parameters()]
    optimizer = optim.SGD(parameters, lr=0.1)

    @rp.compile(memory=memory)
    def step(x):
        for layer, norm in zip(layers, norms, strict=True):
            x = nn.functional.relu(norm(layer(x)))
        loss = (x * x).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return step


def test_the_same_losses_within_less_memory():
    x = rp.asarray(np.random.default_rng(0).standard_normal((8, 8, 16, 16)).astype(np.float32))
    plain = step_of(None)
    expected = [plain(x).item() for _ in range(3)]
    peak = plain._latest.program.facts.peak
    less = step_of(int(0.8 * peak))
    assert [less(x).item() for _ in range(3)] == expected
    assert less._latest.program.facts.peak < 0.9 * peak
    assert "again" not in less.report()  # it costs nothing itself
    assert less._latest.program.plan.graph is not less._latest.program.graph


def test_a_budget_that_cannot_be_met_says_what_can():
    x = rp.ones((8, 8, 16, 16))
    with pytest.raises(RetropropError, match=r"needs .* MB .* does not fit into 0\.0 MB"):
        step_of("1 kB")(x)
    with pytest.raises(ArgumentError, match="backend='native'"):
        rp.compile(lambda x: x, backend="numpy", memory="1MB")
    with pytest.raises(ArgumentError, match="winograd=3"):
        rp.compile(lambda x: x, winograd=3)

"""Planted causes of NaN and infinity: op, layer, phase and sample are named, state is unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, ops, optim
from retroprop.errors import DivergedError
from retroprop.health import explain
from retroprop.nn import functional as F

BATCH = 6
Function = Callable[..., Any]


def plain(seed: int = 0) -> Any:
    """Inputs (6, 4) between 0.5 and 1.5, a new array each time."""
    return np.random.default_rng(seed).uniform(0.5, 1.5, (BATCH, 4)).astype(np.float32)


def planted(*places: tuple[int, int, float]) -> Any:
    """Such inputs with other numbers at some places."""
    x = plain()
    for row, column, number in places:
        x[row, column] = number
    return x


class Net(nn.Module):
    """A layer, a function that may break, and another layer."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        rp.manual_seed(0)
        self.body = Part(function)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x))


class Part(nn.Module):
    def __init__(self, function: Function) -> None:
        super().__init__()
        self.scale = nn.Parameter(np.ones(4, np.float32))
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x * self.scale)


class Cause(NamedTuple):
    """What is planted, and what has to be named."""

    function: Function
    x: Any
    op: str
    phase: str
    samples: tuple[int, ...]
    made: str
    call: str = ""


def by_hand(x: Any) -> Any:
    e = ops.exp(x)
    return e / ops.sum(e, axis=1, keepdims=True)


def masked(x: Any) -> Any:
    return F.softmax(rp.where(x > 0, x, -float("inf")), dim=1)


def spread(x: Any) -> Any:
    """Each row by its own deviation."""
    centred = x - ops.sum(x, axis=1, keepdims=True) / 4
    return centred / ops.sqrt(ops.sum(centred * centred, axis=1, keepdims=True))


def means(x: Any) -> Any:
    """The mean of the positive elements of each row."""
    chosen = rp.astype(x > 0, rp.float32)
    return x * (ops.sum(x * chosen, axis=1, keepdims=True) / ops.sum(chosen, axis=1, keepdims=True))


def cosine(x: Any) -> Any:
    length = ops.sqrt(ops.sum(x * x, axis=1, keepdims=True))
    return x / length


def recurrent(x: Any) -> Any:
    """A state that is squared in each of five steps."""

    def step(h: Any, _: Any) -> tuple[Any, Any]:
        return h * h, None

    return rp.scan(step, x, length=5)[0]


FORWARD, BACKWARD = "forward", "backward"
NAN, INF = "nan", "inf"
ROW = [(2, j, 0.0) for j in range(4)]
LOW = [(2, j, -1.0) for j in range(4)]

CAUSES = {
    "log of 0": Cause(rp.log, planted((2, 1, 0.0)), "log", FORWARD, (2,), "-inf"),
    "log of a negative": Cause(rp.log, planted((4, 0, -1.0)), "log", FORWARD, (4,), NAN),
    "0 / 0": Cause(lambda x: x / (x * 1), planted((1, 3, 0.0)), "divide", FORWARD, (1,), NAN),
    "1 / 0": Cause(lambda x: 1.0 / x, planted((5, 3, 0.0)), "divide", FORWARD, (5,), INF),
    "exp": Cause(rp.exp, planted((0, 0, 100.0)), "exp", FORWARD, (0,), INF),
    "exp minus exp": Cause(
        lambda x: rp.exp(x) - rp.exp(x + 1), planted((3, 0, 99.0)), "exp", FORWARD, (3,), INF
    ),
    "sqrt of a negative": Cause(rp.sqrt, planted((3, 1, -4.0)), "sqrt", FORWARD, (3,), NAN),
    "sqrt' at 0": Cause(rp.sqrt, planted((3, 1, 0.0)), "sqrt", BACKWARD, (3,), "-inf"),
    "norm' at 0": Cause(
        lambda x: x + ops.sqrt(ops.sum(x * x, axis=1, keepdims=True)),
        planted(*ROW), "sqrt", BACKWARD, (2,), "-inf",
    ),
    "negative ** 0.5": Cause(
        lambda x: x**0.5, planted((1, 1, -2.0)), "power", FORWARD, (1,), NAN
    ),
    "0 ** -2": Cause(lambda x: x**-2.0, planted((4, 2, 0.0)), "power", FORWARD, (4,), INF),
    "power' at 0": Cause(lambda x: x**0.5, planted((4, 2, 0.0)), "power", BACKWARD, (4,), INF),
    "atanh": Cause(
        lambda x: rp.atanh(x / 2), planted((2, 2, 3.0)), "atanh", FORWARD, (2,), NAN
    ),
    "acos": Cause(lambda x: rp.acos(x / 2), planted((2, 2, 3.0)), "acos", FORWARD, (2,), NAN),
    "acos' at 1": Cause(
        lambda x: rp.acos(x / 2), planted((2, 2, 2.0)), "acos", BACKWARD, (2,), "-inf"
    ),
    "log1p": Cause(rp.log1p, planted((0, 2, -1.0)), "log1p", FORWARD, (0,), "-inf"),
    "softmax by hand": Cause(by_hand, planted((5, 1, 200.0)), "exp", FORWARD, (5,), INF),
    "log of softmax": Cause(
        lambda x: rp.log(F.softmax(x, dim=1)), planted((1, 1, 200.0)), "log", FORWARD, (1,), "-inf"
    ),
    "a masked row": Cause(masked, planted(*LOW), "subtract", FORWARD, (2,), NAN, "softmax"),
    "variance of one": Cause(
        lambda x: x + rp.var(x[:, :1], axis=1, correction=1, keepdims=True),
        plain(), "multiply", FORWARD, tuple(range(BATCH)), NAN, "var",
    ),
    "no spread": Cause(spread, planted(*ROW), "divide", FORWARD, (2,), NAN),
    "cosine of zeros": Cause(cosine, planted(*ROW), "divide", FORWARD, (2,), NAN),
    "mean of none": Cause(means, planted(*LOW), "divide", FORWARD, (2,), NAN),
    "where": Cause(
        lambda x: rp.where(x > 0, rp.sqrt(x), 0.0),
        planted((2, 1, -1.0)), "sqrt", BACKWARD, (2,), NAN,
    ),
    "where, inf": Cause(
        lambda x: rp.where(x < 50, rp.exp(x), x),
        planted((2, 1, 99.0)), "exp", BACKWARD, (2,), NAN,
    ),
    "recurrent": Cause(recurrent, planted((1, 0, 1e5)), "multiply", FORWARD, (1,), INF),
    "cumulative product": Cause(
        lambda x: rp.cumulative_prod(x, axis=1), planted((1, 0, 1e30), (1, 1, 1e30)),
        "cumulative_prod", FORWARD, (1,), INF,
    ),
    "float16": Cause(
        lambda x: rp.astype(rp.astype(x, rp.float16) * 1000, rp.float32),
        planted((3, 3, 99.0)), "multiply", FORWARD, (3,), INF,
    ),
    "cast to float16": Cause(
        lambda x: rp.astype(rp.astype(x, rp.float16), rp.float32),
        planted((3, 3, 1e6)), "cast", FORWARD, (3,), INF,
    ),
    "sum": Cause(
        lambda x: x + ops.sum(x, axis=1, keepdims=True),
        planted((4, 0, 3e38), (4, 1, 3e38)), "sum", FORWARD, (4,), INF,
    ),
}  # fmt: skip


def loss_of(net: Net) -> Function:
    def loss(x: Any) -> Any:
        return ops.sum(ops.square(net(x) * 1e-3)) / BATCH

    return loss


@pytest.mark.parametrize("name", CAUSES)
def test_a_planted_cause_is_named(name: str) -> None:
    cause = CAUSES[name]
    found = explain(loss_of(Net(cause.function)), rp.asarray(cause.x))
    assert found is not None
    seen = found.op, found.phase, found.samples, found.made, found.call
    assert seen == cause[2:]
    assert found.layer == "layer body: Part()"
    assert found.given == ""
    assert "test_provenance.py:" in found.where
    assert found.chain
    assert found.remedy


@pytest.mark.parametrize("name", ["log of 0", "where", "recurrent", "a masked row"])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_trainer_names_it_too(name: str, compiled: bool) -> None:
    cause = CAUSES[name]
    net = Net(cause.function)
    optimizer = optim.Adam(net.parameters(), lr=1e-4)
    trainer = rp.Trainer(net, loss="mse", optimizer=optimizer, compiled=compiled)
    before = {key: value.numpy().copy() for key, value in net.state_dict().items()}
    x = np.concatenate([plain(1), plain(2), cause.x])
    with pytest.raises(DivergedError, match="was not applied") as caught:
        trainer.fit(x, np.zeros((18, 2), "f4"), batch_size=6, shuffle=False, progress=False)
    found = caught.value.provenance
    assert (found.op, found.phase, found.samples) == (cause.op, cause.phase, cause.samples)
    assert found.layer == "layer body: Part()"
    assert found.rows == tuple(12 + sample for sample in cause.samples)
    assert trainer.step == 2
    assert not all((before[k] == v.numpy()).all() for k, v in net.state_dict().items())
    assert all(np.isfinite(v.numpy()).all() for v in net.state_dict().values())
    json.dumps(found.as_dict(), allow_nan=False)


# -- what was not finite before anything was computed ---------------------------------------------


def straight(x: Any) -> Any:
    return x


def test_an_infinite_input() -> None:
    x = planted((3, 1, np.inf))
    found = explain(loss_of(Net(straight)), rp.asarray(x))
    assert found is not None
    assert (found.given, found.made, found.samples) == ("argument x", "inf", (3,))


def test_a_nan_in_the_input_of_two_samples() -> None:
    found = explain(loss_of(Net(straight)), rp.asarray(planted((1, 1, np.nan), (5, 0, np.nan))))
    assert found is not None
    assert (found.given, found.made, found.samples) == ("argument x", "nan", (1, 5))
    assert found.layer == "layer body: Part()"


def test_a_nan_in_the_targets() -> None:
    net = Net(straight)
    y = np.zeros((BATCH, 2), np.float32)
    y[4, 1] = np.nan
    found = explain(lambda x, y: F.mse_loss(net(x), y), rp.asarray(plain()), rp.asarray(y))
    assert found is not None
    assert (found.given, found.samples, found.call) == ("argument y", (4,), "mse_loss")


def test_a_nan_weight() -> None:
    net = Net(straight)
    with rp.no_grad():
        net.head.bias.assign(rp.asarray([1.0, np.nan]))
    found = explain(loss_of(net), rp.asarray(plain()))
    assert found is not None
    assert (found.given, found.samples) == ("weight head.bias", ())
    assert found.layer.startswith("layer head: Linear(")
    assert "last good state" in found.remedy


def test_an_input_behind_a_function_that_hides_it() -> None:
    x = rp.asarray(planted((3, 1, np.inf)))
    found = explain(lambda x: ops.sum(nn.Linear(4, 2)(rp.tanh(x)) * 1.0), x)
    assert found is None
    net = nn.Linear(4, 2)
    found = explain(lambda x: ops.sum(rp.tanh(net(x))) * 1.0, rp.asarray(np.abs(x.numpy())))
    assert found is not None  # the gradient of the weight is 0 * inf
    assert (found.given, found.phase, found.samples) == ("argument x", "backward", (3,))


# -- losses and steps ------------------------------------------------------------------------------


def test_cross_entropy_of_probabilities_made_by_hand() -> None:
    net, y = Net(straight), rp.asarray(np.eye(2, dtype="f4")[[0, 1, 0, 1, 0, 1]])

    def loss(x: Any, y: Any) -> Any:
        p = F.softmax(net(x) * 1000, dim=1)
        return -ops.sum(y * rp.log(p)) / BATCH

    found = explain(loss, rp.asarray(plain()), y)
    assert found is not None
    assert (found.op, found.phase, found.layer) == ("log", "forward", "")
    p = F.softmax(net(rp.asarray(plain())) * 1000, dim=1).numpy()
    assert found.samples == tuple(np.flatnonzero((p == 0).any(axis=1)).tolist())
    assert "rp.log(p)" in found.where
    assert "log_softmax" in found.remedy
    assert found.chain[0].startswith("softmax 0 to 1")


def test_a_gradient_that_overflows_though_the_loss_is_finite() -> None:
    w = rp.tensor([1e-35, 2.0], requires_grad=True)
    found = explain(lambda: ops.sum(rp.log(w) * 1e10))
    assert found is not None
    assert (found.op, found.phase, found.made) == ("log", "backward", "inf")
    assert "weight w" in found.chain[-1]


def test_a_norm_that_overflows_though_the_gradient_is_finite() -> None:
    w = rp.tensor([1.0, 2.0], requires_grad=True)

    def step() -> Any:
        loss = ops.sum(w * 1e25)
        loss.backward()
        return ops.require_finite(optim.grad_norm([w]), what="the norm of the gradient")

    found = explain(step)
    assert found is not None
    assert (found.failed, found.phase, found.op) == (
        "the norm of the gradient is inf", "update", "square",
    )  # fmt: skip


def test_a_huge_learning_rate_is_in_the_chain() -> None:
    rp.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    trainer = rp.Trainer(net, loss="mse", optimizer=optim.SGD(net.parameters(), lr=50.0))
    with pytest.raises(DivergedError, match="learning rate 50: the loss rose from") as caught:
        trainer.fit(plain(), np.ones((BATCH, 2), "f4"), epochs=40, batch_size=6, progress=False)
    assert caught.value.provenance.phase in {"forward", "backward"}
    assert "lower the learning rate (now 50)" in str(caught.value)


def test_it_prints_as_a_few_lines() -> None:
    cause = CAUSES["log of 0"]
    text = str(explain(loss_of(Net(cause.function)), rp.asarray(cause.x)))
    lines = text.splitlines()
    assert lines[0] == "the result is inf: log gave -inf in 1 of 24 elements, forward pass"
    assert lines[1] == "  in layer body: Part()"
    assert lines[2].startswith("  x (multiply in layer body): (6, 4) from 0 to 1.")
    assert lines[3] == "  sample: row 2 of the batch of 6"
    assert lines[4].startswith("  because: multiply in layer body 0 to 1.")


def test_what_is_finite_has_no_provenance() -> None:
    assert explain(loss_of(Net(straight)), rp.asarray(plain())) is None

"""Activation modules: each calls its function with its options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import activation
from retroprop.nn import functional as F

X = np.random.default_rng(0).normal(0.0, 3.0, (4, 6)).astype(np.float32)

CASES: list[tuple[Any, Any]] = [
    (nn.Sigmoid(), F.sigmoid),
    (nn.Tanh(), F.tanh),
    (nn.LogSigmoid(), F.logsigmoid),
    (nn.Softsign(), F.softsign),
    (nn.Tanhshrink(), F.tanhshrink),
    (nn.ReLU(), F.relu),
    (nn.ReLU6(), F.relu6),
    (nn.SELU(), F.selu),
    (nn.SiLU(), F.silu),
    (nn.Mish(), F.mish),
    (nn.Hardsigmoid(), F.hardsigmoid),
    (nn.Hardswish(), F.hardswish),
    (nn.LeakyReLU(0.3), lambda x: F.leaky_relu(x, 0.3)),
    (nn.PReLU(6, 0.1), lambda x: F.prelu(x, np.full(6, 0.1, np.float32))),
    (nn.RReLU(0.2, 0.4).eval(), lambda x: F.leaky_relu(x, 0.3)),
    (nn.ELU(0.7), lambda x: F.elu(x, 0.7)),
    (nn.CELU(0.7), lambda x: F.celu(x, 0.7)),
    (nn.GELU("tanh"), lambda x: F.gelu(x, "tanh")),
    (nn.Softplus(2.0, 3.0), lambda x: F.softplus(x, 2.0, 3.0)),
    (nn.Hardtanh(-0.5, 0.6), lambda x: F.hardtanh(x, -0.5, 0.6)),
    (nn.Softshrink(0.3), lambda x: F.softshrink(x, 0.3)),
    (nn.Hardshrink(0.3), lambda x: F.hardshrink(x, 0.3)),
    (nn.Threshold(0.3, -1.0), lambda x: F.threshold(x, 0.3, -1.0)),
    (nn.GLU(0), lambda x: F.glu(x, 0)),
    (nn.SwiGLU(), F.swiglu),
    (nn.Softmax(0), lambda x: F.softmax(x, 0)),
    (nn.LogSoftmax(1), lambda x: F.log_softmax(x, 1)),
    (nn.Softmin(1), lambda x: F.softmin(x, 1)),
]


@pytest.mark.parametrize(("module", "function"), CASES)
def test_a_module_is_its_function(module: Any, function: Any) -> None:
    assert module(rp.asarray(X)).tolist() == function(rp.asarray(X)).tolist()


def test_every_module_is_here() -> None:
    tested = {type(module).__name__ for module, _ in CASES} | {"Softmax2d"}
    assert tested == set(activation.__all__)


def test_in_place_modules_change_their_input() -> None:
    x = rp.asarray(X)
    assert nn.ReLU(inplace=True)(x) is x
    assert x.numpy().min() == 0.0


def test_softmax2d_shares_over_channels() -> None:
    x = rp.random.normal((2, 3, 4, 5))
    np.testing.assert_allclose(nn.Softmax2d()(x).numpy().sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(nn.Softmax2d()(x[0]).numpy().sum(axis=0), 1.0, rtol=1e-6)
    with pytest.raises(ShapeError, match="Softmax2d expects"):
        nn.Softmax2d()(rp.zeros((2, 3)))


def test_prelu_trains_and_saves_its_slopes() -> None:
    layer = nn.PReLU(3)
    assert list(layer.state_dict()) == ["weight"]
    layer(rp.asarray([[-1.0, -2.0, 3.0]])).sum().backward()
    assert layer.weight.grad.tolist() == [-1.0, -2.0, 0.0]


def test_rrelu_draws_in_training_only() -> None:
    layer, x = nn.RReLU(), rp.asarray(np.full(100, -1.0, np.float32))
    assert len(set(layer(x).tolist())) > 50
    assert len(set(layer.eval()(x).tolist())) == 1


def test_an_unknown_approximation_is_refused_when_made() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'tanh'"):
        nn.GELU("tan")

"""Convolution functions against sums written out, and against their own adjoints."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F

RNG = np.random.default_rng(0)


def naive(x: Any, w: Any, stride: int, padding: int, dilation: int, groups: int) -> Any:
    """The definition, one output element at a time, over any number of spatial axes."""
    count = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0)] + [(padding, padding)] * count)
    reach = [dilation * (k - 1) + 1 for k in w.shape[2:]]
    sizes = [(n - r) // stride + 1 for n, r in zip(x.shape[2:], reach, strict=True)]
    y = np.zeros((len(x), len(w), *sizes))
    per = w.shape[1]
    for o in range(len(w)):
        first = o // (len(w) // groups) * per
        for at in itertools.product(*map(range, sizes)):
            window = tuple(
                slice(i * stride, i * stride + r, dilation) for i, r in zip(at, reach, strict=True)
            )
            seen = x[(slice(None), slice(first, first + per), *window)]
            y[(slice(None), o, *at)] = (seen * w[o]).reshape(len(x), -1).sum(1)
    return y


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("how", [(1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 1), (3, 0, 1, 4)])
def test_convolution(count: int, how: tuple[int, int, int, int]) -> None:
    x, w = (
        RNG.normal(size=(2, 4, *(6, 5, 7)[:count])),
        RNG.normal(size=(4, 4 // how[3], *(2, 3, 2)[:count])),
    )
    bias = RNG.normal(size=4)
    function = getattr(F, f"conv{count}d")
    y = function(rp.asarray(x), rp.asarray(w), rp.asarray(bias), *how)
    expected = naive(x, w, *how) + bias.reshape(-1, *(1,) * count)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-9, atol=1e-12)
    single = function(rp.asarray(x[0]), rp.asarray(w), rp.asarray(bias), *how)
    np.testing.assert_array_equal(single.numpy().shape, y.numpy()[0].shape)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(("stride", "padding", "extra"), [(1, 0, 0), (2, 1, 1), (3, 0, 2)])
def test_transposed_convolution_is_the_adjoint(
    count: int, stride: int, padding: int, extra: int
) -> None:
    z, w = RNG.normal(size=(2, 4, *(3, 2, 4)[:count])), RNG.normal(size=(4, 2, *(3, 2, 3)[:count]))
    back = getattr(F, f"conv_transpose{count}d")
    up = back(rp.asarray(z), rp.asarray(w), None, stride, padding, extra, 1)
    x = RNG.normal(size=up.shape)
    down = getattr(F, f"conv{count}d")(rp.asarray(x), rp.asarray(w), None, stride, padding)
    assert down.shape == z.shape
    np.testing.assert_allclose((up.numpy() * x).sum(), (down.numpy() * z).sum(), rtol=1e-9)


def test_output_padding_beyond_the_stride() -> None:
    x, w = rp.asarray(RNG.normal(size=(1, 1, 3))), rp.asarray(RNG.normal(size=(1, 1, 2)))
    plain = F.conv_transpose1d(x, w, dilation=3).numpy()
    longer = F.conv_transpose1d(x, w, dilation=3, output_padding=2).numpy()
    np.testing.assert_array_equal(longer, np.pad(plain, [(0, 0), (0, 0), (0, 2)]))
    cropped = F.conv_transpose1d(x, w, dilation=3, padding=1, output_padding=2).numpy()
    np.testing.assert_array_equal(cropped, longer[:, :, 1:-1])


def test_gradients() -> None:
    x, w, b = (rp.tensor(RNG.normal(size=s), requires_grad=True) for s in ((2, 2, 5), (4, 1, 3), 4))
    assert rp.gradcheck(lambda *a: F.conv1d(*a, stride=2, padding="valid", groups=2), [x, w, b])
    v = rp.tensor(RNG.normal(size=(2, 2, 3)), requires_grad=True)
    options = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}
    assert rp.gradcheck(lambda *a: F.conv_transpose1d(*a, **options), [x, v, b])


def test_same_padding_keeps_sizes() -> None:
    for window, dilation in [(1, 1), (2, 1), (5, 1), (4, 3)]:
        y = F.conv1d(rp.ones((1, 1, 9)), rp.ones((1, 1, window)), padding="same", dilation=dilation)
        assert y.shape == (1, 1, 9)


@pytest.mark.parametrize(
    ("use", "error", "match"),
    [
        (lambda x: F.conv2d(x, rp.ones((1, 2, 3))), ShapeError, "weight has shape .* must have 4"),
        (lambda x: F.conv2d(x, rp.ones((1, 3, 2, 2))), ShapeError, "w has 3 input channels"),
        (lambda x: F.conv2d(x[0, 0], rp.ones((1, 2, 2, 2))), ShapeError, r"expects \(batch, chan"),
        (lambda x: F.conv2d(x, rp.ones((1, 2, 2, 2)), stride=(1,) * 3), ArgumentError, "stride is"),
        (lambda x: F.conv2d(x, rp.ones((1, 2, 2, 2)), stride="2"), ArgumentError, "stride is '2'"),
        (
            lambda x: F.conv_transpose2d(x, rp.ones((2, 1, 2, 2)), padding=9),
            ShapeError,
            "would leave",
        ),
    ],
)
def test_misuse(use: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        use(rp.ones((1, 2, 5, 5)))

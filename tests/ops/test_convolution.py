"""Convolution: the sum itself, adjoints for any attributes, precision, blocks."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop import ops
from retroprop.errors import ShapeError
from retroprop.ops import convolution


def by_loops(x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The definition, one product at a time."""
    padded = np.pad(x, [(0, 0), (0, 0), *padding])
    window, block = w.shape[2:], w.shape[0] // groups
    sizes = padded.shape[2:]
    count = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(sizes, window, stride, dilation, strict=True)
    ]
    y = np.zeros((len(x), len(w), *count))
    for b, o in itertools.product(range(len(x)), range(len(w))):
        first = o // block * w.shape[1]
        for place in np.ndindex(*count):
            for c, *offset in np.ndindex(*w.shape[1:]):
                at = (
                    p * s + k * d
                    for p, s, k, d in zip(place, stride, offset, dilation, strict=True)
                )
                y[b, o, *place] += padded[b, first + c, *at] * w[o, c, *offset]
    return y


@st.composite
def problems(draw: Any) -> tuple[Any, Any, dict[str, Any]]:
    """x, w and attributes over one or two spatial axes."""
    ndim, groups = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    small = st.integers(1, 2)
    window = [draw(st.integers(1, 3)) for _ in range(ndim)]
    stride, dilation = ([draw(small) for _ in range(ndim)] for _ in range(2))
    padding = [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(ndim)]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True)]
    sizes = [r + draw(st.integers(0, 3)) for r in reach]
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    x = rng.normal(size=(draw(small), groups * draw(small), *sizes))
    w = rng.normal(size=(groups * draw(small), x.shape[1] // groups, *window))
    how = {"stride": tuple(stride), "padding": tuple(padding), "dilation": tuple(dilation)}
    return x, w, {**how, "groups": groups}


@given(problems())
def test_conv_is_its_definition(problem: tuple[Any, Any, dict[str, Any]]) -> None:
    x, w, how = problem
    np.testing.assert_allclose(ops.conv(x, w, **how), by_loops(x, w, **how), atol=1e-12)


@given(problems())
def test_the_three_are_adjoints(problem: tuple[Any, Any, dict[str, Any]]) -> None:
    x, w, how = problem
    y = ops.conv(x, w, **how)
    z = np.random.default_rng(1).normal(size=y.shape)
    inner = np.vdot(y, z)
    assert np.isclose(inner, np.vdot(x, ops.conv_transpose(z, w, output=x.shape[2:], **how)))
    assert np.isclose(inner, np.vdot(w, ops.conv_weight(x, z, window=w.shape[2:], **how)))


HOW = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(5, 2, 6, 6)), rng.normal(size=(3, 2, 3, 3))
    z = ops.conv(x, w, **HOW)

    def all_three() -> list[Any]:
        back = ops.conv_transpose(z, w, output=(6, 6), **HOW)
        return [ops.conv(x, w, **HOW), back, ops.conv_weight(x, z, window=(3, 3), **HOW)]

    whole = all_three()
    monkeypatch.setattr(convolution, "_BLOCK_BYTES", 1)
    for one, other in zip(whole, all_three(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_half_precision_sums_in_float32() -> None:
    x, w = rp.ones((1, 4096, 1, 1), dtype=rp.float16), rp.ones((1, 4096, 1, 1), dtype=rp.float16)
    y = ops.conv(x, w, **{**HOW, "padding": ((0, 0), (0, 0))})
    assert y.dtype == rp.float16
    assert y.item() == 4096.0


def test_channels_are_named_in_the_message() -> None:
    with pytest.raises(ShapeError, match="w has 3 input channels x 1 group, x has 4 channels"):
        ops.conv(rp.zeros((1, 4, 8, 8)), rp.zeros((2, 3, 3, 3)), **HOW)
    with pytest.raises(ShapeError, match=r"x \(4, 8\) has no spatial axes"):
        ops.conv(rp.zeros((4, 8)), rp.zeros((2, 3, 3, 3)), **HOW)


def test_output_of_the_transpose_must_lead_back() -> None:
    how = {**HOW, "stride": (2, 2)}
    x, w = rp.zeros((1, 1, 3, 3)), rp.zeros((1, 1, 3, 3))
    assert ops.conv_transpose(x, w, output=(6, 5), **how).shape == (1, 1, 6, 5)
    with pytest.raises(ShapeError, match=r"takes 4 positions along width of \(5, 7\), x has 3"):
        ops.conv_transpose(x, w, output=(5, 7), **how)

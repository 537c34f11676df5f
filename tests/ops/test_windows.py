"""Sliding windows: sizes, slices and messages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.errors import ArgumentError, ShapeError
from retroprop.ops.windows import (
    axis_names,
    check_window,
    offsets,
    pad_spatial,
    padded_sizes,
    slide,
)


@given(
    n=st.integers(1, 12),
    w=st.integers(1, 4),
    s=st.integers(1, 4),
    d=st.integers(1, 3),
    low=st.integers(0, 3),
    high=st.integers(0, 3),
)
def test_slices_cover_what_the_windows_see(
    n: int, w: int, s: int, d: int, low: int, high: int
) -> None:
    if n + low + high < d * (w - 1) + 1:
        with pytest.raises(ShapeError, match="length has"):
            slide("pool", (n,), (w,), (s,), [(low, high)], (d,))
        return
    (count,) = slide("pool", (n,), (w,), (s,), [(low, high)], (d,))
    row = np.arange(n + low + high)
    seen = np.stack([row[key] for _, key in offsets((w,), (s,), (d,), (count,))], 1)
    expected = [[i * s + k * d for k in range(w)] for i in range(count)]
    assert seen.tolist() == expected
    assert count * s + d * (w - 1) + 1 > n + low + high  # there is no room for another


def test_offsets_come_in_row_major_order() -> None:
    found = [offset for offset, _ in offsets((2, 2), (1, 1), (1, 1), (3, 3))]
    assert found == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_padding() -> None:
    x = np.ones((1, 1, 2), np.float32)
    assert pad_spatial(x, [(0, 0)]) is x
    assert pad_spatial(x, [(1, 2)], -3).tolist() == [[[-3, 1, 1, -3, -3]]]
    assert padded_sizes((2, 3), [(1, 2), (0, 0)]) == (5, 3)


def test_axes_have_names() -> None:
    assert axis_names(1) == ("length",)
    assert axis_names(3) == ("depth", "height", "width")
    assert len(axis_names(4)) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": (1,)}, "conv: stride has 1 number for 2 spatial axes"),
        ({"padding": [(0, 0)] * 3}, "conv: padding has 3 pairs for 2 spatial axes"),
        ({"dilation": (0, 1)}, "conv: dilation 0 is not positive"),
        ({"padding": [(0, 0), (-1, 0)]}, r"conv: padding \(-1, 0\) is negative"),
    ],
)
def test_misuse_is_explained(change: dict[str, object], message: str) -> None:
    right = {"window": (3, 3), "stride": (1, 1), "padding": [(0, 0)] * 2, "dilation": (1, 1)}
    with pytest.raises(ArgumentError, match=message):
        check_window("conv", **{**right, **change})


def test_the_axis_that_is_too_small_is_named() -> None:
    with pytest.raises(ShapeError, match=r"width has 3 elements .* window reaches over 5"):
        slide("conv", (9, 3), (3, 3), (1, 1), [(0, 0)] * 2, (2, 2))

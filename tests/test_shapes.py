"""Functions on shapes, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from retroprop import shapes
from retroprop.errors import ArgumentError, IndexRangeError, ShapeError


@given(mutually_broadcastable_shapes(num_shapes=3, min_side=0))
def test_broadcast_is_numpys(result):
    assert shapes.broadcast(*result.input_shapes) == result.result_shape
    for shape in result.input_shapes:
        axes = shapes.match_axes(shape, result.result_shape)
        summed = np.zeros(result.result_shape).sum(axis=axes)
        assert summed.size == shapes.size(shape)


def test_broadcast_names_the_axis():
    with pytest.raises(ShapeError, match="axis -2 has 2 and 3 elements"):
        shapes.broadcast((2, 1), (3, 4))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.data())
def test_reduced_is_numpys(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    keepdims = data.draw(st.booleans())
    expected = np.zeros(shape).sum(axis=axis, keepdims=keepdims).shape
    assert shapes.reduced(tuple(shape), axis, keepdims) == expected


def test_axes_out_of_range_or_twice():
    with pytest.raises(IndexRangeError, match="from -2 to 1"):
        shapes.normalise_axis(2, 2, "sum")
    with pytest.raises(IndexRangeError, match="no axes"):
        shapes.normalise_axis(0, 0)
    with pytest.raises(ArgumentError, match="twice"):
        shapes.normalise_axes((0, -2), 2)
    with pytest.raises(ArgumentError, match="integer"):
        shapes.normalise_axis("x", 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", [(4, -1), (-1, -1), (7,), (-2, 3), (0, -1)])
def test_reshapes_that_do_not_fit(target):
    with pytest.raises((ShapeError, ArgumentError)):
        shapes.resolve_reshape((2, 3), target)


def test_windows():
    lengths = [shapes.window_output(n, 3, 2, 2) for n in (5, 6, 7)]
    assert lengths == [3, 3, 4]

"""Comparisons: values, promotion, NaN; the rest is in test_conformance.py."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop.errors import DTypeError


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8))
def test_comparisons_are_those_of_python(numbers):
    x = rp.asarray(np.array(numbers))
    for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        assert compare(x, numbers[0]).tolist() == [compare(n, numbers[0]) for n in numbers]
        assert compare(x, numbers[0]).dtype == rp.bool


def test_nan_equals_nothing():
    x = rp.asarray([float("nan"), 1.0])
    assert (x == x).tolist() == [False, True]  # noqa: PLR0124  that is the point
    assert (x != x).tolist() == [True, False]  # noqa: PLR0124
    assert (x < float("inf")).tolist() == [False, True]


def test_numbers_of_different_types_are_compared_as_promoted():
    assert (rp.asarray([1, 2]) == rp.asarray([1.0, 2.5])).tolist() == [True, False]
    assert (2.5 > rp.asarray([1, 3])).tolist() == [True, False]  # noqa: SIM300


def test_a_comparison_carries_no_gradient():
    x = rp.tensor([1.0], requires_grad=True)
    assert not (x > 0).requires_grad


def test_complex_numbers_have_no_order():
    x = rp.asarray([1j])
    assert (x == 1j).tolist() == [True]
    with pytest.raises(DTypeError, match="less: does not take complex64"):
        x < x  # noqa: B015, PLR0124

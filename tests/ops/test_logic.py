"""Operators on bool and integers, signs, and complex parts; the rest is in test_conformance.py."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop.errors import DTypeError

OPERATORS = [operator.and_, operator.or_, operator.xor]


@given(st.lists(st.integers(-100, 100), min_size=1), st.integers(-100, 100))
def test_bits_are_those_of_python(numbers, other):
    x = rp.asarray(numbers)
    for apply in OPERATORS:
        assert apply(x, other).tolist() == [apply(n, other) for n in numbers]
        assert apply(other, x).tolist() == [apply(other, n) for n in numbers]
    assert (~x).tolist() == [~n for n in numbers]


@given(st.integers(-1000, 1000), st.integers(0, 20))
def test_shifts_are_those_of_python(number, places):
    x = rp.asarray([number])
    assert (x << places).tolist() == [number << places]
    assert (x >> places).tolist() == [number >> places]


def test_bool_operators():
    x, z = rp.asarray([True, True, False]), rp.asarray([True, False, False])
    assert (x & z).tolist() == [True, False, False]
    assert (x | z).tolist() == [True, True, False]
    assert (x ^ z).tolist() == [False, True, False]
    assert (~x).tolist() == [False, False, True]
    assert (x & z).dtype == rp.bool


def test_in_place_operators_rebind():
    x = rp.asarray([True, False])
    before = x & True
    x |= True
    assert x.tolist() == [True, True]
    assert before.tolist() == [True, False]


@pytest.mark.parametrize("apply", OPERATORS)
def test_floats_have_no_bits(apply):
    with pytest.raises(DTypeError, match=r"bitwise_.*does not take float32"):
        apply(rp.asarray([1.0]), rp.asarray([1.0]))


def test_logical_reads_any_number_as_truth():
    x = rp.asarray([0.0, 2.0, float("nan")])
    assert rp.logical_not(x).tolist() == [True, False, False]
    assert rp.logical_and(x, 1).tolist() == [False, True, True]
    assert rp.logical_xor(x, 1).tolist() == [True, False, False]


def test_copysign_carries_the_gradient_of_the_magnitude():
    x = rp.tensor([-2.0, 3.0, 0.0], requires_grad=True)
    z = rp.tensor([1.0, -1.0, -0.0], requires_grad=True)
    rp.copysign(x, z).sum().backward()
    assert x.grad.tolist() == [-1.0, -1.0, 0.0]
    assert z.grad.tolist() == [0.0, 0.0, 0.0]


def test_complex_parts():
    z = rp.asarray([1 + 2j, 3 - 4j])
    assert rp.real(z).tolist() == [1.0, 3.0]
    assert rp.imag(z).tolist() == [2.0, -4.0]
    assert rp.conj(z).tolist() == [1 - 2j, 3 + 4j]
    assert rp.abs(z).numpy().tolist() == pytest.approx([5**0.5, 5.0])
    assert rp.real(z).dtype == rp.float32


def test_parts_of_real_tensors():
    x = rp.tensor([1.0, -2.0], requires_grad=True)
    (rp.real(x) * 3 + rp.imag(x) + rp.conj(x)).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]
    np.testing.assert_array_equal(rp.imag(x.detach()).numpy(), [0, 0])

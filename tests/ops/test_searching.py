"""Order, extremes and sets of values: stability, NaN, ties; the rest is in test_conformance.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop import ops
from retroprop.errors import NoGradientError, ShapeError

NAN = float("nan")
NUMBERS = st.lists(st.integers(-3, 3), min_size=1, max_size=12)


@given(NUMBERS, st.booleans())
def test_sorting_is_stable_both_ways(numbers, descending):
    x = rp.asarray(numbers)
    order = rp.argsort(x, descending=descending).tolist()
    assert order == sorted(range(len(numbers)), key=lambda i: (-1) ** descending * numbers[i])
    assert rp.sort(x, descending=descending).tolist() == [numbers[i] for i in order]


def test_nan_is_the_largest():
    x = rp.asarray([2.0, NAN, 1.0])
    assert rp.argsort(x).tolist() == [2, 0, 1]
    assert rp.argsort(x, descending=True).tolist() == [1, 0, 2]
    assert rp.argmax(x).item() == 1


def test_gradient_of_sort_goes_back_to_where_it_came_from():
    x = rp.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    rp.sort(x, axis=1, descending=True).backward(np.array([[10.0, 20.0, 30.0]], np.float32))
    assert x.grad.tolist() == [[10.0, 30.0, 20.0]]


@given(NUMBERS, st.booleans())
def test_top_k_is_the_head_of_the_order(numbers, largest):
    k = (len(numbers) + 1) // 2
    values, indices = ops.top_k(rp.asarray(numbers), k=k, largest=largest)
    assert indices.tolist() == rp.argsort(rp.asarray(numbers), descending=largest).tolist()[:k]
    assert values.tolist() == [numbers[i] for i in indices.tolist()]


def test_gradient_of_top_k_reaches_the_chosen():
    x = rp.tensor([[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]], requires_grad=True)
    values, indices = ops.top_k(x, k=2, axis=-1)
    assert not indices.requires_grad
    (values * values).sum().backward()
    assert x.grad.tolist() == [[6.0, 0.0, 4.0], [0.0, 12.0, 10.0]]


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_extremes_are_those_of_numpy(axis, keepdims):
    x = np.random.default_rng(0).integers(0, 3, (4, 5))
    for name in ("argmax", "argmin"):
        found = getattr(rp, name)(rp.asarray(x), axis=axis, keepdims=keepdims)
        expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
        assert found.tolist() == expected.tolist()
        assert found.shape == expected.shape
        assert found.dtype == rp.int64


def test_indices_carry_no_gradient():
    x = rp.tensor([1.0, 2.0], requires_grad=True)
    for y in (rp.argmax(x), rp.argsort(x), rp.count_nonzero(x), *rp.nonzero(x)):
        assert not y.requires_grad


def test_searchsorted_sides():
    x = rp.asarray([1.0, 2.0, 2.0, 3.0])
    z = rp.asarray([[2.0, 0.0], [9.0, 2.5]])
    assert ops.searchsorted(x, z).tolist() == [[1, 0], [4, 3]]
    assert ops.searchsorted(x, z, side="right").tolist() == [[3, 0], [4, 3]]


@given(st.lists(st.integers(-3, 3), max_size=12))
def test_unique_describes_the_elements(numbers):
    x = np.array(numbers, np.int64)
    values, indices, inverse, counts = [y.numpy() for y in ops.unique_all(rp.asarray(x))]
    assert values.tolist() == sorted(set(numbers))
    assert x[indices].tolist() == values.tolist()
    assert values[inverse].tolist() == numbers
    assert counts.tolist() == [numbers.count(v) for v in values.tolist()]
    assert indices.tolist() == [numbers.index(v) for v in values.tolist()]


def test_every_nan_is_distinct():
    values, _, inverse, counts = ops.unique_all(rp.asarray([[NAN, 1.0], [NAN, 1.0]]))
    assert counts.tolist() == [2, 1, 1]
    assert inverse.shape == (2, 2)
    assert np.isnan(values.numpy()).tolist() == [False, True, True]


def test_unique_has_no_gradient():
    x = rp.tensor([1.0, 1.0], requires_grad=True)
    values, *_ = ops.unique_all(x)
    with pytest.raises(NoGradientError, match="unique_all: no gradient with respect to x"):
        values.sum().backward()


def test_what_depends_on_the_data_cannot_be_inferred():
    with pytest.raises(NoGradientError, match="nonzero: the result's shape depends on the data"):
        ops.nonzero.infer([np.zeros(3)], {})


def test_an_empty_axis_has_no_extreme():
    with pytest.raises(ShapeError, match=r"argmin: no elements along axis None of shape \(0,\)"):
        rp.argmin(rp.asarray(np.zeros(0)))
    assert rp.argmax(rp.asarray(np.zeros((0, 3))), axis=1).shape == (0,)

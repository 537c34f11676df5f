"""Norms against NumPy, their gradients where they are 0, ranks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.array.norms import matrix_norm, matrix_rank, vector_norm
from retroprop.errors import ArgumentError, ShapeError


def drawn(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize("ord", [0, 1, 2, 3, 0.5, -1, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("axis", "keepdims"), [(None, False), (1, False), (-1, True), ((0, 2), True)]
)
def test_vector_norm(ord: float, axis: Any, keepdims: bool) -> None:
    x = drawn(2, 3, 4)
    y = vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    expected = np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
@pytest.mark.parametrize("keepdims", [False, True])
def test_matrix_norm(ord: Any, keepdims: bool) -> None:
    x = drawn(2, 3, 4)
    y = matrix_norm(x, keepdims=keepdims, ord=ord)
    expected = np.linalg.matrix_norm(x, keepdims=keepdims, ord=ord)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("ord", [1, 2, 3, math.inf])
def test_the_gradient_of_a_norm_that_is_zero_is_zero(ord: float) -> None:
    x = rp.zeros((3,)).requires_grad_()
    vector_norm(x, ord=ord).backward()
    assert x.grad.tolist() == [0.0] * 3


def test_gradients() -> None:
    x = rp.asarray(drawn(3, 4))
    for ord in (1, 2, 3, math.inf):
        assert rp.gradcheck(lambda a, ord=ord: vector_norm(a, axis=1, ord=ord), (x,))
    for ord in ("fro", "nuc", 1, 2, -2, math.inf):
        assert rp.gradcheck(lambda a, ord=ord: matrix_norm(a, ord=ord), (x,))


def test_complex_and_integers() -> None:
    assert vector_norm(np.array([3j, 4])).item() == 5.0
    assert vector_norm(rp.asarray([3, 4])).item() == 5.0


@pytest.mark.parametrize("rtol", [None, 0.5, np.array([0.9, 1e-9])])
def test_matrix_rank(rtol: Any) -> None:
    x = np.stack([np.diag([1.0, 0.6, 0.0]), np.diag([1.0, 0.4, 0.1])])
    expected = np.linalg.matrix_rank(x, rtol=rtol)
    y = matrix_rank(x, rtol=rtol)
    assert y.dtype == rp.int64
    assert y.tolist() == expected.tolist()


def test_rank_of_nothing() -> None:
    assert matrix_rank(np.zeros((2, 3, 0))).tolist() == [0, 0]


def test_misuse_is_explained() -> None:
    with pytest.raises(ArgumentError, match="unknown matrix norm 'frob'; did you mean 'fro'"):
        matrix_norm(drawn(2, 2), ord="frob")
    with pytest.raises(ShapeError, match=r"matrix_norm: x \(3,\) is not a matrix"):
        matrix_norm(drawn(3))
    with pytest.raises(ShapeError, match=r"matrix_rank: x \(3,\) is not a matrix"):
        matrix_rank(drawn(3))
    with pytest.raises(ArgumentError, match="rtol is -1"):
        matrix_rank(drawn(2, 2), rtol=-1)

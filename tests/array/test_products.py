"""Products against NumPy, and their messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.array import products
from retroprop.errors import ArgumentError, IndexRangeError, ShapeError


def drawn(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def test_outer() -> None:
    x, z = drawn(3), drawn(4, seed=1)
    np.testing.assert_allclose(products.outer(x, z).numpy(), np.outer(x, z))
    assert products.outer(np.zeros(0), z).shape == (0, 4)
    with pytest.raises(ShapeError, match=r"outer: needs two vectors, got shapes \(2, 2\)"):
        products.outer(drawn(2, 2), z)


@pytest.mark.parametrize(
    ("x", "z", "axis"), [((2, 3), (3,), -1), ((3, 2), (3, 1), -2), ((4, 3), (3,), 1)]
)
def test_vecdot(x: Any, z: Any, axis: int) -> None:
    a, b = drawn(*x), drawn(*z, seed=1)
    expected = (a * b).sum(axis)
    np.testing.assert_allclose(products.vecdot(a, b, axis=axis).numpy(), expected)


def test_vecdot_conjugates_the_first() -> None:
    assert products.vecdot(np.array([1j]), np.array([1j])).item() == 1
    with pytest.raises(ShapeError, match="differ along axis -1: 3 and 1 elements"):
        products.vecdot(drawn(2, 3), drawn(1))


@pytest.mark.parametrize(
    ("x", "z", "axes"),
    [
        ((2, 3, 4), (3, 4, 5), 2),
        ((2, 3), (3, 4), 1),
        ((2,), (3,), 0),
        ((2, 3, 4), (4, 2, 5), ((0, 2), (1, 0))),
        ((2, 3), (5, 3), ((-1,), (1,))),
        ((0, 3), (3, 2), 1),
    ],
)
def test_tensordot(x: Any, z: Any, axes: Any) -> None:
    a, b = drawn(*x), drawn(*z, seed=1)
    np.testing.assert_allclose(
        products.tensordot(a, b, axes=axes).numpy(), np.tensordot(a, b, axes)
    )


def test_tensordot_explains() -> None:
    with pytest.raises(
        ShapeError, match=r"axis 1 of x \(2, 3\) has 3 elements, axis 0 of z \(4, 5\) has"
    ):
        products.tensordot(drawn(2, 3), drawn(4, 5), axes=1)
    with pytest.raises(ArgumentError, match="3 axes cannot be summed"):
        products.tensordot(drawn(2, 3), drawn(4, 5), axes=3)
    with pytest.raises(ArgumentError, match="2 axes of x for 1 of z"):
        products.tensordot(drawn(2, 3), drawn(2, 3), axes=((0, 1), (0,)))
    with pytest.raises(IndexRangeError, match="axis 5 is out of range"):
        products.tensordot(drawn(2, 3), drawn(2, 3), axes=((5,), (0,)))


@pytest.mark.parametrize("offset", [-4, -2, -1, 0, 1, 3, 9])
@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (2, 3, 3), (0, 2)])
def test_diagonal_and_trace(shape: tuple[int, ...], offset: int) -> None:
    x = drawn(*shape)
    expected = np.diagonal(x, offset, -2, -1)
    np.testing.assert_array_equal(products.diagonal(x, offset=offset).numpy(), expected)
    np.testing.assert_allclose(products.trace(x, offset=offset).numpy(), expected.sum(-1))


def test_trace_takes_a_dtype() -> None:
    assert products.trace(np.eye(3, dtype=np.float32), dtype=rp.float64).dtype == rp.float64
    with pytest.raises(ShapeError, match=r"diagonal: x \(3,\) is not a matrix"):
        products.trace(drawn(3))


@pytest.mark.parametrize(
    ("x", "z", "axis"), [((2, 3), (3,), -1), ((3, 2), (3, 2), 0), ((4, 1, 3), (5, 3), 2)]
)
def test_cross(x: Any, z: Any, axis: int) -> None:
    a, b = drawn(*x), drawn(*z, seed=1)
    expected = np.cross(*np.broadcast_arrays(a, b), axis=axis)
    np.testing.assert_allclose(products.cross(a, b, axis=axis).numpy(), expected)
    with pytest.raises(ShapeError, match="3 elements along axis -1"):
        products.cross(drawn(2), drawn(2))


@pytest.mark.parametrize(("x", "z"), [((2,), (3,)), ((2, 3), (4, 1)), ((2,), (2, 2)), ((), (3,))])
def test_kron(x: Any, z: Any) -> None:
    a, b = drawn(*x), drawn(*z, seed=1)
    np.testing.assert_allclose(products.kron(a, b).numpy(), np.kron(a, b))


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 7])
def test_matrix_power(n: int) -> None:
    x = drawn(2, 3, 3)
    np.testing.assert_allclose(
        products.matrix_power(x, n).numpy(), np.linalg.matrix_power(x, n), rtol=1e-8
    )
    with pytest.raises(ShapeError, match=r"x \(2, 3\) is not square"):
        products.matrix_power(drawn(2, 3), n)


def test_gradients() -> None:
    x, z = rp.asarray(drawn(3, 3)), rp.asarray(drawn(3, 3, seed=1))
    assert rp.gradcheck(lambda a, b: products.tensordot(a, b, axes=1) ** 2, (x, z))
    assert rp.gradcheck(lambda a, b: products.cross(a, b) ** 2, (x, z))
    assert rp.gradcheck(lambda a: products.trace(a, offset=1) ** 2, (x,))
    assert rp.gradcheck(lambda a: products.matrix_power(a, 3), (x,))
    assert rp.gradcheck(lambda a, b: products.kron(a, b) ** 2, (x, z))

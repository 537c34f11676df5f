"""Inverses and determinants: batches, singular matrices, precision."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.errors import ArgumentError, ShapeError

SINGULAR = [[1.0, 2.0], [2.0, 4.0]]


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_inverse_of_a_batch() -> None:
    x = drawn(3, 4, 4)
    np.testing.assert_allclose(ops.inv(x) @ x, np.broadcast_to(np.eye(4), (3, 4, 4)), atol=1e-12)


def test_the_singular_matrix_of_a_batch_is_named() -> None:
    batch = np.stack([np.eye(2), np.eye(2), SINGULAR]).astype(np.float32)
    with pytest.raises(ArgumentError, match=r"inv: x\[2\] is singular"):
        ops.inv(rp.asarray(batch))
    with pytest.raises(ArgumentError, match=r"solve: x\[2\] is singular"):
        ops.solve(rp.asarray(batch), rp.zeros((2, 1)))
    with pytest.raises(ArgumentError, match=r"solve: x is singular"):
        ops.solve(rp.asarray(SINGULAR), rp.zeros((2,)))


def test_a_vector_is_solved_for_every_matrix() -> None:
    x, b = drawn(5, 3, 3), drawn(3)
    y = ops.solve(x, b)
    assert y.shape == (5, 3)
    np.testing.assert_allclose((x @ y[..., None])[..., 0], np.broadcast_to(b, (5, 3)), atol=1e-11)


def test_right_hand_sides_broadcast_over_matrices() -> None:
    x, b = drawn(4, 1, 3, 3), drawn(2, 3, 5)
    y = ops.solve(x, b)
    assert y.shape == (4, 2, 3, 5)
    np.testing.assert_allclose(x @ y, np.broadcast_to(b, y.shape), atol=1e-10)
    assert ops.solve.infer([x, b], {})[0][0] == y.shape


def test_solve_refuses_sizes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"x \(3, 3\) has 3 columns, b \(2, 3\) has 2 rows"):
        ops.solve(rp.zeros((3, 3)), rp.zeros((2, 3)))


def test_the_determinant_of_a_singular_matrix_has_a_gradient() -> None:
    x = rp.tensor(SINGULAR, requires_grad=True)
    ops.det(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), [[4.0, -2.0], [-2.0, 1.0]], atol=1e-5)
    zero = rp.tensor(np.zeros((3, 3)), requires_grad=True)
    ops.det(zero).backward()
    assert zero.grad.numpy().tolist() == np.zeros((3, 3)).tolist()


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_cofactors_are_det_times_transposed_inverse(n: int) -> None:
    x = drawn(2, n, n, seed=n)
    expected = np.linalg.det(x)[:, None, None] * np.swapaxes(np.linalg.inv(x), 1, 2)
    np.testing.assert_allclose(ops.cofactor(x), expected, atol=1e-12)


def test_slogdet_does_not_overflow() -> None:
    x = rp.asarray(np.diag(np.full(100, 1e30)))
    sign, logabsdet = ops.slogdet(x)
    assert sign.item() == 1.0
    assert np.isclose(logabsdet.item(), 100 * np.log(1e30))
    sign, logabsdet = ops.slogdet(rp.asarray(SINGULAR))
    assert sign.item() == 0.0
    assert logabsdet.item() == -np.inf


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3), (2, 5, 3)])
def test_pinv_fulfils_the_conditions_of_penrose(shape: tuple[int, ...]) -> None:
    x = drawn(*shape)
    y = ops.pinv(x)
    np.testing.assert_allclose(x @ y @ x, x, atol=1e-12)
    np.testing.assert_allclose(y @ x @ y, y, atol=1e-12)
    for product in (x @ y, y @ x):
        np.testing.assert_allclose(product, np.swapaxes(product, -1, -2), atol=1e-12)


def test_pinv_cuts_small_singular_values() -> None:
    x = np.diag([1.0, 1e-3])
    assert np.isclose(ops.pinv(x)[1, 1], 1e3)
    assert ops.pinv(x, rtol=0.01)[1, 1] == 0


def test_half_precision_and_integers() -> None:
    assert ops.inv(rp.asarray([[2.0]], dtype=rp.float16)).dtype == rp.float16
    assert ops.det(rp.asarray([[2, 0], [0, 3]])).item() == 6.0

"""Decompositions multiply back, keep their structure, and say where no gradient exists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.errors import ArgumentError, NoGradientError

SHAPES = [(4, 4), (5, 3), (3, 5), (2, 4, 3), (0, 3, 3), (3, 0)]


def drawn(*shape: int, complex_: bool = False) -> Any:
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if complex_ else x


def adjoint(x: Any) -> Any:
    return np.swapaxes(x, -1, -2).conj()


def one(x: Any) -> Any:
    return np.broadcast_to(np.eye(x.shape[-1]), x.shape)


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("mode", ["reduced", "complete"])
@pytest.mark.parametrize("shape", SHAPES)
def test_qr(shape: tuple[int, ...], mode: str, complex_: bool) -> None:
    x = drawn(*shape, complex_=complex_)
    q, r = ops.qr(x, mode=mode)
    np.testing.assert_allclose(q @ r, x, atol=1e-12)
    np.testing.assert_allclose(adjoint(q) @ q, one(adjoint(q) @ q), atol=1e-12)
    np.testing.assert_array_equal(r, np.triu(r))


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_svd(shape: tuple[int, ...], full: bool, complex_: bool) -> None:
    x = drawn(*shape, complex_=complex_)
    u, s, vh = ops.svd(x, full_matrices=full)
    inner = s.shape[-1]
    product = (u[..., :inner] * s[..., None, :]) @ vh[..., :inner, :]
    np.testing.assert_allclose(product, x, atol=1e-12)
    np.testing.assert_allclose(adjoint(u) @ u, one(adjoint(u) @ u), atol=1e-12)
    assert s.dtype == np.float64
    assert (np.diff(s) <= 0).all()
    np.testing.assert_allclose(ops.svdvals(x), s, atol=1e-12)


@pytest.mark.parametrize("complex_", [False, True])
def test_eigh_and_cholesky(complex_: bool) -> None:
    x = drawn(3, 4, 4, complex_=complex_)
    x = x @ adjoint(x) + np.eye(4)
    w, v = ops.eigh(x)
    np.testing.assert_allclose(x @ v, v * w[..., None, :], atol=1e-12)
    assert w.dtype == np.float64
    np.testing.assert_allclose(ops.eigvalsh(x), w, atol=1e-12)
    lower = ops.cholesky(x)
    np.testing.assert_allclose(lower @ adjoint(lower), x, atol=1e-12)
    np.testing.assert_array_equal(lower, np.tril(lower))
    np.testing.assert_allclose(ops.cholesky(x, upper=True), adjoint(lower), atol=1e-12)


def test_only_the_symmetric_part_is_read() -> None:
    x = drawn(3, 3)
    x = x @ x.T + np.eye(3)
    twisted = x + np.array([[0, 1, 2], [-1, 0, 3], [-2, -3, 0]])
    np.testing.assert_allclose(ops.cholesky(twisted), ops.cholesky(x), atol=1e-12)
    np.testing.assert_allclose(ops.eigvalsh(twisted), ops.eigvalsh(x), atol=1e-12)


def test_gradients_of_symmetric_matrices_are_symmetric() -> None:
    x = rp.tensor(np.diag([3.0, 2.0, 1.0]) + 0.1, requires_grad=True)
    rp.sum(ops.cholesky(x) * rp.asarray(drawn(3, 3))).backward()
    np.testing.assert_array_equal(x.grad.numpy(), x.grad.numpy().T)


def test_equal_eigenvalues_keep_the_gradients_that_exist() -> None:
    x = rp.tensor(np.eye(3), requires_grad=True)
    rp.sum(ops.eigh(x)[0]).backward()
    np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-12)
    x.grad = None
    rp.sum(ops.svd(x, full_matrices=False)[1]).backward()
    np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-12)


def test_what_has_no_gradient_says_so() -> None:
    x = rp.tensor(drawn(3, 2), requires_grad=True)
    with pytest.raises(NoGradientError, match="mode 'complete' has no gradient"):
        rp.sum(ops.qr(x, mode="complete")[0]).backward()
    with pytest.raises(NoGradientError, match="full_matrices=True has no gradient"):
        rp.sum(ops.svd(x)[0]).backward()
    square = rp.tensor(drawn(3, 3), requires_grad=True)
    rp.sum(ops.svd(square)[1]).backward()
    assert square.grad is not None


def test_failures_name_the_matrix() -> None:
    batch = np.stack([np.eye(2), [[1.0, 2.0], [2.0, 1.0]]])
    with pytest.raises(ArgumentError, match=r"cholesky: x\[1\] is not positive definite"):
        ops.cholesky(rp.asarray(batch))
    batch[0, 0, 0] = np.nan
    with pytest.raises(ArgumentError, match=r"svd: x\[0\] did not converge"):
        ops.svd(rp.asarray(batch))
    with pytest.raises(ArgumentError, match="unknown qr mode 'r'"):
        ops.qr(rp.asarray(np.eye(2)), mode="r")


def test_half_precision_comes_back() -> None:
    x = rp.asarray([[2.0, 0.5], [0.5, 1.0]], dtype=rp.float16)
    assert ops.cholesky(x).dtype == rp.float16
    assert [y.dtype for y in ops.svd(x)] == [rp.float16] * 3
    assert [y.dtype for y in ops.eigh(x)] == [rp.float16] * 2

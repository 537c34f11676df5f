"""The linear algebra namespace: all of the standard's extension, named results, gradients."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp

# The `linalg` extension of the Python array API standard 2024.12.
STANDARD = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "outer", "pinv",
    "qr", "slogdet", "solve", "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip


@pytest.mark.parametrize("name", STANDARD)
def test_the_standard_is_complete(name: str) -> None:
    assert name in rp.linalg.__all__
    assert getattr(rp.linalg, name).__doc__


def test_results_have_the_names_of_the_standard() -> None:
    x = rp.asarray([[2.0, 0.5], [0.5, 1.0]])
    assert rp.linalg.qr(x)._fields == ("Q", "R")
    assert rp.linalg.svd(x)._fields == ("U", "S", "Vh")
    assert rp.linalg.eigh(x)._fields == ("eigenvalues", "eigenvectors")
    assert rp.linalg.slogdet(x)._fields == ("sign", "logabsdet")


def test_lists_are_taken() -> None:
    x = [[2.0, 0.0], [0.0, 4.0]]
    assert rp.linalg.solve(x, [2.0, 4.0]).tolist() == [1.0, 1.0]
    assert rp.linalg.eigh(x).eigenvalues.tolist() == [2.0, 4.0]
    assert rp.linalg.matmul(x, x).tolist() == [[4.0, 0.0], [0.0, 16.0]]
    assert rp.linalg.slogdet(x).logabsdet.item() == pytest.approx(np.log(8.0))


def test_pinv_takes_a_tolerance_for_each_matrix() -> None:
    x = np.stack([np.diag([1.0, 0.1])] * 2)
    y = rp.linalg.pinv(x, rtol=np.array([0.5, 0.01]))
    np.testing.assert_allclose(y.numpy(), [np.diag([1.0, 0.0]), np.diag([1.0, 10.0])], atol=1e-12)
    np.testing.assert_allclose(rp.linalg.pinv(x, rtol=0.5).numpy()[1], np.diag([1.0, 0.0]))


def test_gradients_to_second_order() -> None:
    x = rp.asarray([[2.0, 0.3, -0.4], [0.1, -1.5, 0.2], [0.5, 0.6, 1.2]], dtype=rp.float64)
    for function in (
        lambda a: rp.linalg.qr(a).R,
        lambda a: rp.linalg.svd(a, full_matrices=False).U ** 2,
        lambda a: rp.linalg.eigh(a).eigenvectors ** 2,
        lambda a: rp.linalg.slogdet(a).logabsdet,
        lambda a: rp.linalg.solve(a, a @ a),
        lambda a: rp.linalg.cholesky(a @ a.mT + rp.eye(3, dtype=rp.float64)),
        rp.linalg.pinv,
        rp.linalg.det,
    ):
        assert rp.gradcheck(function, (x,), order=2)

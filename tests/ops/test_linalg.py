"""The matrix product: what the conformance samples do not reach."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.errors import ShapeError


def test_operator_and_method_are_the_function() -> None:
    x, w = rp.asarray([[1.0, 2.0]]), rp.asarray([[3.0], [4.0]])
    assert (x @ w).tolist() == x.matmul(w).tolist() == rp.matmul(x, w).tolist() == [[11.0]]


def test_an_array_on_the_left_gives_way() -> None:
    y = np.ones((1, 2), np.float32) @ rp.asarray([[3.0], [4.0]])
    assert isinstance(y, rp.Tensor)
    assert y.tolist() == [[7.0]]


def test_integers_stay_integers() -> None:
    y = rp.asarray([[1, 2], [3, 4]]) @ rp.asarray([10, 1])
    assert y.dtype == rp.int64
    assert y.tolist() == [12, 34]


def test_large_integers_are_exact() -> None:
    x = rp.asarray([[2**60, 1]])
    assert (x @ rp.asarray([[1], [1]])).item() == 2**60 + 1


def test_half_precision_sums_in_float32() -> None:
    x = rp.ones((1, 4096), dtype=rp.float16)
    assert (x @ rp.ones((4096, 1), dtype=rp.float16)).item() == 4096.0


@pytest.mark.parametrize(
    ("x", "w"),
    [((2, 5, 3), (3, 4)), ((2, 3, 5, 3), (3, 4)), ((2, 5, 3), (2, 3, 4)), ((5, 3), (2, 3, 4))],
)
def test_batches_agree_with_numpy(x: tuple[int, ...], w: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=x), rng.normal(size=w)
    np.testing.assert_allclose(ops.matmul(a, b), np.matmul(a, b), rtol=1e-12)


def test_weights_of_a_batch_get_the_sum_over_it() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(7, 5, 3)), rng.normal(size=(3, 4))
    w = rp.tensor(b, requires_grad=True)
    rp.sum(rp.asarray(a) @ w).backward()
    expected = np.repeat(a.sum((0, 1))[:, None], 4, axis=1)
    np.testing.assert_allclose(w.grad.numpy(), expected, rtol=1e-12)


def test_no_columns_give_zeros() -> None:
    assert rp.matmul(rp.zeros((2, 0)), rp.zeros((0, 3))).tolist() == [[0.0] * 3] * 2


def test_the_message_names_both_sizes() -> None:
    with pytest.raises(ShapeError, match=r"x \(32, 784\) has 784 columns, w \(512, 10\) has 512"):
        rp.zeros((32, 784)) @ rp.zeros((512, 10))

"""Which rows a gradient comes from, where a trace can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.core.rows import rows_of

TABLE = np.arange(40.0).reshape(20, 2)
FIRST, SECOND = np.array([[3, 5], [3, 0]]), np.array([7, 3])

MADE: dict[str, Callable[[Any, Any, Any], Any]] = {
    "lookup": lambda table, i, j: (ops.take(table, i, axis=0) ** 2).sum(),
    "two lookups": lambda table, i, j: (
        (ops.take(table, i, axis=0) ** 2).sum() - ops.take(table, j, axis=0).sum()
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_their_sum_is_the_gradient(name: str) -> None:
    table = rp.asarray(TABLE).requires_grad_()

    @rp.compile
    def both(table: Any, i: Any, j: Any) -> Any:
        (g,) = rp.grad(MADE[name], argnums=(0,))(table, i, j)
        found = rows_of(-g * 0.5)
        assert found is not None
        indices, values = found
        return g, ops.take_add(values, indices, axis=0, length=20)

    g, made = both(table.detach(), rp.asarray(FIRST), rp.asarray(SECOND))
    np.testing.assert_allclose(made.numpy(), -0.5 * g.numpy())


def test_other_gradients_have_no_rows() -> None:
    assert rows_of(rp.asarray(TABLE)) is None

    @rp.compile
    def other(table: Any, i: Any) -> Any:
        by_columns = ops.take_add(table, i, axis=1, length=9)
        assert rows_of(by_columns) is None
        assert rows_of(ops.take_add(table.T, i, axis=0, length=9) * table.sum(axis=1)) is None
        return by_columns

    other(rp.asarray(TABLE), rp.asarray([1, 0]))

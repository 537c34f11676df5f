"""Who looks for errors: the first that sees an index, and no one before state has changed."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.ops import put, take

CELL = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize("shape", [(4,), (2, 2)])
def test_an_index_that_was_looked_at_is_written_to_in_place(shape: tuple[int, ...]) -> None:
    cell = rp.asarray(CELL.copy())

    @rp.compile(strict=True)
    def step(i: rp.Tensor) -> None:
        flat = i.reshape((-1,))
        rows = take(cell, i, axis=0).reshape((-1, 2))
        cell.assign(put(cell, flat, rows + 1, axis=0))

    index = np.array([5, 0, 3, 5]).reshape(shape)
    step(rp.asarray(index))
    expected = CELL.copy()
    expected[[5, 0, 3]] += 1
    np.testing.assert_array_equal(cell.numpy(), expected)
    assert "6x2" not in str(step.report()).replace("put", "", 1).split("memory")[1]
    with pytest.raises(IndexError, match="take: index 6 is out of range"):
        step(rp.asarray(np.where(index == 3, 6, index)))
    np.testing.assert_array_equal(cell.numpy(), expected)


def test_an_index_that_nobody_looked_at_changes_nothing_when_wrong() -> None:
    cell = rp.asarray(CELL.copy())

    @rp.compile(strict=True)
    def step(i: rp.Tensor) -> None:
        cell.assign(put(cell, i, 0.0, axis=0))

    with pytest.raises(IndexError, match="put: index -7 is out of range"):
        step(rp.asarray([1, -7]))
    np.testing.assert_array_equal(cell.numpy(), CELL)

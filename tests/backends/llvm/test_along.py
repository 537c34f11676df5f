"""Native reading and adding along an axis, in place where nobody needs what was there."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.errors import IndexRangeError


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_it_adds_in_place_and_beside_what_is_still_needed(axis: int):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 5, 6)).astype(np.float32)
    small = tuple(2 if i == axis else n for i, n in enumerate(x.shape))
    added, indices = rng.standard_normal(small).astype(np.float32), rng.integers(-2, 3, small)

    def in_place(x: rp.Tensor, added: rp.Tensor, indices: rp.Tensor) -> rp.Tensor:
        return ops.plus_along_axis(rp.exp(x), added, indices, axis=axis) * 2

    def beside(x: rp.Tensor, added: rp.Tensor, indices: rp.Tensor) -> rp.Tensor:
        raised = rp.exp(x)
        return ops.plus_along_axis(raised, added, indices, axis=axis) * raised

    for function in (in_place, beside):
        given = [rp.asarray(array) for array in (x, added, indices)]
        found = rp.compile(function, strict=True)(*given)
        np.testing.assert_allclose(found.numpy(), function(*given).numpy(), rtol=1e-4)


def test_an_index_out_of_range_is_named():
    @rp.compile
    def step(x: rp.Tensor, added: rp.Tensor, indices: rp.Tensor) -> rp.Tensor:
        return ops.plus_along_axis(rp.exp(x), added, indices, axis=1)

    with pytest.raises(IndexRangeError, match="plus_along_axis: index 3 is out of range"):
        step(np.zeros((2, 3)), np.zeros((2, 1)), np.array([[0], [3]]))

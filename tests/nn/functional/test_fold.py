"""Sliding blocks: columns are windows, and folding is the adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ShapeError
from retroprop.nn import functional as F

OPTIONS: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": (1, 3), "stride": (2, 1), "padding": 1},
    {"kernel_size": 2, "dilation": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_fold_is_the_adjoint_of_unfold(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 5, 6))
    columns = F.unfold(rp.asarray(x), **options).numpy()
    z = rng.normal(size=columns.shape)
    back = F.fold(rp.asarray(z), (5, 6), **options).numpy()
    np.testing.assert_allclose((columns * z).sum(), (back * x).sum())
    assert rp.gradcheck(lambda a: F.unfold(a, **options), [rp.tensor(x[:1], requires_grad=True)])


def test_windows_in_row_major_order() -> None:
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    columns = F.unfold(rp.asarray(x), 2).numpy()
    assert columns[0, :, 0].tolist() == [0.0, 1.0, 4.0, 5.0]
    assert columns[0, :, -1].tolist() == [6.0, 7.0, 10.0, 11.0]


def test_misfits() -> None:
    with pytest.raises(ShapeError, match=r"is no \(batch, channels x 4, 9\)"):
        F.fold(rp.ones((1, 8, 10)), (4, 4), 2)
    with pytest.raises(ShapeError, match="unfold expects"):
        F.unfold(rp.ones((2, 2)), 2)

"""Rearranging functions: each undoes another, and gradients follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ShapeError
from retroprop.nn import functional as F


def test_what_undoes_what() -> None:
    x = np.random.default_rng(0).normal(size=(2, 12, 4, 6))
    t = rp.asarray(x)
    pairs: list[tuple[Any, Any]] = [
        (lambda a: F.pixel_shuffle(a, 2), lambda a: F.pixel_unshuffle(a, 2)),
        (lambda a: F.flatten(a, 1), lambda a: F.unflatten(a, 1, (12, -1, 6))),
        (lambda a: F.channel_shuffle(a, 3), lambda a: F.channel_shuffle(a, 4)),
    ]
    for forth, back in pairs:
        np.testing.assert_array_equal(back(forth(t)).numpy(), x)
        assert rp.gradcheck(forth, [rp.tensor(x[:1, :, :2, :2], requires_grad=True)])


def test_leading_axes_stay() -> None:
    assert F.pixel_shuffle(rp.ones((5, 3, 8, 2, 2)), 2).shape == (5, 3, 2, 4, 4)
    assert F.pixel_unshuffle(rp.ones((8, 2, 2)), 2).shape == (32, 1, 1)


@pytest.mark.parametrize(
    ("use", "match"),
    [
        (lambda: F.pixel_shuffle(rp.ones((3, 2, 2)), 2), "no multiple of 2²"),
        (lambda: F.pixel_unshuffle(rp.ones((3, 2, 3)), 2), "no multiples of 2"),
        (lambda: F.channel_shuffle(rp.ones((1, 3, 2)), 2), "do not split"),
        (lambda: F.unflatten(rp.ones((2, 6)), 1, (4, -1)), "do not fill"),
        (lambda: F.unflatten(rp.ones((2, 6)), 1, (-1, -1)), "do not fill"),
    ],
)
def test_misfits(use: Any, match: str) -> None:
    with pytest.raises(ShapeError, match=match):
        use()

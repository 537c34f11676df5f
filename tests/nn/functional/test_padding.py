"""Borders against np.pad, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F

NUMPY = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.mark.parametrize("mode", NUMPY)
@pytest.mark.parametrize("widths", [(1, 2), (0, 3), (2, 1, 3, 0), (1, 1, 2, 2, 1, 0)])
def test_borders(mode: str, widths: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    pairs = [(widths[i], widths[i + 1]) for i in range(0, len(widths), 2)][::-1]
    how: Any = {"mode": NUMPY[mode]}
    expected = np.pad(x, [(0, 0)] * (3 - len(pairs)) + pairs, **how)
    np.testing.assert_array_equal(F.pad(rp.asarray(x), widths, mode).numpy(), expected)
    assert rp.gradcheck(lambda a: F.pad(a, widths, mode), [rp.tensor(x, requires_grad=True)])


def test_constants_and_crops() -> None:
    x = rp.asarray([[1, 2, 3]])
    assert F.pad(x, (1, 0), value=7).tolist() == [[7, 1, 2, 3]]
    assert F.pad(x, (-1, 1)).tolist() == [[2, 3, 0]]
    assert F.pad(x, (-1, -2)).tolist() == [[]]
    assert F.pad(x, ()).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("use", "error", "match"),
    [
        (lambda x: F.pad(x, (1,)), ArgumentError, "1 widths for 2 axes"),
        (lambda x: F.pad(x, (1,) * 6), ArgumentError, "6 widths for 2 axes"),
        (lambda x: F.pad(x, (1, 1), "mirror"), ArgumentError, "unknown padding mode"),
        (lambda x: F.pad(x, (3, 0), "reflect"), ShapeError, "mode 'reflect' takes 0 to 2"),
        (lambda x: F.pad(x, (-1, 0), "circular"), ShapeError, "takes 0 to 3"),
        (lambda x: F.pad(x, (-2, -2)), ShapeError, "takes more than the 3 elements"),
    ],
)
def test_misuse(use: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        use(rp.ones((2, 3)))


def test_no_value_is_zero_as_in_pytorch():
    assert F.pad(rp.ones(2), (1, 0), "constant", None).tolist() == [0.0, 1.0, 1.0]

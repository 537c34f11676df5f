"""Layers that put a border around: each against np.pad."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError

NUMPY = {
    "ZeroPad": ("constant", {}),
    "ConstantPad": ("constant", {"constant_values": 1.5}),
    "ReflectionPad": ("reflect", {}),
    "ReplicationPad": ("edge", {}),
    "CircularPad": ("wrap", {}),
}
WIDTHS = (1, 2, 0, 3, 2, 1)


@pytest.mark.parametrize("kind", NUMPY)
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("lead", [(2, 3), (3,)])
def test_borders(kind: str, count: int, lead: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(*lead, *(4, 5, 6)[:count]))
    mode, options = NUMPY[kind]
    value: Any = (1.5,) if kind == "ConstantPad" else ()
    make = getattr(nn, f"{kind}{count}d")
    pairs = [(WIDTHS[i], WIDTHS[i + 1]) for i in range(0, 2 * count, 2)][::-1]
    how: dict[str, Any] = {"mode": mode, **options}
    expected = np.pad(x, [(0, 0)] * len(lead) + pairs, **how)
    y = make(WIDTHS[: 2 * count], *value)(rp.asarray(x)).numpy()
    np.testing.assert_array_equal(y, expected)
    same = np.pad(x, [(0, 0)] * len(lead) + [(2, 2)] * count, **how)
    np.testing.assert_array_equal(make(2, *value)(rp.asarray(x)).numpy(), same)


def test_negative_widths_crop() -> None:
    x = rp.asarray(np.arange(5.0)[None, None])
    assert nn.ZeroPad1d((-1, -2))(x).tolist() == [[[1.0, 2.0]]]
    assert nn.ConstantPad1d((-1, 1), 9.0)(x).tolist() == [[[1.0, 2.0, 3.0, 4.0, 9.0]]]


def test_misuse() -> None:
    with pytest.raises(ArgumentError, match="ZeroPad2d: padding is") as caught:
        nn.ZeroPad2d((1, 2))
    assert "4: before and after each axis" in str(caught.value)
    with pytest.raises(ShapeError, match=r"ReflectionPad1d expects \(batch, channels, length\)"):
        nn.ReflectionPad1d(1)(rp.ones(3))
    with pytest.raises(ShapeError, match="takes 0 to 2"):
        nn.ReflectionPad1d(3)(rp.ones((1, 1, 3)))
    with pytest.raises(ShapeError, match="takes more than"):
        nn.ZeroPad1d((-3, -3))(rp.ones((1, 1, 4)))

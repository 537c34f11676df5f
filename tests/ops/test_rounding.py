"""What is special to rounding; the rest is in test_conformance.py."""

from __future__ import annotations

import pytest

import retroprop as rp
from retroprop.errors import NoGradientError

X = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1.9]


def test_halves():
    x = rp.asarray(X)
    assert rp.round(x).tolist() == [-2, -2, 0, 0, 2, 2, 2]
    assert rp.floor(x).tolist() == [-3, -2, -1, 0, 1, 2, 1]
    assert rp.ceil(x).tolist() == [-2, -1, 0, 1, 2, 3, 2]
    assert rp.trunc(x).tolist() == [-2, -1, 0, 0, 1, 2, 1]


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "round"])
def test_integers_stay_integers(name):
    y = getattr(rp, name)(rp.asarray([3, -2]))
    assert y.tolist() == [3, -2]
    assert y.dtype == rp.int64


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "round"])
def test_the_error_shows_the_way_out_and_it_works(name):
    x = rp.tensor([1.4], requires_grad=True)
    y = getattr(rp, name)(x)
    with pytest.raises(NoGradientError, match=rf"{name}: no gradient .*straight-through"):
        y.backward()
    z = x + (getattr(rp, name)(x) - x).detach()
    z.backward()
    assert x.grad.tolist() == [1.0]
    assert z.tolist() == y.tolist()

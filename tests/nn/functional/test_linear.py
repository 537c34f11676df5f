"""Affine and bilinear maps: values, gradients, messages."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ShapeError
from retroprop.nn import functional as F

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("lead", [(), (4,), (2, 3), (0,)])
def test_linear(lead: tuple[int, ...]) -> None:
    x, w, b = RNG.normal(size=(*lead, 3)), RNG.normal(size=(2, 3)), RNG.normal(size=2)
    np.testing.assert_allclose(F.linear(*map(rp.asarray, (x, w, b))).numpy(), x @ w.T + b)
    one = F.linear(rp.asarray(x), rp.asarray(w[0]))
    np.testing.assert_allclose(one.numpy(), x @ w[0])


def test_gradients() -> None:
    x, w, b = (rp.tensor(RNG.normal(size=s), requires_grad=True) for s in ((2, 4, 3), (5, 3), 5))
    assert rp.gradcheck(F.linear, [x, w, b])
    a, c, v = (
        rp.tensor(RNG.normal(size=s), requires_grad=True) for s in ((4, 3), (4, 2), (5, 3, 2))
    )
    assert rp.gradcheck(F.bilinear, [a, c, v])


def test_bilinear() -> None:
    x, z, w = RNG.normal(size=(2, 4, 3)), RNG.normal(size=(2, 4, 5)), RNG.normal(size=(6, 3, 5))
    y = F.bilinear(*map(rp.asarray, (x, z, w))).numpy()
    np.testing.assert_allclose(y, np.einsum("bni,oij,bnj->bno", x, w, z))


def test_misfits() -> None:
    with pytest.raises(ShapeError, match="inner sizes differ"):
        F.linear(rp.ones((2, 4)), rp.ones((5, 3)))
    with pytest.raises(ShapeError, match=r"weight for \(\.\.\., 3 features\) and \(\.\.\., 2 feat"):
        F.bilinear(rp.ones((2, 4)), rp.ones((2, 2)), rp.ones((5, 3, 2)))

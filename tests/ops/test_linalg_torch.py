"""The matrix product against PyTorch: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp

torch = pytest.importorskip("torch")

SHAPES = [
    ((3,), (3,)),
    ((4, 3), (3,)),
    ((3,), (3, 5)),
    ((4, 3), (3, 5)),
    ((2, 4, 3), (3, 5)),
    ((2, 4, 3), (2, 3, 5)),
    ((6, 1, 4, 3), (2, 3, 5)),
    ((3,), (2, 3, 5)),
    ((2, 4, 3), (3,)),
]


@pytest.mark.parametrize(("x", "w"), SHAPES)
def test_matmul(x: tuple[int, ...], w: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=x), rng.normal(size=w)
    ours = [rp.tensor(v, requires_grad=True) for v in (a, b)]
    theirs = [torch.tensor(v, requires_grad=True) for v in (a, b)]
    y, expected = rp.matmul(*ours), torch.matmul(*theirs)
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    rp.sum(y * y).backward()
    (expected * expected).sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.grad.numpy(), other.grad.numpy(), rtol=1e-11)

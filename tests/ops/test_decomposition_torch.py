"""Gradients of decompositions and inverses against PyTorch, through losses that fix no sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retroprop as rp

torch = pytest.importorskip("torch")

rl, tl = rp.linalg, torch.linalg


def eye_like(x: Any, n: int) -> Any:
    one = np.eye(n)
    return rp.asarray(one) if isinstance(x, rp.Tensor) else torch.tensor(one)


def spd(x: Any) -> Any:
    return x @ x.mT + 2.0 * eye_like(x, x.shape[-2])


# loss of ours, loss of PyTorch's, shape
CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], tuple[int, ...]]] = {
    "inv": (lambda x: rl.inv(spd(x)) ** 3, lambda x: tl.inv(spd(x)) ** 3, (2, 3, 3)),
    "det": (lambda x: rl.det(x) ** 2, lambda x: tl.det(x) ** 2, (2, 3, 3)),
    "slogdet": (lambda x: rl.slogdet(x)[1], lambda x: tl.slogdet(x)[1], (2, 3, 3)),
    "cholesky": (
        lambda x: rl.cholesky(spd(x)) ** 3,
        lambda x: tl.cholesky(spd(x)) ** 3,
        (2, 3, 3),
    ),
    "upper": (
        lambda x: rl.cholesky(spd(x), upper=True) ** 3,
        lambda x: tl.cholesky(spd(x), upper=True) ** 3,
        (3, 3),
    ),
    "eigh": (
        lambda x: rl.eigh(spd(x))[1] ** 4 + rl.eigh(spd(x))[0],
        lambda x: tl.eigh(spd(x))[1] ** 4 + tl.eigh(spd(x))[0],
        (3, 3),
    ),
    "eigvalsh": (lambda x: rl.eigvalsh(spd(x)) ** 2, lambda x: tl.eigvalsh(spd(x)) ** 2, (2, 3, 3)),
    "svdvals": (lambda x: rl.svdvals(x) ** 3, lambda x: tl.svdvals(x) ** 3, (2, 4, 3)),
    "pinv tall": (lambda x: rl.pinv(x) ** 3, lambda x: tl.pinv(x) ** 3, (2, 4, 3)),
    "pinv wide": (lambda x: rl.pinv(x) ** 3, lambda x: tl.pinv(x) ** 3, (3, 4)),
    "nuclear": (
        lambda x: rl.matrix_norm(x, ord="nuc") ** 3,
        lambda x: tl.matrix_norm(x, ord="nuc") ** 3,
        (2, 3, 4),
    ),
    "matrix_power": (lambda x: rl.matrix_power(x, -3), lambda x: tl.matrix_power(x, -3), (3, 3)),
}
for rows, columns in ((4, 3), (3, 4), (3, 3)):
    CASES[f"qr {rows}x{columns}"] = (
        lambda x: rp.sum(rl.qr(x).Q ** 4) + rp.sum(rl.qr(x).R ** 4),
        lambda x: (tl.qr(x).Q ** 4).sum() + (tl.qr(x).R ** 4).sum(),
        (2, rows, columns),
    )
    CASES[f"svd {rows}x{columns}"] = (
        lambda x: sum(rp.sum(part**4) for part in rl.svd(x, full_matrices=False)),
        lambda x: sum((part**4).sum() for part in tl.svd(x, full_matrices=False)),
        (2, rows, columns),
    )


@pytest.mark.parametrize("name", CASES)
def test_values_and_two_derivatives(name: str) -> None:
    ours, theirs, shape = CASES[name]
    array = np.random.default_rng(3).normal(size=shape)
    x, tx = rp.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    y, ty = ours(x), theirs(tx)
    np.testing.assert_allclose(y.detach().numpy(), ty.detach().numpy(), rtol=1e-9, atol=1e-10)
    rp.sum(y).backward(create_graph=True)
    (first,) = torch.autograd.grad(ty.sum(), tx, create_graph=True)
    g = x.grad
    np.testing.assert_allclose(g.detach().numpy(), first.detach().numpy(), rtol=1e-7, atol=1e-8)
    x.grad = None
    rp.sum(g * g).backward()
    (second,) = torch.autograd.grad((first**2).sum(), tx)
    scale = float(second.abs().max())
    np.testing.assert_allclose(x.grad.numpy(), second.numpy(), rtol=1e-6, atol=1e-8 * scale)


@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 3, 2)])
def test_solve(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(4)
    arrays = [rng.normal(size=(2, 3, 3)), rng.normal(size=shape)]
    ours = [rp.tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    b = theirs[1].broadcast_to(2, 3) if len(shape) == 1 else theirs[1]
    y, ty = rl.solve(*ours), tl.solve(theirs[0], b)
    np.testing.assert_allclose(y.detach().numpy(), ty.detach().numpy(), rtol=1e-9)
    rp.sum(y**3).backward()
    (ty**3).sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.grad.numpy(), other.grad.numpy(), rtol=1e-8)

"""Sparse tables beside PyTorch's SparseAdam and its SGD on sparse gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks")

import retroprop as rp  # noqa: E402
from retroprop import nn, optim  # noqa: E402

ROWS = 40
PAIRS = [
    (  # PyTorch's SparseAdam adds eps to the root before its bias is corrected
        lambda p: optim.Adam(p, lr=0.05, eps=1e-13),
        lambda p: torch.optim.SparseAdam(list(p), lr=0.05, eps=1e-13),
    ),
    (lambda p: optim.SGD(p, lr=0.05), lambda p: torch.optim.SGD(p, lr=0.05)),
    (lambda p: optim.Adagrad(p, lr=0.05), lambda p: torch.optim.Adagrad(p, lr=0.05)),
]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("make", "make_theirs"), PAIRS)
def test_tables_go_the_same_way(make: Any, make_theirs: Any, compiled: bool) -> None:
    ours = nn.Embedding(ROWS, 5, sparse=True, dtype="float64")
    theirs = torch.nn.Embedding(ROWS, 5, sparse=True, dtype=torch.float64)
    theirs.load_state_dict({"weight": torch.from_numpy(ours.weight.numpy().copy())})
    optimizer, optimizer_theirs = make(ours.parameters()), make_theirs(theirs.parameters())

    def step(x: rp.Tensor) -> None:
        (ours(x) ** 3).sum().backward()
        optimizer.step()

    run = rp.compile(step, strict=True) if compiled else step
    rng = np.random.default_rng(1)
    for _ in range(8):
        x = rng.integers(0, ROWS, (2, 6))
        run(rp.asarray(x))
        optimizer_theirs.zero_grad()
        (theirs(torch.from_numpy(x)) ** 3).sum().backward()
        optimizer_theirs.step()
    expected = theirs.weight.detach().numpy()
    np.testing.assert_allclose(ours.weight.numpy(), expected, rtol=1e-7, atol=1e-9)

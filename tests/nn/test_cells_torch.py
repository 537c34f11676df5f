"""Recurrent cells against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop import nn
from tests.nn.parity import agree

torch = pytest.importorskip("torch")

CELLS = [
    ("RNNCell", {}),
    ("RNNCell", {"nonlinearity": "relu"}),
    ("GRUCell", {}),
    ("LSTMCell", {}),
]


class Ours(nn.Module):
    """A cell whose state is arguments of its own."""

    def __init__(self, inner: nn.Module) -> None:
        self.inner = inner

    def forward(self, x: Any, *state: Any) -> Any:
        return self.inner(x, packed(state))


class Theirs(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any, *state: Any) -> Any:
        return self.inner(x, packed(state))


def packed(state: tuple[Any, ...]) -> Any:
    return state if len(state) > 1 else (state[0] if state else None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("name", "options"), CELLS, ids=str)
def test_cell(
    name: str, options: Any, bias: bool, batch: tuple[int, ...], with_state: bool, dtype: str
) -> None:
    ours = getattr(nn, name)(4, 5, bias=bias, **options)
    theirs = getattr(torch.nn, name)(4, 5, bias=bias, **options)
    rng = np.random.default_rng(0)
    given = [rng.normal(size=(*batch, 5)) for _ in range(ours.kind.states * with_state)]
    x = rng.normal(size=(*batch, 4))
    agree(torch, Ours(ours), Theirs(theirs), [x, *given], dtype=dtype)

"""Errors of Winograd's algorithm against those of PyTorch's convolutions in single precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from tests.backends.llvm.test_convolve import compiled
from tests.backends.llvm.test_winograd import DIRECTIONS, PLAIN

torch = pytest.importorskip("torch")
THEIRS = {
    "forward": lambda x, w, z: torch.nn.functional.conv2d(x, w, padding=1),
    "adjoint": lambda x, w, z: torch.nn.grad.conv2d_input(x.shape, w, z, padding=1),
    "gradient": lambda x, w, z: torch.nn.grad.conv2d_weight(x, w.shape, z, padding=1),
}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("size", [(33, 32, 32, 8), (8, 64, 32, 28)], ids=str)
def test_errors_are_not_larger_than_those_of_pytorch(direction: str, size: Any) -> None:
    batch, channels, out, side = size
    case = PLAIN._replace(batch=batch, channels=channels, out=out, spatial=(side, side))
    arrays = case.arrays()
    fn = DIRECTIONS[direction](case)
    native = compiled(fn)
    found = native(*arrays).numpy()
    assert "winograd" in native.report()
    exact = fn(*(rp.astype(a, "float64") for a in arrays)).numpy()
    theirs = THEIRS[direction](*(torch.tensor(a.numpy()) for a in arrays)).numpy()
    assert np.abs(found - exact).max() <= 1.5 * np.abs(theirs - exact).max()

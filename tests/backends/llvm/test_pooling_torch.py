"""Native pooling and its gradient against PyTorch: ties, padding, dilation, NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from tests.backends.llvm.test_pooling import DILATED, MEANS, SIZES, WINDOWS, both, broken, whole

torch = pytest.importorskip("torch")
CASES = [("max", name, {}) for name in (*WINDOWS, *DILATED)]
CASES += [("avg", name, divisor) for name in WINDOWS for divisor in MEANS]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("make", [whole, broken], ids=["ties", "nan"])
def test_values_and_gradients_of_ties(case: Any, count: int, make: Any) -> None:
    kind, name, more = case
    if kind == "avg" and make is broken:
        return
    options = {**WINDOWS, **DILATED}[name] | more
    x = make(3, 17, *SIZES[count])
    f = f"{kind}_pool{count}d"
    fn = both(lambda x: getattr(nn.functional, f)(x, **options))
    found, slope = rp.compile(fn, strict=True)(rp.asarray(x))
    t = torch.tensor(x, requires_grad=True)
    y = getattr(torch.nn.functional, f)(t, **options)
    y.backward((torch.arange(1, y.numel() + 1, dtype=y.dtype) % 97).reshape(y.shape))
    if kind == "max":
        np.testing.assert_array_equal(found.numpy(), y.detach().numpy())
        np.testing.assert_array_equal(slope.numpy(), t.grad.numpy())
    else:
        np.testing.assert_allclose(found.numpy(), y.detach().numpy(), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(slope.numpy(), t.grad.numpy(), rtol=1e-5, atol=1e-5)

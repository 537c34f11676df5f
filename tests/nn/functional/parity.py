"""What the parity tests of functions share: the comparison of values and of all gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import retroprop as rp

TOLERANCE = {"float32": (2e-5, 2e-6), "float64": (1e-10, 1e-12)}  # relative, absolute


def agree(
    torch: Any,
    function: Callable[..., Any],
    reference: Callable[..., Any],
    floats: Sequence[Any],
    others: Sequence[Any] = (),
    *,
    dtype: str = "float64",
    tolerance: tuple[float, float] | None = None,
) -> None:
    """Both functions, called with (*floats, *others), give the same value and the same gradients.

    Args:
        floats: arrays that are differentiated, in `dtype`.
        others: arrays (labels, lengths) and plain values that are not.
    """
    ours = [rp.tensor(np.asarray(x, dtype), requires_grad=True) for x in floats]
    theirs = [torch.tensor(np.asarray(x, dtype), requires_grad=True) for x in floats]
    y = function(*ours, *(rp.asarray(x) if isinstance(x, np.ndarray) else x for x in others))
    expected = reference(
        *theirs, *(torch.tensor(x) if isinstance(x, np.ndarray) else x for x in others)
    )
    assert y.shape == tuple(expected.shape)
    assert y.dtype == dtype
    rtol, atol = tolerance or TOLERANCE[dtype]
    close = {"rtol": rtol, "atol": atol, "equal_nan": True}
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), **close)
    cotangent = np.random.default_rng(1).uniform(0.5, 1.5, y.shape).astype(dtype)
    y.backward(rp.asarray(cotangent))
    expected.backward(torch.tensor(cotangent).reshape(expected.shape))
    for number, (x, z) in enumerate(zip(ours, theirs, strict=True)):
        assert x.grad is not None, f"no gradient reached argument {number}"
        assert x.grad.dtype == dtype
        np.testing.assert_allclose(
            x.grad.numpy(), z.grad.numpy(), err_msg=f"gradient of argument {number}", **close
        )

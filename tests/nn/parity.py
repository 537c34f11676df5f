"""The comparison with PyTorch that the parity tests of layers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import retroprop as rp

TOLERANCE = {"float32": (2e-5, 1e-5), "float64": (1e-10, 1e-10)}  # relative, absolute


def leaves(output: Any) -> list[Any]:
    """The tensors in nested tuples, in order."""
    if isinstance(output, tuple | list):
        return [leaf for item in output for leaf in leaves(item)]
    return [] if output is None else [output]


def same_state(torch: Any, ours: rp.nn.Module, theirs: Any, **close: Any) -> None:
    """Equal keys in equal order, shapes, dtypes and numbers."""
    state, expected = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(expected)
    for name, tensor in expected.items():
        assert str(tensor.dtype) == f"torch.{state[name].dtype.name}", name
        np.testing.assert_allclose(state[name].numpy(), tensor.numpy(), err_msg=name, **close)


def agree(
    torch: Any,
    ours: rp.nn.Module,
    theirs: Any,
    floats: Sequence[Any],
    others: Sequence[Any] = (),
    *,
    dtype: str = "float64",
    tolerance: tuple[float, float] | None = None,
    **options: Any,
) -> None:
    """Both layers, with PyTorch's numbers, give the same outputs, gradients and buffers.

    Args:
        floats:  arrays that are differentiated, in `dtype`.
        others:  arrays that are not, and plain values.
        options: arguments of the call by name.
    """
    rtol, atol = tolerance or TOLERANCE[dtype]
    close = {"rtol": rtol, "atol": atol}
    ours.to(dtype)
    theirs.to(getattr(torch, dtype))
    ours.load_state_dict({name: x.numpy() for name, x in theirs.state_dict().items()})
    same_state(torch, ours, theirs, rtol=0, atol=0)
    x = [rp.tensor(np.asarray(a, dtype), requires_grad=True) for a in floats]
    z = [torch.tensor(np.asarray(a, dtype), requires_grad=True) for a in floats]
    fixed = [rp.asarray(a) if isinstance(a, np.ndarray) else a for a in others]
    given = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in others]
    made, expected = leaves(ours(*x, *fixed, **options)), leaves(theirs(*z, *given, **options))
    assert len(made) == len(expected)
    total, target = 0.0, 0.0
    rng = np.random.default_rng(1)
    for y, e in zip(made, expected, strict=True):
        assert y.shape == tuple(e.shape)
        np.testing.assert_allclose(y.detach().numpy(), e.detach().numpy(), **close)
        if y.dtype == dtype:
            weights = rng.uniform(0.5, 1.5, y.shape).astype(dtype)
            total = total + (y * rp.asarray(weights)).sum()
            target = target + (e * torch.tensor(weights)).sum()
    if any(one.requires_grad for one in [*x, *ours.parameters()]):
        total.backward()
        target.backward()
    for number, (one, other) in enumerate(zip(x, z, strict=True)):
        same_gradient(one, other, f"gradient of input {number}", close)
    for (name, one), (_, other) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        same_gradient(one, other, f"gradient of {name}", close)
    same_state(torch, ours, theirs, **close)


def same_gradient(one: Any, other: Any, what: str, close: dict[str, float]) -> None:
    """Equal gradients; none at all counts as zeros."""
    if other.grad is None:
        assert one.grad is None or not one.grad.numpy().any(), what
        return
    assert one.grad is not None, what
    scale = max(1.0, float(other.grad.abs().max())) if other.grad.numel() else 1.0
    np.testing.assert_allclose(
        one.grad.numpy() / scale, other.grad.numpy() / scale, err_msg=what, **close
    )

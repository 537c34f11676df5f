"""Code of the scalar builder run over arrays, and how far its numbers are from the truth."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

from retroprop.backends.llvm import jit
from retroprop.backends.llvm.emit import Function, Module
from retroprop.backends.llvm.scalar import Builder, Scalar
from retroprop.backends.llvm.target import Target, host, named, why_not

__all__ = ["TARGETS", "apply", "apply_all", "called", "near", "truth", "units", "without_warnings"]

Array = np.ndarray[Any, Any]

# This machine, and the baseline without fused multiply-add where it runs.
TARGETS = [host(), *[one for one in [named("sse")] if why_not(one) is None]]


def called(name: str) -> Callable[..., Scalar]:
    """The body that calls a function of `math.py`."""
    return lambda b, *operands: b.call(name, *operands)


def apply(
    body: Callable[..., Scalar], *arrays: Array, lanes: int = 8, target: Target | None = None
) -> Array:
    """`body(builder, *operands)` over flat arrays of one size; denormal numbers are kept."""
    return apply_all([body], *arrays, lanes=lanes, target=target)[0]


def apply_all(
    bodies: Sequence[Callable[..., Scalar]],
    *arrays: Array,
    lanes: int = 8,
    target: Target | None = None,
) -> list[Array]:
    """`apply` of several bodies to the same arrays, compiled at once."""
    target, size = target or host(), arrays[0].size
    padded = [np.concatenate([x, np.ones(-size % lanes, x.dtype)]) for x in arrays]
    module, names = Module(), ["result", *[f"x{i}" for i in range(len(arrays))]]
    made = [
        _emit_loop(module, f"step{number}", body, names, padded, (lanes, target))
        for number, body in enumerate(bodies)
    ]
    library = jit.load(module.text(), target)
    results = []
    for number, dtype in enumerate(made):
        out = np.full(padded[0].size, 99).astype(dtype)
        types = [ctypes.c_int64, *[ctypes.c_void_p for _ in names]]
        step = ctypes.CFUNCTYPE(None, *types)(library.address(f"step{number}"))
        step(out.size, out.ctypes.data, *[x.ctypes.data for x in padded])
        results.append(out[:size])
    return results


def _emit_loop(
    module: Module,
    name: str,
    body: Callable[..., Scalar],
    names: list[str],
    arrays: list[Array],
    machine: tuple[int, Target],
) -> np.dtype[Any]:
    """A public function that applies the body to arrays; its result's dtype."""
    lanes, target = machine
    f = Function(module, name, [("n", "i64"), *[(key, "ptr") for key in names]], public=True)
    count, result, *operands = f.parameters
    b = Builder(f, target, lanes)
    with f.loop(0, count, lanes) as loop:
        loaded = [
            b.load(f.at(p, loop.index, x.itemsize), x.dtype)
            for p, x in zip(operands, arrays, strict=True)
        ]
        made = body(b, *loaded)
        b.store(made, f.at(result, loop.index, made.dtype.itemsize))
    f.leave()
    module.add(f)
    return made.dtype


def near(values: list[float], dtype: Any, steps: int = 20) -> Array:
    """Values of either sign and their neighbours among the numbers of a dtype."""
    centres = np.array(values, dtype).view(f"i{np.dtype(dtype).itemsize}")
    around = (centres[:, None] + np.arange(-steps, steps + 1, dtype=centres.dtype)).ravel()
    return np.concatenate([around.view(dtype), -around.view(dtype)])


def without_warnings() -> Any:
    """Edge values are no warnings here."""
    return np.errstate(all="ignore")


def truth(function: Callable[..., Any], *arrays: Array) -> list[Any]:
    """A function of mpmath of every element, in 40 digits."""
    with mpmath.workdps(40):
        return [
            function(*(mpmath.mpf(float(x)) for x in items)) for items in zip(*arrays, strict=True)
        ]


def units(y: Array, exact: Any) -> Array:
    """Distance from the truth, an array of wider numbers or a list of mpmath's, in last places.

    What rounds to the same number, or NaN where NaN is expected, is right.
    """
    many = isinstance(exact, list)
    with without_warnings(), mpmath.workdps(40):
        rounded = (np.array([float(e) for e in exact]) if many else exact).astype(y.dtype)
        largest = np.finfo(y.dtype).max
        gap = np.spacing(np.minimum(np.abs(rounded), largest)).astype(np.float64)
        if many:
            pairs = zip(y, exact, gap, strict=True)
            off = np.array([float(abs(mpmath.mpf(float(a)) - e) / g) for a, e, g in pairs])
        else:
            off = np.abs(y.astype(np.float64) - exact) / gap
        alike = (y == rounded) | (np.isnan(y) & np.isnan(rounded))
        settled = alike & ~np.isfinite(off)
        return np.where(settled, 0.0, np.where(np.isnan(off), np.inf, off))

"""What the elementwise functions of native code cost, by element.

    python bench/vector_math.py

Arrays of 4096 elements, which stay in the first cache, one core, a vector of the machine at a time;
"C library" is the same loop that calls it for each lane. Nanoseconds per element: the fastest of
several runs.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

import machine
import numpy as np

from retroprop.backends.llvm import jit, math, target
from retroprop.backends.llvm.emit import Function, Module
from retroprop.backends.llvm.math_parts import in_each_lane
from retroprop.backends.llvm.scalar import Builder, Scalar

SIZE, ROUNDS, RUNS = 4096, 200, 15
Body = Callable[[Builder, Scalar, Scalar], Scalar]


def nanoseconds(body: Body, dtype: np.dtype) -> float:
    """Per element, for one function of two operands."""
    made = target.host()
    lanes, module = made.lanes(dtype.itemsize), Module()
    f = Function(module, "step", [(key, "ptr") for key in "xzy"], public=True)
    x, z, y = f.parameters
    b = Builder(f, made, lanes)
    with f.loop(0, ROUNDS), f.loop(0, SIZE, lanes) as loop:
        left, right = (b.load(f.at(p, loop.index, dtype.itemsize), dtype) for p in (x, z))
        b.store(body(b, left, right), f.at(y, loop.index, dtype.itemsize))
    f.leave()
    module.add(f)
    library = jit.load(module.text(), made)
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(library.address("step"))
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(0.1, 4.0, SIZE).astype(dtype) for _ in range(3)]
    best = float("inf")
    for _ in range(RUNS):
        began = time.perf_counter()
        run(*[array.ctypes.data for array in arrays])
        best = min(best, time.perf_counter() - began)
    return 1e9 * best / ROUNDS / SIZE


def by_name(name: str, *, own: bool) -> Body:
    """A function of `math.py`, or the C library's of that name."""
    count = 2 if name == "pow" else 1
    if own:
        return lambda b, *operands: math.call(b, name, *operands[:count])
    return lambda b, *operands: in_each_lane(b, name, operands[:count])


def main() -> None:
    """Measure every function that is ours, and print Markdown."""
    dtypes = [np.dtype(np.float32), np.dtype(np.float64)]
    print(machine.describe() + "\n")
    print("| function | float32 ns | float64 ns | C library, float32 ns | C library, float64 ns |")
    print("|---|---|---|---|---|")
    copied = [nanoseconds(lambda b, x, z: x, dtype) for dtype in dtypes]
    print(f"| copy | {copied[0]:.2f} | {copied[1]:.2f} | | |")
    for name in math.OWN:
        cells = [f"{nanoseconds(by_name(name, own=True), dtype):.2f}" for dtype in dtypes]
        if name == "sigmoid":
            cells += ["", ""]
        else:
            cells += [f"{nanoseconds(by_name(name, own=False), dtype):.2f}" for dtype in dtypes]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

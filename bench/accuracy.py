"""Rounding errors of convolutions in float32, ours and PyTorch's, against PyTorch in float64.

    python bench/accuracy.py

For each layer the error of its result and of both gradients: the root mean square of the difference
over that of the exact numbers, in units of 1e-7. Prints Markdown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import retroprop as rp

# name, channels in and out, image, window, options
LAYERS: list[tuple[str, int, int, int, int, dict[str, Any]]] = [
    ("3x3, 16 to 16", 16, 16, 32, 3, {"padding": 1}),
    ("3x3, 64 to 64", 64, 64, 16, 3, {"padding": 1}),
    ("3x3, 256 to 256", 256, 256, 8, 3, {"padding": 1}),
    ("3x3, 64 to 128, stride 2", 64, 128, 16, 3, {"padding": 1, "stride": 2}),
    ("1x1, 128 to 128", 128, 128, 16, 1, {}),
    ("7x7, 3 to 64, stride 2", 3, 64, 64, 7, {"padding": 3, "stride": 2}),
    ("5x5, 6 to 16", 6, 16, 14, 5, {}),
    ("3x3 by channel, 64", 64, 64, 32, 3, {"padding": 1, "groups": 64}),
]
BATCH = 16


def errors(found: list[np.ndarray], exact: list[np.ndarray]) -> list[float]:
    """Root mean square errors, relative."""
    pairs = zip(found, exact, strict=True)
    return [float(np.sqrt(np.mean((a - e) ** 2) / np.mean(e**2))) for a, e in pairs]


def by_torch(arrays: list[np.ndarray], options: dict[str, Any]) -> list[np.ndarray]:
    """Result and gradients in the type of the arrays."""
    x, w, g = (torch.tensor(array) for array in arrays)
    x.requires_grad_()
    w.requires_grad_()
    y = torch.nn.functional.conv2d(x, w, **options)
    y.backward(g)
    assert x.grad is not None
    assert w.grad is not None
    return [t.detach().double().numpy() for t in (y, x.grad, w.grad)]


def by_us(arrays: list[np.ndarray], options: dict[str, Any], winograd: int) -> list[np.ndarray]:
    """Result and gradients, compiled."""
    x, w, g = (rp.tensor(array, requires_grad=True) for array in arrays)

    @rp.compile(winograd=winograd)
    def step() -> list[rp.Tensor]:
        x.grad = w.grad = None
        y = rp.nn.functional.conv2d(x, w, **options)
        y.backward(g.detach())
        return [y, x.grad, w.grad]

    return [t.numpy().astype(np.float64) for t in step()]


def main() -> None:
    """Print a table."""
    print("| layer | ours: y, dx, dw | ours, winograd=0 | PyTorch |\n|---|---|---|---|")
    for name, inside, outside, size, window, options in LAYERS:
        rng = np.random.default_rng(0)
        groups, padding = options.get("groups", 1), options.get("padding", 0)
        side = (size + 2 * padding - window) // options.get("stride", 1) + 1
        shapes = (
            (BATCH, inside, size, size),
            (outside, inside // groups, window, window),
            (BATCH, outside, side, side),
        )
        arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
        exact = by_torch([array.astype(np.float64) for array in arrays], options)
        columns = [by_us(arrays, options, 2), by_us(arrays, options, 0), by_torch(arrays, options)]
        cells = [", ".join(f"{1e7 * e:.2f}" for e in errors(one, exact)) for one in columns]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

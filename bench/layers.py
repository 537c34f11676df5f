"""What the networks of the workloads are made of: plain descriptions that every peer builds from.

Each layer knows its weights and how it changes the shape of what flows through it, so operations
can be counted and initial weights drawn without any library.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Linear:
    """x @ w' + b."""

    inputs: int
    outputs: int

    def shapes(self) -> dict[str, Shape]:
        """The shape of each weight."""
        return {"weight": (self.outputs, self.inputs), "bias": (self.outputs,)}

    def after(self, shape: Shape) -> Shape:
        """What comes out of what goes in, without the batch."""
        return (*shape[:-1], self.outputs)

    def products(self, shape: Shape) -> int:
        """Multiplications for one sample."""
        return self.inputs * self.outputs


@dataclass(frozen=True)
class Conv:
    """A convolution over height and width."""

    inputs: int
    outputs: int
    window: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    bias: bool = False

    def shapes(self) -> dict[str, Shape]:
        """The shape of each weight."""
        weight = (self.outputs, self.inputs // self.groups, self.window, self.window)
        return {"weight": weight, **({"bias": (self.outputs,)} if self.bias else {})}

    def after(self, shape: Shape) -> Shape:
        """What comes out of what goes in, without the batch."""
        moved = ((n + 2 * self.padding - self.window) // self.stride + 1 for n in shape[1:])
        return (self.outputs, *moved)

    def products(self, shape: Shape) -> int:
        """Multiplications for one sample."""
        return math.prod(self.after(shape)) * self.inputs // self.groups * self.window**2


@dataclass(frozen=True)
class Norm:
    """Batch normalisation."""

    channels: int

    def shapes(self) -> dict[str, Shape]:
        """The shape of each weight."""
        return {"weight": (self.channels,), "bias": (self.channels,)}


@dataclass(frozen=True)
class Activation:
    """What stands between layers: "relu" or "tanh"."""

    name: str = "relu"


@dataclass(frozen=True)
class MaxPool:
    """The largest of each window."""

    window: int
    stride: int
    padding: int = 0

    def after(self, shape: Shape) -> Shape:
        """What comes out of what goes in, without the batch."""
        moved = ((n + 2 * self.padding - self.window) // self.stride + 1 for n in shape[1:])
        return (shape[0], *moved)


@dataclass(frozen=True)
class Mean:
    """The mean over height and width."""

    def after(self, shape: Shape) -> Shape:
        """What comes out of what goes in, without the batch."""
        return shape[:1]


@dataclass(frozen=True)
class Flatten:
    """One line of numbers for each sample."""

    def after(self, shape: Shape) -> Shape:
        """What comes out of what goes in, without the batch."""
        return (math.prod(shape),)


@dataclass(frozen=True)
class Residual:
    """relu(body(x) + shortcut(x)); an empty shortcut is x itself."""

    body: tuple[object, ...]
    shortcut: tuple[object, ...] = ()

    def after(self, shape: Shape) -> Shape:
        """What comes out of what goes in, without the batch."""
        return flow(self.body, shape)[-1]


def flow(layers: Sequence[object], shape: Shape) -> list[Shape]:
    """The shapes between layers, the first and the last included."""
    shapes = [shape]
    for layer in layers:
        shapes.append(layer.after(shapes[-1]) if hasattr(layer, "after") else shapes[-1])
    return shapes


def walk(
    layers: Sequence[object], shape: Shape, path: str = ""
) -> Iterator[tuple[str, object, Shape]]:
    """Every layer with its name in a state dictionary and the shape of what goes in."""
    for i, (layer, inside) in enumerate(zip(layers, flow(layers, shape), strict=False)):
        if isinstance(layer, Residual):
            yield from walk(layer.body, inside, f"{path}{i}.body.")
            yield from walk(layer.shortcut, inside, f"{path}{i}.shortcut.")
        else:
            yield f"{path}{i}", layer, inside


def initial(layers: Sequence[object], shape: Shape, seed: int) -> dict[str, np.ndarray]:
    """Weights by name: uniform within 1 / sqrt(inputs), of normalisation ones and zeros."""
    rng, made = np.random.default_rng(seed), {}
    for path, layer, _ in walk(layers, shape):
        for name, size in layer.shapes().items() if hasattr(layer, "shapes") else ():
            if isinstance(layer, Norm):
                made[f"{path}.{name}"] = np.full(size, name == "weight", np.float32)
                continue
            bound = np.float32(math.sqrt(math.prod(layer.shapes()["weight"][1:])))
            made[f"{path}.{name}"] = rng.uniform(-1, 1, size).astype(np.float32) / bound
    return made


def products(layers: Sequence[object], shape: Shape) -> list[int]:
    """Multiplications of each layer that has any, for one sample, in order."""
    return [
        layer.products(inside)
        for _, layer, inside in walk(layers, shape)
        if isinstance(layer, Conv | Linear)
    ]

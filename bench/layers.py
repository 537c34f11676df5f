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
    """x @ w' + b, along the last axis."""

    inputs: int
    outputs: int
    bias: bool = True

    def shapes(self) -> dict[str, Shape]:
        """The shape of each weight."""
        weight = (self.outputs, self.inputs)
        return {"weight": weight, **({"bias": (self.outputs,)} if self.bias else {})}

    def after(self, shape: Shape) -> Shape:
        """What comes out of what goes in, without the batch."""
        return (*shape[:-1], self.outputs)

    def products(self, shape: Shape) -> int:
        """Multiplications for one sample."""
        return math.prod(shape[:-1]) * self.inputs * self.outputs


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
class Embedding:
    """A line of a table for each token, plus one for each place where there are `places`."""

    tokens: int
    width: int
    places: int = 0

    def shapes(self) -> dict[str, Shape]:
        """The shape of each weight."""
        places = {"places": (self.places, self.width)} if self.places else {}
        return {"weight": (self.tokens, self.width), **places}

    def after(self, shape: Shape) -> Shape:
        """What comes out of what goes in, without the batch."""
        return (*shape, self.width)


@dataclass(frozen=True)
class Recurrent:
    """Layers of "LSTM" or "GRU" over (time, inputs)."""

    kind: str
    inputs: int
    hidden: int
    depth: int = 1

    @property
    def gates(self) -> int:
        """How many blocks of `hidden` rows the weights have."""
        return {"LSTM": 4, "GRU": 3}[self.kind]

    def shapes(self) -> dict[str, Shape]:
        """The shape of each weight."""
        made: dict[str, Shape] = {}
        for i in range(self.depth):
            for part, width in (("ih", self.hidden if i else self.inputs), ("hh", self.hidden)):
                made[f"weight_{part}_l{i}"] = (self.gates * self.hidden, width)
                made[f"bias_{part}_l{i}"] = (self.gates * self.hidden,)
        return made

    def after(self, shape: Shape) -> Shape:
        """What comes out of what goes in, without the batch."""
        return (*shape[:-1], self.hidden)

    def products(self, shape: Shape) -> int:
        """Multiplications for one sample."""
        return shape[0] * sum(math.prod(s) for s in self.shapes().values() if len(s) == 2)


@dataclass(frozen=True)
class LastStep:
    """What came out of the last step of a sequence."""

    def after(self, shape: Shape) -> Shape:
        """What comes out of what goes in, without the batch."""
        return shape[1:]


@dataclass(frozen=True)
class LayerNorm:
    """Normalisation of each line."""

    width: int

    def shapes(self) -> dict[str, Shape]:
        """The shape of each weight."""
        return {"weight": (self.width,), "bias": (self.width,)}


@dataclass(frozen=True)
class Block:
    """A layer of a decoder: x + attention(norm(x)), then x + dense(norm(x)); causal, GELU."""

    width: int
    heads: int

    def shapes(self) -> dict[str, Shape]:
        """The shape of each weight."""
        d = self.width
        parts = {"qkv": (3 * d, d), "proj": (d, d), "fc1": (4 * d, d), "fc2": (d, 4 * d)}
        made: dict[str, Shape] = {}
        for name, shape in parts.items():
            made |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
        for name in ("ln1", "ln2"):
            made |= {f"{name}.weight": (d,), f"{name}.bias": (d,)}
        return made

    def products(self, shape: Shape) -> int:
        """Multiplications for one sample; those that the mask makes needless are counted."""
        return shape[0] * (12 * self.width**2 + 2 * shape[0] * self.width)


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
    """Weights by name: uniform within 1 / sqrt(inputs), of normalisation ones and zeros.

    A bias has the bound of its weight, and all weights of a recurrent layer that of its state.
    """
    rng, made = np.random.default_rng(seed), {}
    for path, layer, _ in walk(layers, shape):
        sizes = layer.shapes() if hasattr(layer, "shapes") else {}
        for name, size in sizes.items():
            if isinstance(layer, Norm | LayerNorm) or name.startswith("ln"):
                made[f"{path}.{name}"] = np.full(size, name.endswith("weight"), np.float32)
                continue
            weight = sizes.get(name.replace("bias", "weight"), size)
            inputs = layer.hidden if isinstance(layer, Recurrent) else math.prod(weight[1:])
            bound = np.float32(math.sqrt(inputs))
            made[f"{path}.{name}"] = rng.uniform(-1, 1, size).astype(np.float32) / bound
    return made


def products(layers: Sequence[object], shape: Shape) -> list[int]:
    """Multiplications of each layer that has any, for one sample, in order."""
    return [
        layer.products(inside)
        for _, layer, inside in walk(layers, shape)
        if hasattr(layer, "products")
    ]

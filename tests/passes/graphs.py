"""Random graphs of elementwise ops, reductions, views and products, for property tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import shapes
from retroprop.errors import DTypeError, RetropropError
from retroprop.ir import Graph, Node, Value
from retroprop.ops import catalog

__all__ = ["apply", "random_graph"]

FLOATS = [np.dtype("float32"), np.dtype("float64")]
SHAPES = [(3, 3), (2, 3), (3,), (1, 3), (3, 1), (), (2, 3, 3), (0, 3)]
# Their results are rounded correctly, so that they are the same in every loop of NumPy.
UNARY = "negative negative positive abs square sqrt relu isnan sign".split()
BINARY = "add add subtract subtract multiply divide maximum greater power".split()
REDUCE = "sum prod max all any".split()
VIEWS = "reshape permute_dims permute_dims broadcast_to take_slice flip split".split()
KINDS = "unary binary binary binary choose constant reduce cast view view product".split()
NUMBERS = [0.0, -0.0, 1.0, 2.0, -1.0, 3.0, np.nan]


def apply(name: str, *operands: Value, **attributes: Any) -> tuple[Value, ...]:
    """A new node's outputs; the operands have to be in the dtype that the op combines them in."""
    op = catalog[name]
    takes = op.takes_promotion * len(operands) if op.variadic else op.takes_promotion
    common = op.common_dtype([value.dtype for value in operands]) if any(takes) else None
    if any(take and v.dtype != common for take, v in zip(takes, operands, strict=True)):
        raise DTypeError(f"{name} does not take these types")
    node = Node(op, operands, op.complete(attributes))
    types = op.infer(operands, node.attributes)
    outputs = tuple(Value(s, d, node=node, index=i) for i, (s, d) in enumerate(types))
    node.outputs = outputs
    return outputs


def random_graph(seed: int) -> Graph:
    """A graph of up to 30 nodes, many of which are dead, equal, or do nothing."""
    grow = _Growing(np.random.default_rng(seed))
    return grow.graph()


class _Growing:
    """A graph that is being made of random steps."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        types = [(self.one(SHAPES), self.one(FLOATS)) for _ in range(3)]
        self.inputs = [Value(shape, dtype) for shape, dtype in types]
        self.values = list(self.inputs)

    def one(self, options: Any) -> Any:
        return options[self.rng.integers(len(options))]

    def graph(self) -> Graph:
        nodes: dict[Any, None] = {}
        for _ in range(self.rng.integers(10, 31)):
            try:
                made = getattr(self, self.one(KINDS))(self.one(self.values[-8:]))
            except RetropropError:
                continue  # shapes or types that do not fit
            nodes.update((value.node, None) for value in made if value.node is not None)
            self.values += made
        count = self.rng.integers(1, len(self.values))
        outputs = [self.one(self.values) for _ in range(count)]
        return Graph(self.inputs, list(nodes), outputs)

    def unary(self, x: Value) -> tuple[Value, ...]:
        return apply(self.one(UNARY), x)

    def binary(self, x: Value) -> tuple[Value, ...]:
        name = self.one(BINARY)
        if name == "power":  # by a number; of two arrays NumPy's library decides the last bit
            return apply(name, x, self.number(x))
        pair = [x, self.like(x)]
        self.rng.shuffle(pair)  # type: ignore[arg-type]
        return apply(name, *pair)

    def choose(self, x: Value) -> tuple[Value, ...]:
        truths = [value for value in self.values if value.dtype == bool]
        known = np.asarray(self.rng.random() < 0.5)
        truth = self.one([*truths, Value((), known.dtype, constant=known)])
        return apply("where", truth, x, self.one([x, self.like(x)]))

    def constant(self, x: Value) -> tuple[Value, ...]:
        return (self.number(x, self.one([(), (3,), (2, 3)])),)

    def reduce(self, x: Value) -> tuple[Value, ...]:
        axis = self.one([None, 0, -1, (), (0, 1)])
        return apply(self.one(REDUCE), x, axis=axis, keepdims=bool(self.rng.random() < 0.5))

    def cast(self, x: Value) -> tuple[Value, ...]:
        # Not from float to integer: out of range it is not defined.
        whole = [np.dtype("int32"), np.dtype("int64")] if x.dtype.kind != "f" else []
        return apply("cast", x, dtype=self.one([*FLOATS, *whole]))

    def product(self, x: Value) -> tuple[Value, ...]:
        """A product, perhaps of two transposed matrices, and perhaps its transposition."""
        z = self.like(x, number=False)
        (swapped,) = self._swapped(x) if self.rng.random() < 0.5 else (x,)
        (y,) = made = apply("matmul", swapped, z)
        between = [swapped] if swapped is not x else []
        turned = self._swapped(y) if len(y.shape) > 1 else ()
        return (*between, *made, *turned)

    def _swapped(self, x: Value) -> tuple[Value, ...]:
        ndim = len(x.shape)
        order = (*range(ndim - 2), ndim - 1, ndim - 2) if ndim > 1 else tuple(range(ndim))
        return apply("permute_dims", x, axes=order)

    def view(self, x: Value) -> tuple[Value, ...]:
        name, ndim, flat = self.one(VIEWS), len(x.shape), shapes.size(x.shape)
        if name == "reshape":
            options = [x.shape, (-1,), (1, flat), (flat, 1), (3, -1), (2, -1)]
            return apply(name, x, shape=self.one(options))
        if name == "permute_dims":
            return apply(name, x, axes=tuple(self.rng.permutation(ndim).tolist()))
        if name == "broadcast_to":
            return apply(name, x, shape=self.one([x.shape, (2, *x.shape), (1, *x.shape), (2, 3)]))
        if name == "take_slice":
            parts = [slice(None), slice(0, 9), slice(None, None, -1), slice(1), 0, None]
            count = self.rng.integers(0, ndim + 2)
            return apply(name, x, key=tuple(self.one(parts) for _ in range(count)))
        if name == "flip":
            return apply(name, x, axis=self.one([None, 0, -1]))
        size = x.shape[0] if ndim else 1
        return apply(name, x, sizes=self.one([(size,), (1, size - 1)]), axis=0)

    def like(self, x: Value, *, number: bool = True) -> Value:
        """A value of the dtype of x, half of the time a number if it may be one."""
        if number and self.rng.random() < 0.5:
            return self.number(x)
        return self.one([value for value in self.values if value.dtype == x.dtype])

    def number(self, x: Value, shape: tuple[int, ...] = ()) -> Value:
        options = NUMBERS if x.dtype.kind == "f" else [0, 1, 2]
        array = np.full(shape, self.one(options), x.dtype)
        return Value(shape, x.dtype, constant=array)

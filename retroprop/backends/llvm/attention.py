"""Attention, block by block: the matrix of all queries by all keys is never in memory.

A row of work is one head of one sample. Some queries at a time are multiplied with all the keys
they see, into a room that stays in the cache; softmax and the product with the values follow at
once. The way back computes the weights again, from the level that the way there has left.

Products are the register tiles of `gemm`; keys, and for the way back values, are packed for them
before. Sizes of features are filled up to whole vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retroprop import shapes
from retroprop.backends.llvm.attention_adjoint import AttendAdjoint
from retroprop.backends.llvm.attention_blocks import Blocks
from retroprop.backends.llvm.emit import Register, vector
from retroprop.backends.llvm.kernel import (
    Buffer,
    Kernel,
    View,
    contiguous,
    kernel_function,
)
from retroprop.backends.llvm.math import call
from retroprop.backends.llvm.pack import Columns, Pack
from retroprop.backends.llvm.produce import copied
from retroprop.backends.llvm.reduction import across
from retroprop.backends.llvm.scalar import Builder, Scalar
from retroprop.backends.llvm.space import broadcast_view
from retroprop.backends.llvm.views import filled, part

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target
    from retroprop.ir import Node

__all__ = ["attention"]


def attention(
    node: Node, results: Sequence[View], operands: Sequence[View], target: Target
) -> list[Kernel] | None:
    """Kernels for `attend` and `attend_adjoint`; None where there is nothing to compute."""
    if any(view.size == 0 for view in (*results, *operands)) or results[0].dtype.kind != "f":
        return None
    frame = _Frame(results[0].shape[:-2], target.lanes(results[0].dtype.itemsize))
    maker = {"attend": _forward, "attend_adjoint": _backward}[node.op.name]
    kernels = maker(results, operands, node.attributes, target, frame)
    return [*frame.before, *kernels, *frame.after]


class _Frame:
    """What brings operands into the form that the kernels take, and results out of it.

    Attributes:
        before, after: kernels that copy.
    """

    def __init__(self, batch: tuple[int, ...], lanes: int) -> None:
        self.batch, self.lanes = batch, lanes
        self.before: list[Kernel] = []
        self.after: list[Kernel] = []

    def wide(self, view: View, near: bool = False) -> View:
        """An operand whose lines are whole vectors, and `near` each other where that is asked.

        Lines that are read again and again would push each other out of the cache if they lay
        far apart at equal distances, as the heads of one projection do.
        """
        batch = self.batch
        view = broadcast_view(view, (*batch, *view.shape[-2:]))
        whole = view.shape[-1] % self.lanes == 0 and view.strides[-1] == 1
        if whole and not (near and view.strides[-2] != view.shape[-1]):
            return view
        outer = tuple(1 if not s else n for n, s in zip(batch, view.strides, strict=False))
        made = _filled_up((*outer, *view.shape[-2:]), view, self.lanes)
        inner = part(made, lambda array: array[..., : view.shape[-1]])
        thin = part(view, lambda array: array[tuple(slice(0, n) for n in outer)])
        if inner.shape != made.shape:
            self.before.append(filled(made, 0))
        self.before.append(copied(inner, thin))
        return broadcast_view(made, (*batch, *made.shape[-2:]))

    def room(self, view: View) -> View:
        """Where a result of whole vectors goes first."""
        if view.shape[-1] % self.lanes == 0:
            return view
        made = _filled_up(view.shape, view, self.lanes)
        self.after.append(copied(view, part(made, lambda array: array[..., : view.shape[-1]])))
        return made


def _filled_up(shape: tuple[int, ...], like: View, lanes: int) -> View:
    """Memory for lines of whole vectors."""
    shape = (*shape[:-1], -(-shape[-1] // lanes) * lanes)
    size = shapes.size(shape) * like.dtype.itemsize
    return View(Buffer(size, what="lines"), like.dtype, shape, contiguous(shape))


Views = Sequence[View]


def _forward(
    results: Views, operands: Views, how: dict[str, Any], target: Target, frame: _Frame
) -> list[Kernel]:
    wide, room = frame.wide, frame.room
    q, k, v, mask = operands
    q, k, v = wide(q), wide(k), wide(v, near=True)
    keys = _packed(k, target)
    kernel = Attend([room(results[0]), results[1]], [q, keys.results[0], v, mask], how, target)
    return [keys, kernel]


def _backward(
    results: Views, operands: Views, how: dict[str, Any], target: Target, frame: _Frame
) -> list[Kernel]:
    wide, room = frame.wide, frame.room
    above, q, k, v, mask, level, delta = operands
    above, q, k = (wide(view, near=True) for view in (above, q, k))
    v = wide(v)
    keys, values = _packed(k, target), _packed(v, target)
    given = [above, q, k, keys.results[0], values.results[0], mask, level, delta]
    return [keys, values, AttendAdjoint([room(view) for view in results], given, how, target)]


def _packed(view: View, target: Target) -> Pack:
    """The transpose of a matrix in panels."""
    turned = part(view, lambda array: array.swapaxes(-1, -2))
    return Pack(turned, Columns(view.shape[-2], _width(view, target), overlapping=False))


def _width(view: View, target: Target) -> int:
    return 2 * target.lanes(view.dtype.itemsize)


class Attend(Blocks):
    """y and level of `attend`, from q, packed keys, v and mask."""

    what = "attention"

    def __init__(
        self, results: Sequence[View], operands: Sequence[View], how: dict[str, Any], target: Target
    ) -> None:
        self.keys = operands[2].shape[-2]
        super().__init__(results, operands, 3, how, target)
        features, values = operands[0].shape[-1], results[0].shape[-1]
        seen = 0.5 if self.causal else 1.0
        pairs = int(self.rows * self.queries * self.keys * seen)
        self.flops = pairs * (2 * features + 2 * values + 20)

    def emit(self, module: Module, target: Target) -> str:
        q, _, v, _ = self.operands
        y = self.results[0]
        depth, line = q.shape[-1], (self.span, 1)
        self.forth, self.back = {}, {}
        for rows in {self.tile, self.queries % self.tile} - {0}:
            self.forth[rows] = self._tile(module, rows, 2, q.strides[-2:], self.width, depth)
            for _, vectors in self._panels(y.shape[-1]):
                found = self._tile(module, rows, vectors, line, v.strides[-2], None)
                self.back[rows, vectors] = found
        f, results, operands, _, lo, hi = kernel_function(module, "attend", 2, 4)
        self.f, self.target = f, target
        type = vector(self.scalar, self.lanes)
        self.scores = f.allocate(type, self.tile * self.span // self.lanes)
        self.shares = f.allocate(self.scalar, self.tile)
        with f.loop(lo, hi) as row:
            self.at = self._rows_of(f, [*results, *operands], row.index)
            self._groups(f, f.integer(self.queries), self.queries, self._block)
        f.leave()
        return module.add_shared(f)

    def _block(self, rows: int, first: Register) -> None:
        """Some queries with all their keys."""
        f, item = self.f, self.item
        y, level, q, keys, v, mask = self.at
        q_view = self.operands[0]
        seen = self._seen(f, f.binary("add", first, f.integer(rows)))
        end = self._rounded(f, seen, self.width)
        step, always = f.integer(self.span * item), f.integer(1)
        a = f.at(q, first, q_view.strides[-2] * item)
        depth = q_view.shape[-1]
        with f.loop(0, end, self.width) as panel:
            to = f.at(self.scores, panel.index, item)
            b = f.at(keys, panel.index, depth * item)
            f.call(self.forth[rows], "void", [to, a, b, f.integer(depth), step, always])
        with f.loop(0, rows) as one:
            query = f.binary("add", first, one.index)
            line = f.at(self.scores, one.index, self.span * item)
            own = self._seen(f, f.binary("add", query, f.integer(1)))
            self._softmax(line, self._mask_line(f, mask, query), own, end, level, query, one.index)
        values = self.results[0].shape[-1]
        y = f.at(y, first, values * item)
        for column, vectors in self._panels(values):
            given = [f.at(y, column * item), self.scores, f.at(v, column * item), seen]
            f.call(self.back[rows, vectors], "void", [*given, f.integer(values * item), always])
        builder = Builder(f, self.target, self.lanes)
        with f.loop(0, rows) as one:
            share = f.load(self.scalar, f.at(self.shares, one.index, item))
            factor = builder.splat(Scalar(share, self.dtype))
            for column in range(0, values, self.lanes):
                place = f.at(f.at(y, one.index, values * item), column * item)
                builder.store(builder.multiply(builder.load(place, self.dtype), factor), place)

    def _softmax(
        self,
        line: Register,
        mask: Register,
        own: Register,
        end: Register,
        level: Register,
        query: Register,
        number: Register,
    ) -> None:
        """exp(scores - largest) in the place of the scores; their sum, and its logarithm."""
        f, target, dtype = self.f, self.target, self.dtype
        wide, one = Builder(f, target, self.lanes), Builder(f, target, 1)
        lowest = wide.constant(-float("inf"), dtype)

        def scaled(b: Builder, column: Register, left: Any, carried: Any) -> list[Register]:
            x = self._some_scores(b, line, mask, column, left, -float("inf"))
            b.store(x, f.at(line, column, self.item))
            return [b.maximum(Scalar(carried[0], dtype), x).register]

        (most,) = self._along(f, target, own, end, [lowest.register], scaled)
        top = across(wide, "max", Scalar(most, dtype))
        none = one.equal(top, one.constant(-float("inf"), dtype))
        top = one.select(none, one.constant(0, dtype), top)
        spread = wide.splat(top)
        with f.loop(0, end, self.lanes, carry=[wide.constant(0, dtype).register]) as loop:
            place = f.at(line, loop.index, self.item)
            x = call(wide, "exp", wide.subtract(wide.load(place, dtype), spread))
            wide.store(x, place)
            loop.carry(wide.add(Scalar(loop.carried[0], dtype), x).register)
        share = across(wide, "sum", Scalar(loop.carried[0], dtype))
        empty = one.equal(share, one.constant(0, dtype))
        share = one.select(empty, one.constant(1, dtype), share)
        one.store(one.divide(one.constant(1, dtype), share), f.at(self.shares, number, self.item))
        found = one.add(top, call(one, "log", share))
        found = one.select(empty, one.constant(0, dtype), found)
        one.store(found, f.at(level, query, self.item))

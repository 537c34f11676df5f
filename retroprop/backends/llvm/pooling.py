"""Pooling and its adjoints: what a window sees, or which windows see a place.

A maximum keeps which tap of its window won, in one byte; the adjoint looks, for each place, at the
windows that see it, and takes the gradient of those that it won. So nothing is scattered, and sums
come in a fixed order. Near the edges taps fall outside: places with the same taps inside share
code.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.backends.llvm import window
from retroprop.backends.llvm.emit import vector
from retroprop.backends.llvm.kernel import Kernel, View, kernel_function, storage_type
from retroprop.backends.llvm.patch import load_some, store_some
from retroprop.backends.llvm.window import Line
from retroprop.shapes import size

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target
    from retroprop.ir import Node

__all__ = ["POOLS", "WINNER", "Pool", "keeps_winner", "pool"]

POOLS = frozenset({"max_pool", "sum_pool", "sum_unpool", "unpool"})
WINNER = np.dtype("uint8")  # which tap of a window was the largest
_TAPS = 64  # of a window beyond which code would grow too long
_TOGETHER = 4  # vectors of channels written out


Taps = Sequence[tuple[int, list[int]]]  # the number of a tap, and where it is in each operand
Load = Callable[[int, int], "Register"]


class Pool(Kernel):
    """For each place and channel, one number made of those at the taps.

    Args:
        kind:     "max_pool", "sum_pool", "unpool" or "sum_unpool".
        results:  (batch, channels, *places) with channels last; of "max_pool" also the winners,
                  unless nobody reads them.
        operands: x, or a gradient; of "unpool" also the winners.
        axes:     for each spatial axis, lines whose taps stay inside.
        window:   of the pooling.
    """

    def __init__(
        self,
        kind: str,
        results: Sequence[View],
        operands: Sequence[View],
        axes: Sequence[Sequence[Line]],
        window: Sequence[int],
    ) -> None:
        self.what, self.window = kind, tuple(window)
        self.axes = tuple(tuple(lines) for lines in axes)
        self.results, self.operands = tuple(results), tuple(operands)
        first = results[0]
        self.rows, self.channels = first.shape[:2]
        self.item, self.scalar = first.dtype.itemsize, storage_type(first.dtype)
        self.views = (*self.results, *self.operands)
        self.slabs = tuple(view.strides[0] * view.dtype.itemsize for view in self.views)
        self.flops = first.size * size(self.window)

    @property
    def signature(self) -> object:
        layouts = (view.layout for view in self.views)
        return ("pool", self.what, self.axes, self.window, *layouts)

    # -- code ------------------------------------------------------------------------------------

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, _, lo, hi = kernel_function(
            module, "pool", len(self.results), len(self.operands)
        )
        self.lanes = target.lanes(self.item)
        pointers = [*results, *operands]
        with f.loop(lo, hi) as row:
            at = [
                f.at(pointer, row.index, view.strides[0] * view.dtype.itemsize)
                for pointer, view in zip(pointers, self.views, strict=True)
            ]
            for lines in itertools.product(*self.axes):
                self._places(f, lines, at)
        f.leave()
        return module.add_shared(f)

    def _places(self, f: Function, lines: Sequence[Line], pointers: list[Register]) -> None:
        """All places that have the same taps."""
        count = len(self.results)

        def level(axis: int, at: list[Register]) -> None:
            if axis == len(lines):
                self._channels(f, lines, at)
                return
            line = lines[axis]
            moves = []
            for number, view in enumerate(self.views):
                step = view.strides[axis + 2] * view.dtype.itemsize
                start, gap = (line.start, line.jump) if number < count else (0, line.step)
                moves.append((start * step, gap * step))
            if line.count == 1:
                level(axis + 1, [f.at(p, start) for p, (start, _) in zip(at, moves, strict=True)])
                return
            with f.loop(0, line.count) as loop:
                level(
                    axis + 1,
                    [
                        f.at(f.at(p, start), loop.index, step)
                        for p, (start, step) in zip(at, moves, strict=True)
                    ],
                )

        level(0, pointers)

    def _channels(self, f: Function, lines: Sequence[Line], at: list[Register]) -> None:
        """One place, a vector of channels at a time."""
        taps = []
        strides = [view.strides[2:] for view in self.operands]
        for some in itertools.product(*(line.taps for line in lines)):
            number = 0
            for (k, _), n in zip(some, self.window, strict=True):
                number = number * n + k
            taps.append((number, [_moved(some, steps) for steps in strides]))
        whole, rest = divmod(self.channels, self.lanes)
        if whole > _TOGETHER:
            with f.loop(0, whole) as loop:
                self._vector(f, taps, self._moved_all(f, at, loop.index, self.lanes), self.lanes)
        else:
            for v in range(whole):
                self._vector(f, taps, self._moved_all(f, at, v, self.lanes), self.lanes)
        if rest:
            self._vector(f, taps, self._moved_all(f, at, whole, self.lanes), rest)

    def _moved_all(
        self, f: Function, at: list[Register], index: int | Register, each: int
    ) -> list[Register]:
        return [
            f.at(p, index, each * view.dtype.itemsize)
            for p, view in zip(at, self.views, strict=True)
        ]

    def _vector(self, f: Function, taps: Taps, at: list[Register], count: int) -> None:
        results, operands = at[: len(self.results)], at[len(self.results) :]

        def load(number: int, moved: int) -> Register:
            view = self.operands[number]
            place = f.at(operands[number], moved, view.dtype.itemsize)
            return load_some(f, storage_type(view.dtype), self.lanes, place, count)

        made = _BODIES[self.what](self, f, taps, load)
        for value, place in zip(made, results, strict=False):
            store_some(f, value, place, count)

    # -- what is made of the taps ------------------------------------------------------------------

    def sum(self, f: Function, taps: Taps, load: Load) -> list[Register]:
        """The sum over the taps."""
        total = f.constant(vector(self.scalar, self.lanes), 0)
        for _, (moved,) in taps:
            total = f.binary("fadd", total, load(0, moved))
        return [total]

    def largest(self, f: Function, taps: Taps, load: Load) -> list[Register]:
        """The first of equal ones; a number that is none wins, and the last of these."""
        word = vector("i32" if self.item == 4 else "i64", self.lanes)
        number, (moved,) = taps[0]
        best, winner = load(0, moved), f.constant(word, number)
        for number, (moved,) in taps[1:]:
            x = load(0, moved)
            more, none = f.compare("fcmp ogt", x, best), f.compare("fcmp uno", x, x)
            wins = f.binary("or", more, none)
            best = f.select(wins, x, best)
            winner = f.select(wins, f.constant(word, number), winner)
        return [best, f.convert("trunc", winner, vector("i8", self.lanes))]

    def won(self, f: Function, taps: Taps, load: Load) -> list[Register]:
        """The sum of the gradients of windows that were won here."""
        zero = f.constant(vector(self.scalar, self.lanes), 0)
        total = zero
        for number, (moved, at) in taps:
            winner = load(1, at)
            here = f.compare("icmp eq", winner, f.constant(winner.type, number))
            share = f.select(here, load(0, moved), zero)
            total = share if total is zero else f.binary("fadd", total, share)
        return [total]


_BODIES: dict[str, Callable[..., Any]] = {
    "max_pool": Pool.largest,
    "sum_pool": Pool.sum,
    "sum_unpool": Pool.sum,
    "unpool": Pool.won,
}


def _moved(taps: Sequence[tuple[int, int]], strides: Sequence[int]) -> int:
    return sum(gap * stride for (_, gap), stride in zip(taps, strides, strict=True))


def keeps_winner(node: Node) -> bool:
    """Whether a maximum's index may be kept as the number of the tap, if nobody else reads it."""
    return size(node.attributes["window"]) <= _TAPS


def pool(node: Node, results: Sequence[View], operands: Sequence[View]) -> Kernel | None:
    """The kernel of a pooling op on images with channels last; None where there is none."""
    how = dict(node.attributes)
    if node.op.name == "unpool":
        maximum = node.operands[1].node
        assert maximum is not None
        how = dict(maximum.attributes)
    spatial = how.pop("spatial", None)
    if size(how["window"]) > _TAPS or any(view.size == 0 for view in (*results, *operands)):
        return None
    result, x = results[0], operands[0]
    if "unpool" in node.op.name:
        del spatial
        passes = window.adjoint(result.shape[2:], **how)
        lines = [list(dict.fromkeys(axis)) for axis in zip(*passes, strict=True)]
    else:
        lines = [[line] for line in window.forward(result.shape[2:], **how)]
    axes = [
        [part for line in some for part in window.inside(line, n)]
        for some, n in zip(lines, x.shape[2:], strict=True)
    ]
    empty = any(not line.taps for some in axes for line in some)
    if empty and node.op.name == "max_pool":
        return None
    return Pool(node.op.name, results, operands, axes, how["window"])

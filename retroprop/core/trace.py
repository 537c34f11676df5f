"""Tracing: a function runs once on symbols, and what it does becomes a graph.

A `Symbol` stands where a Tensor's array stands. It has a shape, a dtype and operators, and every op
applied to it becomes a node; the tape, the gradient engine and the optimizers work on it as they do
on arrays. The `Recorder` knows which cells were there before: what they hold is an input of the
graph, what is assigned to them an output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from retroprop.core import recording
from retroprop.core.ends import Ends, Input, Output, Trace
from retroprop.core.symbol import Symbol
from retroprop.errors import TraceError
from retroprop.ir import Graph, Node, Value
from retroprop.ir.graph import now
from retroprop.ops.define import DATA_DEPENDENT, Op
from retroprop.ops.reduction import broadcast_to

__all__ = ["Recorder"]

Array = np.ndarray[Any, Any]


_UNKNOWN = object()


class _Seen:
    """A cell from outside, as it is by now inside the trace.

    Attributes:
        slot, array: the input that it was captured as (None before), and what it holds.
        grad_slot, grad, found: the same of its gradient, and whether it was there when first read.
        value, wants: its place on the tape and its flag, from before the trace.
        is_flagged:   whether the function set its flag.
    """

    __slots__ = (
        "array",
        "cell",
        "found",
        "grad",
        "grad_slot",
        "is_flagged",
        "is_written",
        "slot",
        "value",
        "wants",
    )  # fmt: skip

    def __init__(self, cell: Any) -> None:
        self.cell, self.value, self.wants = cell, cell._value, cell._requires_grad
        self.slot: int | None = None
        self.array: Any = None
        self.grad_slot: int | None = None
        self.grad: Any = _UNKNOWN
        self.found: bool | None = None
        self.is_flagged = self.is_written = False


class Recorder:
    """Sees what one thread does to Tensors during a `with` block, and keeps it as a graph.

    Args:
        parent: the recorder of what is around it; see `core.loop`, which records bodies of loops.
    """

    def __init__(self, parent: Recorder | None = None) -> None:
        self.is_open, self.parent = True, parent
        self.nodes: list[Node] = []
        self.inputs: list[Input] = []
        self.values: list[Value] = []
        self._questions: dict[Any, tuple[Callable[[], Any], str]] = {}
        self._own: dict[int, Any] = {}  # cells made inside, held so that no id comes twice
        self._seen: dict[int, _Seen] = {}
        self._lifted: dict[int, tuple[Any, Value]] = {}
        self._start = now()

    def __enter__(self) -> Recorder:
        recording.enter(self)
        return self

    def __exit__(self, error: object, *_: object) -> None:
        recording.leave(self)
        self.is_open = False
        for seen in self._seen.values():
            cell = seen.cell
            flag = cell._requires_grad if seen.is_flagged and error is None else seen.wants
            cell._value = seen.value if flag == seen.wants else None
            cell._requires_grad = flag
        self._own, self._lifted = {}, {}

    # -- cells -----------------------------------------------------------------------------------

    def own(self, cell: Any) -> None:
        """A Tensor was made inside."""
        self._own[id(cell)] = cell

    def is_outside(self, cell: Any) -> bool:
        """Whether a Tensor was there before the trace."""
        return id(cell) not in self._own

    def input(self, kind: str, source: Any, shape: Any, dtype: Any) -> Symbol:
        """A new input of the graph."""
        value = Value(tuple(shape), dtype)
        self.inputs.append(Input(kind, source))
        self.values.append(value)
        return Symbol(value, self)

    def _outside(self, cell: Any) -> _Seen | None:
        """What is known of a cell from outside; None for one made inside."""
        key = id(cell)
        if key in self._own:
            return None
        seen = self._seen.get(key)
        if seen is None:
            data = cell._data
            if isinstance(data, Symbol) and not self._is_around(data.recorder):
                if data.recorder is not self:
                    data.snapshot()
                self._own[key] = cell  # a copy of one made inside
                return None
            seen = self._seen[key] = _Seen(cell)
        return seen

    def _is_around(self, other: Recorder) -> bool:
        """Whether another recorder sees what is around this one."""
        parent = self.parent
        while parent is not None and parent is not other:
            parent = parent.parent
        return parent is other

    def read(self, cell: Any) -> Any:
        """What a cell holds at this point."""
        seen = self._outside(cell)
        if seen is None:
            return cell._data
        if seen.slot is None:
            self._capture(seen)
        return seen.array

    def _capture(self, seen: _Seen) -> None:
        data = seen.cell._data
        seen.slot = len(self.inputs)
        seen.array = self.input("cell", seen.cell, data.shape, data.dtype)

    def write(self, cell: Any, array: Any) -> None:
        """A cell is given another array."""
        seen = self._outside(cell)
        if seen is None:
            cell._data = array
            return
        if seen.slot is None:
            self._capture(seen)
        if array.dtype != cell._data.dtype:
            raise TraceError(
                "a tensor from outside cannot change its type inside a compiled function",
                fix="convert the model before it is compiled",
            )
        seen.array = array

    def refuse_tape(self, cell: Any) -> None:
        """A tensor that was computed outside has its tape outside, where no gradient gets to."""
        value = cell._value
        if value is None or value.node is None or value.node.serial > self._start:
            return
        raise TraceError(
            f"a tensor of shape {cell.shape} was computed from others outside the compiled "
            "function: gradients do not get there",
            fix="compute it inside, or use x.detach()",
        )

    def flag(self, cell: Any, wants: bool) -> None:
        """A cell is about to require a gradient, or not any more."""
        seen = self._outside(cell)
        if seen is not None:
            seen.is_flagged = True

    def read_grad(self, cell: Any, make: Callable[[Any], Any]) -> Any:
        """The gradient of a cell at this point; what is found there becomes a guard."""
        seen = self._outside(cell)
        if seen is None:
            return cell._gradient
        if seen.grad is _UNKNOWN:
            there = cell._gradient
            seen.found, seen.grad = there is not None, None
            if there is not None:
                seen.grad_slot = len(self.inputs)
                seen.grad = make(self.input("grad", cell, there.shape, there.dtype))
        return seen.grad

    def write_grad(self, cell: Any, gradient: Any) -> None:
        """A cell is given another gradient, or None."""
        seen = self._outside(cell)
        if seen is None:
            cell._gradient = gradient
            return
        seen.grad = gradient
        seen.is_written = True

    def guard(self, key: Any, question: Callable[[], Any], about: str = "") -> None:
        """The trace relies on an answer that may change later; it is taken when the trace ends."""
        self._questions.setdefault(key, (question, about))

    # -- ops -------------------------------------------------------------------------------------

    def apply(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> Any:
        """An op called on arrays some of which are symbols: gradient rules do that."""
        attributes = op.complete(attributes)
        return self.run(op, self._promoted(op, operands), attributes)

    def _promoted(self, op: Op, operands: Sequence[Any]) -> list[Any]:
        """Operands as NumPy would promote them, Python numbers being weak."""
        takes = op.takes_promotion * len(operands) if op.variadic else op.takes_promotion
        strong = [
            operand.dtype
            for operand, take in zip(operands, takes, strict=True)
            if take and hasattr(operand, "dtype")
        ]
        found: list[Any] = []
        common = None
        if any(takes):
            given = [o.dtype if hasattr(o, "dtype") else strong[0] for o in operands]
            common = op.common_dtype(given)
        for operand, take in zip(operands, takes, strict=True):
            if not hasattr(operand, "dtype"):
                operand = np.asarray(operand, common)  # noqa: PLW2901
            elif take and operand.dtype != common:
                operand = operand.astype(common)  # noqa: PLW2901
            found.append(operand)
        return found

    def run(self, op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> Any:
        """One op: its reference where all is known, else a node."""
        if op.is_python or not any(isinstance(array, Symbol) for array in arrays):
            return op.reference(*arrays, **attributes)
        if op.shape is DATA_DEPENDENT:
            raise TraceError(
                f"{op.name}: the shape of its result depends on numbers, so it cannot be compiled",
                fix="use rp.where or a mask, which keep the shape",
            )
        values = tuple([self._value(array) for array in arrays])
        node = Node(op, values, attributes)
        made = tuple(
            [
                Value(shape, dtype, node=node, index=i)
                for i, (shape, dtype) in enumerate(op.infer(arrays, attributes))
            ]
        )
        node.outputs = made
        self.nodes.append(node)
        symbols = tuple([Symbol(value, self) for value in made])
        return symbols if len(symbols) > 1 or _several(op, arrays, attributes) else symbols[0]

    def _value(self, array: Any) -> Value:
        """The graph value of a symbol, or of an array that the function made itself."""
        if isinstance(array, Symbol):
            return array.value
        array = np.asarray(array)
        if array.ndim == 0:
            return Value((), array.dtype, constant=array)
        known = self._lifted.get(id(array))
        if known is None:
            known = self._lifted[id(array)] = (array, self._lift(array))
        return known[1]

    def _lift(self, array: Array) -> Value:
        first = array.reshape(-1)[:1]
        if array.size and _is_uniform(array, first[0]):  # one number: no memory for it
            node = Node(
                broadcast_to,
                (Value((), array.dtype, constant=first.reshape(()).copy()),),
                {"shape": array.shape},
            )
            value = Value(array.shape, array.dtype, node=node)
            node.outputs = (value,)
            self.nodes.append(node)
            return value
        return self.input("constant", array, array.shape, array.dtype).value

    # -- the end ---------------------------------------------------------------------------------

    def argument(self, number: int, given: Any, make: Callable[[Any], Any]) -> Any:
        """A Tensor that stands for an argument, with the gradient that is there."""
        tensor = make(self.input("argument", number, given.shape, given.dtype))
        tensor._requires_grad = given._requires_grad
        if given._gradient is not None:
            symbol = self.input("argument grad", number, given.shape, given.dtype)
            tensor._gradient = make(symbol)
        return tensor

    def finish(self, results: Sequence[Any], arguments: Sequence[tuple[int, Any]]) -> Trace:
        """The recorded program.

        Args:
            results:   Tensors that the function returned, or None for those that are no outputs.
            arguments: (number, the Tensor that stood for it).
        """
        ends = Ends(self._value)
        for number, result in enumerate(results):
            if result is not None:
                ends.give(Output("result", number), result._data)
        pairs = zip(self.inputs, self.values, strict=True)
        before = {(i.kind, i.source): v for i, v in pairs if i.kind.startswith("argument")}
        for number, tensor in arguments:
            ends.keep("argument", number, tensor._data, before["argument", number], None)
            started = before.get(("argument grad", number))
            ends.keep_gradient("argument grad", number, tensor._gradient, started, None)
        for seen in self._seen.values():
            if seen.slot is not None:
                ends.keep("cell", seen.cell, seen.array, self.values[seen.slot], seen.slot)
        for seen in self._seen.values():
            if seen.is_written or seen.grad_slot is not None:
                slot = seen.grad_slot
                started = None if slot is None else self.values[slot]
                ends.keep_gradient("grad", seen.cell, seen.grad, started, slot)
        graph = Graph(self.values, self.nodes, ends.values)
        present = [(s.cell, s.found) for s in self._seen.values() if s.found is not None]
        return Trace(
            graph, self.inputs, ends.outputs, ends.donated, ends.cleared, present, self._guards()
        )

    def _guards(self) -> list[tuple[Callable[[], Any], Any, str]]:
        made = [(ask, ask(), about) for ask, about in self._questions.values()]
        for seen in self._seen.values():
            cell = seen.cell
            made.append((partial(getattr, cell, "_requires_grad"), seen.wants, "requires_grad"))
            if seen.wants:
                keys = tuple(seen.value.hooks or ()) if seen.value is not None else ()
                made.append((cell._hook_keys, keys, "hooks of a tensor"))
        return made


def _is_uniform(array: Array, first: Any) -> bool:
    """Whether all elements have the same bits."""
    if not (array == first).all():
        return False
    return bool(first) or array.tobytes() == first.tobytes() * array.size  # 0.0 is not -0.0


def _several(op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> bool:
    """Whether the reference returns a tuple even for one output."""
    shape = op.shape
    if shape is None or not callable(shape):
        return False
    return isinstance(shape(*(array.shape for array in arrays), **attributes), list)

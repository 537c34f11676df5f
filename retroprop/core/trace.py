"""Tracing: a function runs once on symbols, and what it does becomes a graph.

A `Symbol` stands where a Tensor's array stands. It has a shape, a dtype and operators, and every op
applied to it becomes a node; the tape, the gradient engine and the optimizers work on it as they do
on arrays. The `Recorder` knows which cells were there before: what they hold is an input of the
graph, what is assigned to them an output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn

import numpy as np

from retroprop.core import recording
from retroprop.errors import TraceError, user_line
from retroprop.ir import Graph, Node, Value
from retroprop.ops import catalog
from retroprop.ops.define import DATA_DEPENDENT, Op
from retroprop.ops.movement import cast
from retroprop.ops.reduction import broadcast_to

__all__ = ["Input", "Output", "Recorder", "Symbol", "Trace"]

Array = np.ndarray[Any, Any]


class Symbol:
    """A value of the graph that is being recorded, in the place of an array."""

    __slots__ = ("recorder", "value")
    __array_priority__ = 2000  # NumPy's operators give way

    def __init__(self, value: Value, recorder: Recorder) -> None:
        self.value, self.recorder = value, recorder

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.value.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        count = 1
        for one in self.value.shape:
            count *= one
        return count

    @staticmethod
    def __op__(op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> Any:
        symbol = next(operand for operand in operands if isinstance(operand, Symbol))
        return symbol.recorder.apply(op, operands, attributes)

    def astype(self, dtype: Any) -> Any:
        """The same numbers in another type."""
        return self if self.dtype == dtype else cast(self, dtype=np.dtype(dtype))

    def copy(self) -> Symbol:
        """Itself: a value of a graph never changes."""
        return self

    def __len__(self) -> int:
        return self.shape[0]

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TraceError(
            f"the numbers of a {self.dtype} tensor of shape {self.shape} were asked for inside a "
            "compiled function, where it has none yet: the function is recorded once and run later",
            fix="choose with rp.where(condition, a, b) instead of `if`; return the tensor and "
            "look at it outside; or leave rp.compile off this function",
            where=user_line(),
        )

    __array__ = __bool__ = __int__ = __index__ = __float__ = __complex__ = _refuse
    __iter__ = __getitem__ = item = tolist = view = _refuse
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<Symbol {self.dtype}{list(self.shape)}>"


_OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod",
    "**": "pow", "@": "matmul", "&": "and", "|": "or", "^": "xor", "<<": "lshift",
    ">>": "rshift", "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge",
}  # fmt: skip
_UNARY = {"neg": "neg", "pos": "pos", "abs": "abs", "~": "invert"}


def _install() -> None:
    """Give symbols the operators of the op table: gradient rules compute with them."""
    for op in catalog.values():
        if op.operator in _UNARY:
            setattr(Symbol, f"__{_UNARY[op.operator]}__", lambda self, op=op: op(self))
        elif op.operator in _OPERATORS:
            name = _OPERATORS[op.operator]
            setattr(Symbol, f"__{name}__", lambda self, other, op=op: op(self, other))
            setattr(Symbol, f"__r{name}__", lambda self, other, op=op: op(other, self))


_install()


class Input(NamedTuple):
    """Where an input of the graph comes from at each call.

    Attributes:
        kind:   "argument", "cell", "grad" (the gradient of a cell) or "constant".
        source: the number of the argument, the cell, or the array.
    """

    kind: str
    source: Any


class Output(NamedTuple):
    """Where an output of the graph goes after each call.

    Attributes:
        kind:   "result", "cell" or "grad".
        target: the number of the result, or the cell.
    """

    kind: str
    target: Any


class Trace(NamedTuple):
    """What a recorded function is.

    Attributes:
        graph:   the program.
        inputs:  one for each of its inputs.
        outputs: one for each of its outputs.
        donated: output number -> input number whose memory it takes over.
        cleared: cells whose gradient is None afterwards.
        present: (cell, whether its gradient was there) that the function looked at.
        guards:  (question, answer): functions without arguments, and what they gave.
    """

    graph: Graph
    inputs: list[Input]
    outputs: list[Output]
    donated: dict[int, int]
    cleared: list[Any]
    present: list[tuple[Any, bool]]
    guards: list[tuple[Callable[[], Any], Any]]


class Recorder:
    """Sees what one thread does to Tensors during a `with` block, and keeps it as a graph."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.inputs: list[Input] = []
        self.values: list[Value] = []
        self.guards: dict[Any, tuple[Callable[[], Any], Any]] = {}
        self._own: dict[int, Any] = {}  # cells made inside, held so that no id comes twice
        self._now: dict[int, Any] = {}  # what each outside cell holds by now
        self._slot: dict[int, int] = {}  # its input
        self._cells: dict[int, Any] = {}
        self._assigned: dict[int, Any] = {}
        self._grads: dict[int, Any] = {}
        self._grad_cells: dict[int, Any] = {}
        self._grad_slot: dict[int, int] = {}
        self._written: set[int] = set()
        self._present: list[tuple[Any, bool]] = []
        self._before: dict[int, tuple[Any, Any, bool]] = {}
        self._lifted: dict[int, tuple[Any, Value]] = {}

    def __enter__(self) -> Recorder:
        recording.enter(self)
        return self

    def __exit__(self, *exception: object) -> None:
        recording.leave()
        for cell, value, wants in self._before.values():
            cell._value, cell._requires_grad = value, wants

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

    def read(self, cell: Any) -> Any:
        """What a cell holds at this point."""
        key = id(cell)
        if key in self._own:
            return cell._data
        held = self._now.get(key)
        if held is None:
            held = self._capture(cell)
        return held

    def _capture(self, cell: Any) -> Symbol:
        key, data = id(cell), cell._data
        self._before.setdefault(key, (cell, cell._value, cell._requires_grad))
        self._slot[key] = len(self.inputs)
        symbol = self.input("cell", cell, data.shape, data.dtype)
        self._cells[key] = cell
        self._now[key] = symbol
        return symbol

    def write(self, cell: Any, array: Any) -> None:
        """A cell is given another array."""
        key = id(cell)
        if key in self._own:
            cell._data = array
            return
        if key not in self._now:
            self._capture(cell)
        self._now[key] = array
        self._assigned[key] = cell

    def read_grad(self, cell: Any, make: Callable[[Any], Any]) -> Any:
        """The gradient of a cell at this point; what is found there becomes a guard."""
        key = id(cell)
        if key in self._own:
            return cell._gradient
        if key in self._grads:
            return self._grads[key]
        self._grad_cells[key] = cell
        there = cell._gradient
        self._present.append((cell, there is not None))
        if there is None:
            self._grads[key] = None
            return None
        self._grad_slot[key] = len(self.inputs)
        shape, dtype = there._data.shape, there._data.dtype
        self._grads[key] = make(self.input("grad", cell, shape, dtype))
        return self._grads[key]

    def write_grad(self, cell: Any, gradient: Any) -> None:
        """A cell is given another gradient, or None."""
        key = id(cell)
        if key in self._own:
            cell._gradient = gradient
            return
        self._grad_cells[key] = cell
        self._grads[key] = gradient
        self._written.add(key)

    def guard(self, key: Any, question: Callable[[], Any]) -> None:
        """The trace relies on an answer that may change later."""
        if key not in self.guards:
            self.guards[key] = (question, question())

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
        common = op.common_dtype(
            [operand.dtype if hasattr(operand, "dtype") else strong[0] for operand in operands]
        )
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
                where=user_line(),
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
        if array.size and (array == first[0]).all():  # one number: no memory for it
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

    def finish(self, results: Sequence[Any]) -> Trace:
        """The recorded program.

        Args:
            results: Tensors that the function returned.
        """
        outputs: list[Output] = []
        values: list[Value] = []
        donated: dict[int, int] = {}

        def give(output: Output, value: Value, slot: int | None = None) -> None:
            if slot is not None:
                donated[len(outputs)] = slot
            outputs.append(output)
            values.append(value)

        for number, result in enumerate(results):
            give(Output("result", number), self._value(result._array))
        for key, cell in self._assigned.items():
            give(Output("cell", cell), self._value(self._now[key]), self._slot[key])
        cleared = []
        for key in sorted(self._written, key=list(self._grad_cells).index):
            cell, gradient = self._grad_cells[key], self._grads[key]
            if gradient is None:
                cleared.append(cell)
            else:
                give(Output("grad", cell), self._value(gradient._array))
        for key, cell in {**self._grad_cells, **self._cells}.items():
            self.guard(("requires_grad", key), partial(getattr, cell, "_requires_grad"))
        graph = Graph(self.values, self.nodes, values)
        return Trace(
            graph, self.inputs, outputs, donated, cleared, self._present,
            list(self.guards.values()),
        )  # fmt: skip


def _several(op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> bool:
    """Whether the reference returns a tuple even for one output."""
    shape = op.shape
    if shape is None or not callable(shape):
        return False
    return isinstance(shape(*(array.shape for array in arrays), **attributes), list)

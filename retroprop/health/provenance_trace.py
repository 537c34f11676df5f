"""What a replay sees: every op of a step, where its operands came from, what is not finite.

Nothing of the step is held but short descriptions; arrays only where they are not finite.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop.core.tape import Observer
from retroprop.errors import is_user_code
from retroprop.ir import Node
from retroprop.nn.module import Module
from retroprop.ops.define import Op

__all__ = ["Event", "Given", "Source", "Summary", "Tracer", "array_of", "summary"]

Array = np.ndarray[Any, Any]

_CALL = Module.__call__.__code__
_INDEXED = ("take", "take_along_axis")  # ops whose integers tell which sample went where


class Summary(NamedTuple):
    """What is said of an array: the range of its finite elements, and how many are none.

    Attributes:
        low, high: over the finite elements; NaN where there are none.
        nan, inf:  how many elements are.
        below:     how many are -inf.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    low: float
    high: float
    nan: int = 0
    inf: int = 0
    below: int = 0

    @property
    def wrong(self) -> int:
        """How many elements are not finite."""
        return self.nan + self.inf

    @property
    def worst(self) -> str:
        """What the worst elements are: "nan", "inf" or "-inf"; "" where all is finite."""
        if self.nan or not self.inf:
            return "nan" if self.nan else ""
        return "-inf" if self.below == self.inf else "inf"


def summary(array: Array) -> Summary:
    """The range of an array, and what of it is not finite.

    Example:
        >>> found = summary(np.float32([1, -2, np.inf]))
        >>> found.low, found.high, found.nan, found.inf
        (-2.0, 1.0, 0, 1)
    """
    if not array.size:
        return Summary(array.shape, array.dtype, np.nan, np.nan)
    if array.dtype.kind in "biu":
        return Summary(array.shape, array.dtype, float(array.min()), float(array.max()))
    nan, inf = np.isnan(array), np.isinf(array)
    finite = np.abs(array) if array.dtype.kind == "c" else array
    counts = int(nan.sum()), int(inf.sum()), 0
    if any(counts):
        counts = *counts[:2], int((inf & (finite < 0)).sum())
        finite = finite[~(nan | inf)]
    if not finite.size:
        return Summary(array.shape, array.dtype, np.nan, np.nan, *counts)
    return Summary(array.shape, array.dtype, float(finite.min()), float(finite.max()), *counts)


def array_of(tensor: Any) -> Array:
    """The very array that a Tensor holds: which one it is tells where it came from."""
    return tensor._array  # noqa: SLF001


def _value_of(tensor: Any) -> Any:
    """The place of a Tensor on the tape, if it has one yet."""
    return tensor._value  # noqa: SLF001


class Given:
    """An array that no op of the step made.

    Attributes:
        kind:   "argument", "weight", "state" (of a model, such as its statistics) or "constant".
        name:   of the argument, weight or variable; "" for a number in the code.
        number: of the first event that reads it.
        array:  what it is.
    """

    __slots__ = ("array", "kind", "name", "number", "summary")

    def __init__(self, kind: str, name: str, array: Array, number: int) -> None:
        self.kind, self.name, self.array, self.number = kind, name, array, number
        self.summary = summary(array)


class Source(NamedTuple):
    """Where an operand came from: an output of an earlier event, or what was given."""

    event: Event | None
    output: int
    given: Given | None

    @property
    def summary(self) -> Summary:
        """What it is."""
        if self.event is not None:
            return self.event.made[self.output]
        assert self.given is not None
        return self.given.summary


class Event:
    """One op that was executed.

    Attributes:
        number:   in the order of execution.
        phase:    "forward", "backward", or "update" for what is done with the gradients.
        about:    in the backward pass, the event whose derivative it is a part of.
        modules:  the layers around it, innermost first.
        line:     file and line of the user's code.
        call:     the function of the library that the user called there, where that is another.
        born:     by "nan" and "inf": which elements became so here, or None.
        inherits: by "nan" and "inf": which operands had it where the result has it.
        met_inf:  the operands that were infinite where a NaN was born.
        wrong:    which elements are not finite, of the first output that is not.
        integers: the index operands of ops that pick.
    """

    __slots__ = (
        "about", "attributes", "born", "call", "inherits", "integers", "line", "made", "met_inf",
        "modules", "number", "op", "phase", "sources", "wrong",
    )  # fmt: skip

    def __init__(self, number: int, op: Op, attributes: dict[str, Any], sources: Any) -> None:
        self.number, self.op, self.attributes = number, op, attributes
        self.sources: tuple[Source, ...] = sources
        self.made: tuple[Summary, ...] = ()
        self.phase = "forward"
        self.about: Event | None = None
        self.modules: tuple[Module, ...] = ()
        self.line: tuple[str, int] | None = None
        self.call = ""
        self.born: dict[str, Array | None] = {"nan": None, "inf": None}
        self.inherits: dict[str, tuple[bool, ...]] = {"nan": (), "inf": ()}
        self.met_inf: tuple[bool, ...] = ()
        self.wrong: Array | None = None
        self.integers: dict[int, Array] = {}

    @property
    def is_finite(self) -> bool:
        """Whether everything that it made is."""
        return not any(one.wrong for one in self.made)

    def judge(self, operands: Sequence[Array], results: Sequence[Array]) -> None:
        """Find out what became infinite or NaN here, and what was so before."""
        floats = [r for r in results if r.dtype.kind in "fcV"]
        self.wrong = ~np.isfinite(next(r for r in floats if not np.isfinite(r).all()))
        sides = [(np.isnan(x), np.isinf(x)) if x.dtype.kind in "fcV" else None for x in operands]
        if self.op.form == "elementwise" and len(results) == 1:
            self._judge_elements(sides, np.isnan(results[0]), np.isinf(results[0]))
            return
        had_nan = tuple(side is not None and bool(side[0].any()) for side in sides)
        had_inf = tuple(side is not None and bool(side[1].any()) for side in sides)
        self.inherits = {"nan": had_nan, "inf": had_inf}
        for result in floats if not any(had_nan) else ():
            nan, inf = np.isnan(result), np.isinf(result)
            if nan.any() and self.born["nan"] is None:
                self.born["nan"], self.met_inf = nan, had_inf
            if inf.any() and self.born["inf"] is None and not any(had_inf):
                self.born["inf"] = inf

    def _judge_elements(self, sides: Sequence[Any], nan: Array, inf: Array) -> None:
        before = [np.zeros((), bool) if side is None else side[0] for side in sides]
        infinite = [np.zeros((), bool) if side is None else side[1] for side in sides]
        new_nan, new_inf = nan.copy(), inf.copy()
        for one in before:
            new_nan &= ~one
            new_inf &= ~one
        for one in infinite:
            new_inf &= ~one
        self.inherits = {
            "nan": tuple(bool((nan & one).any()) for one in before),
            "inf": tuple(bool((inf & one).any()) for one in infinite),
        }
        if new_nan.any():
            self.born["nan"] = new_nan
            self.met_inf = tuple(bool((new_nan & one).any()) for one in infinite)
        if new_inf.any():
            self.born["inf"] = new_inf


class Tracer(Observer):
    """Records the ops of a step, forward and backward.

    Args:
        arguments: names by the id of an argument: of a Tensor, or of an array.
        model:     whose weights get their names, besides the modules that are called.

    Attributes:
        events: what was executed, in order.
        pulled: whether there was a backward pass.
        last:   the op that was begun last, and where its operands came from.
    """

    follows = True

    def __init__(self, arguments: Mapping[int, str], model: Module | None = None) -> None:
        self.events: list[Event] = []
        self.last: tuple[Op | None, tuple[Source, ...]] = (None, ())
        self.pulled = False
        self.roots: list[Module] = []
        self._arguments = arguments
        self._made: dict[int, tuple[Any, Source]] = {}
        self._nodes: dict[Node, Event] = {}
        self._given: dict[int, tuple[Any, Given]] = {}
        self._weights: dict[int, tuple[str, str]] = {}
        self._node: Node | None = None
        if model is not None:
            self._know(model)

    def source(self, tensor: Any) -> Source:
        """Where the numbers of a Tensor came from."""
        array = array_of(tensor)
        known = self._made.get(id(array))
        if known is not None and known[0]() is array:
            return known[1]
        value = _value_of(tensor)
        if value is not None and value.node in self._nodes:
            return Source(self._nodes[value.node], value.index, None)
        leaf = None if value is None or value.cell is None else value.cell()
        cell = tensor if leaf is None else leaf
        for one in (cell, array):
            if id(one) in self._given and self._given[id(one)][0] is one:
                return Source(None, 0, self._given[id(one)][1])
        given = self._describe(cell, array)
        key = cell if given.kind in {"weight", "state"} else array
        self._given[id(key)] = key, given
        return Source(None, 0, given)

    def _describe(self, cell: Any, array: Array) -> Given:
        number = len(self.events)
        for one in (cell, array):
            if id(one) in self._arguments:
                return Given("argument", self._arguments[id(one)], array, number)
        if id(cell) in self._weights:
            return Given(*self._weights[id(cell)], array, number)
        name = _variable(cell) if array.size > 1 or cell.requires_grad else ""
        return Given("weight" if cell.requires_grad else "constant", name, array, number)

    def _know(self, root: Module) -> None:
        """Learn the names of what a model holds."""
        self.roots.append(root)
        for name, weight in root.named_parameters():
            self._weights.setdefault(id(weight), ("weight", name))
        for name, state in root.named_buffers():
            self._weights.setdefault(id(state), ("state", name))

    # -- seeing ----------------------------------------------------------------------------------

    def begins(self, op: Op, operands: Sequence[Any]) -> None:
        if op.name == "require_finite":  # it may not come to an end
            self.last = op, tuple(map(self.source, operands))

    def pulls(self, node: Node | None) -> None:
        self._node, self.pulled = node, True

    def executed(
        self, op: Op, operands: Sequence[Any], attributes: dict[str, Any], made: Sequence[Any]
    ) -> None:
        about = None if self._node is None else self._nodes.get(self._node)
        place: tuple[tuple[Module, ...], tuple[str, int] | None, str] = (), None, ""
        if about is None or about.op.is_python:
            place = self._place()
        event = Event(len(self.events), op, attributes, tuple(map(self.source, operands)))
        event.about = about
        event.modules, event.line, event.call = place
        if about is not None or self._node is not None:
            event.phase = "backward"
        elif any(s.event is not None and s.event.phase != "forward" for s in event.sources):
            event.phase = "update"
        results = [array_of(one) for one in made]
        event.made = tuple(map(summary, results))
        if op.name in _INDEXED:
            arrays = enumerate(array_of(one) for one in operands)
            event.integers = {i: array for i, array in arrays if array.dtype.kind in "iu"}
        if not event.is_finite:
            event.judge([array_of(one) for one in operands], results)
        self._keep(event, made, results)

    def _keep(self, event: Event, made: Sequence[Any], results: Sequence[Array]) -> None:
        self.events.append(event)
        for index, (one, array) in enumerate(zip(made, results, strict=True)):
            self._made[id(array)] = weakref.ref(array), Source(event, index, None)
            value = _value_of(one)
            if value is not None and value.node is not None:
                self._nodes.setdefault(value.node, event)

    def _place(self) -> tuple[tuple[Module, ...], tuple[str, int] | None, str]:
        """The layers around what runs now, the user's line, and what was called there."""
        modules, line, call = [], None, ""
        frame: Any = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            if code is _CALL:
                modules.append(frame.f_locals["self"])
            elif line is None and is_user_code(code.co_filename):
                line = code.co_filename, frame.f_lineno
            elif line is None and not modules and _is_composed(code):
                call = code.co_name
            frame = frame.f_back
        if modules and not any(modules[-1] is root for root in self.roots):
            self._know(modules[-1])
        return tuple(modules), line, call


def _is_composed(code: Any) -> bool:
    """Whether it is a public function of the library that is made of several ops."""
    plain = code.co_filename.replace("\\", "/")
    homes = ("/retroprop/array/", "/nn/functional/", "/retroprop/linalg.py")
    return code.co_name[0].isalpha() and any(home in plain for home in homes)


def _variable(cell: Any) -> str:
    """What the user's own code calls a Tensor, or ""."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        if is_user_code(frame.f_code.co_filename):
            for name, value in {**frame.f_globals, **frame.f_locals}.items():
                if value is cell:
                    return str(name)
            return ""
        frame = frame.f_back
    return ""

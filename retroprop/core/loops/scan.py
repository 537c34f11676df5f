"""Loops over Tensors: `scan`, and what its relatives share with it.

Outside a compiled function they are Python's loops. Inside one, the step runs once, on symbols, and
becomes the body of one node: the time to compile does not depend on how many steps there are.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from retroprop import tree
from retroprop.core import recording
from retroprop.core.loops.gradient import widened
from retroprop.core.tape import is_grad_enabled, no_grad
from retroprop.core.tensor import Tensor
from retroprop.core.trace import Recorder
from retroprop.errors import ArgumentError, DTypeError, ShapeError, TraceError
from retroprop.ir import Graph, Value
from retroprop.ops import loop
from retroprop.ops.movement import concatenate, reshape, split

__all__ = ["Loop", "check_carry", "count", "scan", "taken_apart", "together"]

Step = Callable[[Any, Any], tuple[Any, Any]]


def scan(
    step: Step, init: Any, xs: Any = None, *, length: int | None = None, reverse: bool = False
) -> tuple[Any, Any]:
    """Run a step along a sequence, carrying state from each to the next.

        carry, y[t] = step(carry, x[t])    for t = 0, 1, ..., length - 1

    In a compiled function the step is recorded once, whatever the length. What it reads from
    outside is the same in all steps; cells that it assigns (random state, statistics) are carried
    along. Gradients flow through all of it, and again through these; nested scans work.

    Args:
        step:    (carry, x) -> (new carry, y). The carry keeps its shapes and types; y may be None.
        init:    the carry before the first step, a Tensor or nested containers of them.
        xs:      the sequence, or containers of sequences, along the first axis; None for none.
        length:  number of steps, needed where there is no xs.
        reverse: begin at the end; y[t] still belongs to x[t].

    Returns:
        The carry after the last step, and all y, along a new first axis.

    Raises:
        ArgumentError: there are no steps, or step does not return a pair.
        ShapeError, DTypeError: sequences of different lengths; a carry that changes its type.

    Example:
        >>> import retroprop as rp
        >>> def step(total, x):
        ...     return total + x, total * x
        >>> total, products = rp.scan(step, rp.asarray(0.0), rp.asarray([1.0, 2.0, 3.0]))
        >>> total.item(), products.tolist()
        (6.0, [0.0, 2.0, 9.0])
    """
    given, layout = taken_apart(init, "init")
    sequences, structure = taken_apart(xs, "xs")
    steps = _length(sequences, length)
    return Loop(step, layout, structure, steps, reverse=reverse)(given, sequences)


def count(name: str, given: Any, owner: str = "scan") -> int:
    """A Python integer out of anything that is one."""
    try:
        return operator.index(given)
    except TypeError:
        raise ArgumentError(
            f"{owner}: {name} must be an integer, it is {given!r:.40}",
            fix="how many steps there are has to be known when the function is compiled",
        ) from None


def taken_apart(given: Any, name: str, owner: str = "scan") -> tuple[list[Tensor], Any]:
    """The Tensors of a container, and what puts them back together."""
    leaves, structure = tree.flatten(given)
    if len(leaves) == 1 and leaves[0] is None:
        return [], None
    for leaf in leaves:
        if not isinstance(leaf, Tensor | np.ndarray | np.generic | bool | int | float):
            raise ArgumentError(f"{owner}: {name} holds {leaf!r:.40}, which is no tensor")
    return [leaf if isinstance(leaf, Tensor) else Tensor(leaf) for leaf in leaves], structure


def together(leaves: Sequence[Any], structure: Any) -> Any:
    """The Tensors in their container again."""
    return None if structure is None else tree.unflatten(structure, list(leaves))


def _length(sequences: Sequence[Tensor], given: int | None) -> int:
    """How many steps there are."""
    lengths = {} if given is None else {count("length", given): "length"}
    for sequence in sequences:
        if not sequence.ndim:
            raise ShapeError("scan: xs holds a single number, it needs an axis of steps in front")
        lengths.setdefault(sequence.shape[0], f"a sequence of shape {sequence.shape}")
    if not lengths:
        raise ArgumentError("scan: give xs or length=, to say how many steps there are")
    if len(lengths) > 1:
        told = ", ".join(f"{steps} ({what})" for steps, what in lengths.items())
        raise ShapeError(f"scan: numbers of steps differ: {told}")
    (steps,) = lengths
    if steps < 1:
        raise ArgumentError("scan: there are no steps", fix="leave it out where xs is empty")
    return steps


class Loop:
    """One scan.

    Args:
        layout, structure: of the carry and of xs.
        name:              of the function that was called, for errors.
    """

    def __init__(
        self,
        step: Step,
        layout: Any,
        structure: Any,
        length: int,
        *,
        reverse: bool = False,
        name: str = "scan",
    ) -> None:
        self.step, self.layout, self.structure = step, layout, structure
        self.length, self.reverse, self.name = length, reverse, name
        self.result: Any = None  # how y is put together

    def __call__(self, carry: list[Tensor], sequences: list[Tensor]) -> tuple[Any, Any]:
        """The last carry, and all y."""
        is_traced = recording.active and recording.current() is not None
        return self.traced(carry, sequences) if is_traced else self.eager(carry, sequences)

    def once(self, carry: Sequence[Any], x: Sequence[Any]) -> tuple[list[Tensor], list[Tensor]]:
        """One step: the new carry, and what it gives."""
        made = self.step(together(carry, self.layout), together(x, self.structure))
        if not isinstance(made, tuple) or len(made) != 2:
            raise ArgumentError(
                f"scan: step must return a pair (carry, y), it returned a {type(made).__name__}",
                fix="return carry, None where there is no y",
            )
        new, layout = taken_apart(made[0], "the carry", self.name)
        check_carry(self.name, carry, self.layout, new, layout)
        results, self.result = taken_apart(made[1], "y", self.name)
        return new, results

    def eager(self, carry: list[Tensor], sequences: list[Tensor]) -> tuple[Any, Any]:
        """Step by step, as it stands."""
        slices = [_steps(sequence) for sequence in sequences]
        order = range(self.length)
        found: list[list[Tensor]] = []
        for t in reversed(order) if self.reverse else order:
            carry, results = self.once(carry, [parts[t] for parts in slices])
            found.append(results)
        if self.reverse:
            found.reverse()
        stacked = [_stacked(column) for column in zip(*found, strict=True)]
        return together(carry, self.layout), together(stacked, self.result)

    def traced(self, carry: list[Tensor], sequences: list[Tensor]) -> tuple[Any, Any]:
        """As one node of the graph that is being recorded."""
        body = _Body(recording.current())
        with body:
            state = [body.stand_in(one.shape, one.dtype) for one in carry]
            x = [body.stand_in(one.shape[1:], one.dtype) for one in sequences]
            new, results = self.once(state, x)
            graph = body.close(new, results)
        assigned = [seen.cell for seen in body.assigned]
        operands = [*carry, *assigned, *sequences, *body.captured]
        carried = len(carry) + len(assigned)
        how = {"carried": carried, "sliced": len(sequences), "length": self.length}
        if is_grad_enabled() and any(isinstance(o, Tensor) and o.requires_grad for o in operands):
            wanted = [isinstance(o, Tensor) and o.requires_grad for o in operands]
            graph = widened(graph, carried, len(sequences), wanted)
        made = loop.scan(*operands, body=graph, reverse=self.reverse, **how)
        with no_grad():
            for cell, last in zip(assigned, made[len(carry) : carried], strict=True):
                cell.assign(last.detach())
        stacked = made[carried : carried + len(results)]
        return together(made[: len(carry)], self.layout), together(stacked, self.result)


def repr_of(structure: Any) -> str:
    """A structure as text, in which slots are alike."""
    if isinstance(structure, dict):
        return "{" + ", ".join(f"{key}: {repr_of(item)}" for key, item in structure.items()) + "}"
    if isinstance(structure, tuple | list):
        inside = ", ".join(map(repr_of, structure))
        return f"{type(structure).__name__}({inside})"
    return "None" if structure is None else "*"


def check_carry(
    owner: str, before: Sequence[Tensor], layout: Any, after: Sequence[Tensor], made: Any
) -> None:
    """The carry has to come out of a step as it went in."""
    if repr_of(layout) != repr_of(made):
        raise ArgumentError(
            f"{owner}: the carry comes out in other containers than it went in: "
            f"{repr_of(made)}, before {repr_of(layout)}",
            fix="return the carry put together like init",
        )
    for one, new in zip(before, after, strict=True):
        if one.shape != new.shape:
            raise ShapeError(
                f"{owner}: the carry goes in as {one.shape} and comes out as {new.shape}",
                fix="give init the shape that the step returns",
            )
        if one.dtype != new.dtype:
            raise DTypeError(
                f"{owner}: the carry goes in as {one.dtype} and comes out as {new.dtype}",
                fix=f"convert init: rp.astype(init, rp.{new.dtype})",
            )


def _steps(sequence: Tensor) -> list[Tensor]:
    """The elements along the first axis."""
    parts = split(sequence, sizes=(1,) * sequence.shape[0], axis=0)
    return [reshape(part, sequence.shape[1:]) for part in parts]


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    made: Tensor = concatenate(*[reshape(part, (1, *part.shape)) for part in parts], axis=0)
    return made


class _Body(Recorder):
    """Sees one step of a loop.

    Attributes:
        captured: what the step reads from outside: cells and arrays.
        assigned: what is known of the cells that it assigns.
    """

    def __init__(self, parent: Recorder) -> None:
        super().__init__(parent)
        self.captured: list[Any] = []
        self.assigned: list[Any] = []
        self._given = 0

    def stand_in(self, shape: tuple[int, ...], dtype: Any) -> Tensor:
        """A Tensor for something that the loop hands to each step."""
        self._given += 1
        return Tensor._wrap(self.input("step", self._given, shape, dtype))

    def _capture(self, seen: Any) -> None:
        """Through what is around: there, too, it is an input."""
        assert self.parent is not None
        data = self.parent.read(seen.cell)
        seen.slot = len(self.inputs)
        seen.array = self.input("cell", seen.cell, data.shape, data.dtype)

    def close(self, carry: Sequence[Tensor], results: Sequence[Tensor]) -> Graph:
        """The graph of the step; what it reads and assigns is known then."""
        new = [self._value(one._array) for one in carry]
        made = [self._value(one._array) for one in results]
        slots: dict[int, Value] = {}
        for seen in tuple(self._seen.values()):
            if seen.slot is None:
                continue
            value = self._value(seen.array)
            if value is not self.values[seen.slot]:
                self.assigned.append(seen)
                slots[seen.slot] = value
        values = self.values
        own = [i for i, one in enumerate(self.inputs) if one.kind == "step"]
        others = [i for i in range(len(values)) if i not in slots and i not in own]
        self.captured = [self.inputs[i].source for i in others]
        order = [*own[: len(carry)], *slots, *own[len(carry) :], *others]
        outputs = [*new, *slots.values(), *made]
        return Graph([values[i] for i in order], self.nodes, outputs)

    def guard(self, key: Any, question: Callable[[], Any], about: str = "") -> None:
        assert self.parent is not None
        self.parent.guard(key, question, about)

    def refuse_tape(self, cell: Any) -> None:
        """What is around is differentiated by the derivative of the loop."""

    def read_grad(self, cell: Any, make: Callable[[Any], Any]) -> Any:
        if self._outside(cell) is not None:
            self._refuse()
        return cell._gradient

    def write_grad(self, cell: Any, gradient: Any) -> None:
        if self._outside(cell) is not None:
            self._refuse()
        cell._gradient = gradient

    def _refuse(self) -> NoReturn:
        raise TraceError(
            "scan: a step cannot read or change the .grad of a tensor from outside",
            fix="use rp.grad inside the step, or call backward() after the loop",
        )

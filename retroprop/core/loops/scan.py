"""Loops over Tensors: `scan` and its relatives.

Outside a compiled function they are Python's loops. Inside one, the step runs once, on symbols, and
becomes the body of one node: the time to compile does not depend on how many steps there are.
"""

from __future__ import annotations

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
from retroprop.ops.arithmetic import where
from retroprop.ops.logic import logical_and
from retroprop.ops.movement import concatenate, reshape, split

__all__ = ["fori_loop", "scan", "while_loop"]

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
    given, layout = _taken_apart(init, "init")
    sequences, structure = _taken_apart(xs, "xs")
    count = _length(sequences, length)
    recorder = recording.current() if recording.active else None
    run = _Loop(step, layout, structure, count, reverse=reverse)
    return run.eager(given, sequences) if recorder is None else run.traced(given, sequences)


def fori_loop(lower: int, upper: int, body: Callable[[Any, Any], Any], init: Any) -> Any:
    """Run `state = body(i, state)` for i from lower to upper - 1; returns the last state.

    Args:
        lower, upper: Python integers.
        body:         (i, a Tensor of one integer; state) -> state of the same shapes and types.
        init:         the state to begin with.

    Example:
        >>> import retroprop as rp
        >>> rp.fori_loop(1, 5, lambda i, product: product * i, rp.asarray(1)).item()
        24
    """
    if upper <= lower:
        return init
    numbers = Tensor(np.arange(lower, upper))
    return scan(lambda state, i: (body(i, state), None), init, numbers)[0]


def while_loop(
    condition: Callable[[Any], Any], body: Callable[[Any], Any], init: Any, *, limit: int
) -> Any:
    """Run `state = body(state)` while the condition holds, at most `limit` times.

    In a compiled function the number of steps must not depend on numbers: there it takes the time
    of `limit` steps, and the state stays as it is once the condition does not hold.

    Args:
        condition: state -> a Tensor of one bool.
        body:      state -> state of the same shapes and types.
        init:      the state to begin with.
        limit:     the most steps.

    Example:
        >>> import retroprop as rp
        >>> rp.while_loop(lambda x: x < 100, lambda x: x * 3, rp.asarray(1), limit=50).item()
        243
    """
    if limit < 1:
        raise ArgumentError(f"while_loop: limit must be at least 1, it is {limit}")
    if not recording.active or recording.current() is None:
        state = init
        for _ in range(limit):
            if not bool(condition(state)):
                break
            state = body(state)
        return state

    def step(carry: Any, _: Any) -> tuple[Any, None]:
        going, state = carry
        new = tree.tree_map(lambda a, b: where(going, a, b), body(state), state)
        return (logical_and(going, condition(new)), new), None

    (_, last), _ = scan(step, (condition(init), init), length=limit)
    return last


def _taken_apart(given: Any, name: str) -> tuple[list[Tensor], Any]:
    """The Tensors of a container, and what puts them back together."""
    leaves, structure = tree.flatten(given)
    if len(leaves) == 1 and leaves[0] is None:
        return [], None
    for leaf in leaves:
        if not isinstance(leaf, Tensor | np.ndarray | np.generic | bool | int | float):
            raise ArgumentError(f"scan: {name} holds {leaf!r:.40}, which is no tensor")
    return [leaf if isinstance(leaf, Tensor) else Tensor(leaf) for leaf in leaves], structure


def _together(leaves: Sequence[Any], structure: Any) -> Any:
    return None if structure is None else tree.unflatten(structure, list(leaves))


def _length(sequences: Sequence[Tensor], given: int | None) -> int:
    """How many steps there are."""
    lengths = {} if given is None else {given: "length"}
    for sequence in sequences:
        if not sequence.ndim:
            raise ShapeError("scan: xs holds a single number, it needs an axis of steps in front")
        lengths.setdefault(sequence.shape[0], f"a sequence of shape {sequence.shape}")
    if not lengths:
        raise ArgumentError("scan: give xs or length=, to say how many steps there are")
    if len(lengths) > 1:
        told = ", ".join(f"{count} ({what})" for count, what in lengths.items())
        raise ShapeError(f"scan: numbers of steps differ: {told}")
    (count,) = lengths
    if count < 1:
        raise ArgumentError("scan: there are no steps", fix="leave it out where xs is empty")
    return count


class _Loop:
    """One scan.

    Args:
        layout, structure: of the carry and of xs.
    """

    def __init__(
        self, step: Step, layout: Any, structure: Any, length: int, *, reverse: bool
    ) -> None:
        self.step, self.layout, self.structure = step, layout, structure
        self.length, self.reverse = length, reverse
        self.result: Any = None  # how y is put together

    def once(self, carry: Sequence[Any], x: Sequence[Any]) -> tuple[list[Tensor], list[Tensor]]:
        """One step: the new carry, and what it gives."""
        made = self.step(_together(carry, self.layout), _together(x, self.structure))
        if not isinstance(made, tuple) or len(made) != 2:
            raise ArgumentError(
                f"scan: step must return a pair (carry, y), it returned a {type(made).__name__}",
                fix="return carry, None where there is no y",
            )
        new, layout = _taken_apart(made[0], "the carry")
        if repr_of(layout) != repr_of(self.layout):
            raise ArgumentError("scan: the carry comes out in other containers than it went in")
        for before, after in zip(carry, new, strict=True):
            _check_type(before, after)
        results, self.result = _taken_apart(made[1], "y")
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
        return _together(carry, self.layout), _together(stacked, self.result)

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
        return _together(made[: len(carry)], self.layout), _together(stacked, self.result)


def repr_of(structure: Any) -> str:
    """A structure as text, in which slots are alike."""
    if isinstance(structure, dict):
        return "{" + ", ".join(f"{key}: {repr_of(item)}" for key, item in structure.items()) + "}"
    if isinstance(structure, tuple | list):
        inside = ", ".join(map(repr_of, structure))
        return f"{type(structure).__name__}({inside})"
    return "None" if structure is None else "*"


def _check_type(before: Tensor, after: Tensor) -> None:
    if before.shape != after.shape:
        raise ShapeError(
            f"scan: the carry goes in as {before.shape} and comes out as {after.shape}",
            fix="give init the shape that the step returns",
        )
    if before.dtype != after.dtype:
        raise DTypeError(
            f"scan: the carry goes in as {before.dtype} and comes out as {after.dtype}",
            fix=f"convert init: rp.astype(init, rp.{after.dtype})",
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

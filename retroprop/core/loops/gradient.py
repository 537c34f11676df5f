"""The derivative of a loop: another loop, which runs the other way.

What the backward half of a step reads of the forward half is kept by every step, unless it is
cheaper to compute once more. What every step adds to the gradient of something that all steps read,
such as a weight, leaves the loop where that is possible (`sums`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.core.loops.backward import Backward
from retroprop.core.loops.halves import Halves
from retroprop.ir import Graph, Value
from retroprop.ops import loop

__all__ = ["derivative", "widened"]


def widened(body: Graph, carried: int, sliced: int, wanted: Sequence[bool]) -> Graph:
    """The body of a loop with what its derivative will need of each step as further results."""
    arrived = [dtypes.is_floating(value.dtype) for value in body.outputs]
    back = Backward(Halves(body, carried, sliced, wanted, arrived))
    return _keeping(body, carried, back)


def _keeping(body: Graph, carried: int, back: Backward) -> Graph:
    """The body with everything as a result that is to be kept; itself if it is so."""
    there = set(body.outputs[carried:])
    wanted = [back.halves.body_of[value] for value in back.kept]
    more = [value for value in dict.fromkeys(wanted) if value not in there]
    return Graph(body.inputs, body.nodes, [*body.outputs, *more]) if more else body


def derivative(
    cotangents: Sequence[Any],
    outputs: Sequence[Any],
    operands: Sequence[Any],
    wanted: Sequence[bool],
    body: Graph,
    how: dict[str, Any],
) -> tuple[Any, ...]:
    """Gradients of the operands of a loop, given those of what it returned.

    Args:
        cotangents: one for each output, or None.
        outputs:    what the loop returned.
        operands:   what it was given.
        wanted:     for each operand, whether its gradient is asked for.
        body, how:  the loop: its body, and carried, sliced, length, reverse.
    """
    arrived = [cotangent is not None for cotangent in cotangents]
    back = Backward(Halves(body, how["carried"], how["sliced"], wanted, arrived))
    wide = _keeping(body, how["carried"], back)
    if wide is not body:
        outputs = loop.scan(*operands, body=wide, **how)
    return _Pass(back, wide, cotangents, outputs, operands, how).gradients()


class _Pass:
    """One run backward."""

    def __init__(
        self,
        back: Backward,
        body: Graph,
        cotangents: Sequence[Any],
        outputs: Sequence[Any],
        operands: Sequence[Any],
        how: dict[str, Any],
    ) -> None:
        self.back, self.operands, self.cotangents = back, operands, cotangents
        self.length, carried = how["length"], how["carried"]
        results = [*enumerate(body.outputs)][carried:]
        places = {value: number for number, value in reversed(results)}
        self.kept = {v: outputs[places[back.halves.body_of[v]]] for v in back.kept}
        given = [self._seed(k) for k in back.active]
        sums = [self._zero(back.halves.inputs[k]) for k in back.inside]
        sequences = [
            *(cotangents[n] for n in back.results),
            *self.kept.values(),
            *(operands[k] for k in back.read),
        ]
        shared = [operands[k] for k in back.shared]
        made = loop.scan(
            *(*given, *sums, *sequences, *shared),
            body=back.graph,
            carried=len(given) + len(sums),
            sliced=len(sequences),
            length=self.length,
            reverse=not how["reverse"],
        )
        self.made = list(made)

    def _seed(self, k: int) -> Any:
        cotangent = self.cotangents[k]
        return self._zero(self.back.halves.inputs[k]) if cotangent is None else cotangent

    def _zero(self, value: Value) -> Any:
        return np.zeros(value.shape, value.dtype)

    def gradients(self) -> tuple[Any, ...]:
        """One for each operand, None where there is none."""
        back, made = self.back, self.made
        found: dict[int, Any] = dict(zip(back.active, made, strict=False))
        del made[: len(back.active)]
        found.update(zip(back.inside, made, strict=False))
        del made[: len(back.inside)]
        found.update(zip(back.taken, made, strict=False))
        self.given = dict(zip(back.given, made[len(back.taken) :], strict=True))
        found.update((k, plan.make(self)) for k, plan in back.plans.items())
        wanted = back.halves.wanted
        return tuple(found.get(k) if wanted[k] else None for k in range(len(self.operands)))

    def all_of(self, value: Value) -> Any:
        """A value of the body of all steps."""
        back = self.back
        if value in back.seeds:
            return self.cotangents[back.seeds[value]]
        if value in back.sequences:
            return self.operands[back.sequences[value]]
        return self.kept[value] if value in self.kept else self.given[value]

    def alike(self, value: Value) -> Any:
        """A value that is the same in all steps."""
        if value.constant is not None:
            return value.constant
        if value in self.back.halves.constants:
            return self.back.halves.constants[value]
        if value in self.back.common:
            return self.operands[self.back.common[value]]
        assert value.node is not None
        op: Any = value.node.op
        made = op(*map(self.alike, value.node.operands), **value.node.attributes)
        return made[value.index] if isinstance(made, tuple) else made


loop.derivative = derivative

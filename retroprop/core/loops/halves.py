"""One step of a loop, forward and backward, recorded together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.core import recording
from retroprop.core.symbol import Symbol
from retroprop.core.tape import enable_grad, execute
from retroprop.core.tensor import Tensor, pull_back
from retroprop.core.trace import Recorder
from retroprop.ir import Graph, Node, Value

__all__ = ["Halves"]


class Halves:
    """The nodes of a step and, behind them, those that pull gradients back through it.

    Args:
        body:    of the loop.
        carried: how many of its inputs are carried.
        sliced:  how many come from sequences.
        wanted:  for every input, whether its gradient is asked for.
        arrived: for every output, whether there is a gradient; what is carried has one.

    Attributes:
        wanted:    the same, with all carried values that a gradient goes through.
        inputs:    the values recorded in the place of the body's inputs.
        seeds:     for every output the value that its gradient is, or None.
        found:     for every input the value that its gradient is, or None.
        forward:   the nodes of the step; `backward`: those behind them.
        body_of:   value of the body by the value recorded for it.
        constants: arrays that were made on the way, by the value that stands for them.
    """

    def __init__(
        self,
        body: Graph,
        carried: int,
        sliced: int,
        wanted: Sequence[bool],
        arrived: Sequence[bool],
    ) -> None:
        self.body, self.carried, self.sliced = body, carried, sliced
        self.wanted = _active(body, carried, wanted)
        self.body_of: dict[Value, Value] = {}
        recorder = Recorder(recording.current())
        with recorder:
            tensors = self._record_forward(recorder)
            turn = len(recorder.nodes)
            self._record_backward(recorder, tensors, arrived)
        self.forward: list[Node] = recorder.nodes[:turn]
        self.backward: list[Node] = recorder.nodes[turn:]
        ends = zip(recorder.inputs, recorder.values, strict=True)
        self.constants = {value: end.source for end, value in ends if end.kind == "constant"}

    def _record_forward(self, recorder: Recorder) -> dict[Value, Tensor]:
        tensors: dict[Value, Tensor] = {}
        self.inputs: list[Value] = []
        for value, wants in zip(self.body.inputs, self.wanted, strict=True):
            symbol = recorder.input("step", value, value.shape, value.dtype)
            tensors[value] = Tensor._wrap(symbol)
            tensors[value]._requires_grad = wants
            self.inputs.append(symbol.value)
            self.body_of[symbol.value] = value
        with enable_grad():
            for node in self.body.nodes:
                op: Any = node.op
                given = [_tensor(tensors, value) for value in node.operands]
                made = execute(op, given, node.attributes, Tensor)
                several = made if isinstance(made, tuple) else (made,)
                for value, tensor in zip(node.outputs, several, strict=True):
                    tensors[value] = tensor
                    if isinstance(tensor._data, Symbol):
                        self.body_of.setdefault(tensor._data.value, value)
        return tensors

    def _record_backward(
        self, recorder: Recorder, tensors: dict[Value, Tensor], arrived: Sequence[bool]
    ) -> None:
        self.seeds: list[Value | None] = []
        roots: list[Tensor] = []
        given: list[Symbol] = []
        for number, value in enumerate(self.body.outputs):
            if not (self.wanted[number] if number < self.carried else arrived[number]):
                self.seeds.append(None)
                continue
            seed = recorder.input("seed", number, value.shape, value.dtype)
            self.seeds.append(seed.value)
            tensor = _tensor(tensors, value)
            if tensor.requires_grad:
                roots.append(tensor)
                given.append(seed)
        inputs = [tensors[value] for value in self.body.inputs]
        wrt = [tensor.value for tensor in inputs if tensor.requires_grad]
        found: dict[Value, Any] = {}
        if roots and wrt:
            found = pull_back(roots, given, wrt, retain=False, tape=False)
        pulled = [found.get(tensor.value) if tensor.requires_grad else None for tensor in inputs]
        for k, value in enumerate(self.body.inputs[: self.carried]):
            if self.wanted[k] and pulled[k] is None:
                pulled[k] = np.zeros(value.shape, value.dtype)
        self.found = [None if one is None else recorder._value(one) for one in pulled]


def _tensor(tensors: dict[Value, Tensor], value: Value) -> Tensor:
    return Tensor(value.constant) if value.constant is not None else tensors[value]


def _active(body: Graph, carried: int, wanted: Sequence[bool]) -> list[bool]:
    """Which inputs a gradient is needed of: those asked for, and the state that it goes through."""
    active = list(wanted)
    while True:
        reached = {value for value, has in zip(body.inputs, active, strict=True) if has}
        for node in body.nodes:
            if not reached.isdisjoint(node.operands):
                reached.update(v for v in node.outputs if dtypes.is_floating(v.dtype))
        more = [a or v in reached for a, v in zip(active, body.outputs[:carried], strict=False)]
        if more == active[:carried]:
            return active
        active[:carried] = more

"""A loop as one op: a body that is a graph, run once for each step of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retroprop.errors import GraphError, NoGradientError, ShapeError
from retroprop.ir import Graph, parse
from retroprop.ir.interpreter import run
from retroprop.ops.arithmetic import add, multiply
from retroprop.ops.define import ANY, primitive
from retroprop.ops.exponential import exp
from retroprop.ops.samples import bad, call

__all__ = ["scan"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

# The derivative of a loop takes the gradient engine and a recorder, which are above: they put
# themselves here when they are imported.
derivative: Callable[..., tuple[Any, ...]] | None = None


def _checked(given: Sequence[Shape], body: Graph, carried: int, sliced: int, length: int) -> None:
    """Whether operands are what the body takes."""
    if len(given) != len(body.inputs):
        raise GraphError(f"scan: the body takes {len(body.inputs)} operands, it gets {len(given)}")
    for number, (shape, value) in enumerate(zip(given, body.inputs, strict=True)):
        in_time = carried <= number < carried + sliced
        wanted = (length, *value.shape) if in_time else value.shape
        if shape != wanted:
            raise ShapeError(f"scan: operand {number} must be {wanted}, it is {shape}")


def _shapes(
    *given: Shape, body: Graph, carried: int, sliced: int, length: int, reverse: bool
) -> list[Shape]:
    _checked(given, body, carried, sliced, length)
    made = [value.shape for value in body.outputs]
    return [*made[:carried], *((length, *shape) for shape in made[carried:])]


def _types(*_: Any, body: Graph, **__: Any) -> list[Any]:
    return [value.dtype for value in body.outputs]


def _pull(
    g: Any, y: Any, operands: Any, wanted: Any, body: Any, carried: Any, sliced: Any,
    length: Any, reverse: Any,
) -> tuple[Any, ...]:  # fmt: skip
    if derivative is None:
        raise NoGradientError("scan: its gradient needs retroprop.core, which is not imported")
    outputs = y if isinstance(y, tuple) else (y,)
    cotangents = g if isinstance(g, tuple) else (g,)
    how = {"carried": carried, "sliced": sliced, "length": length, "reverse": reverse}
    return derivative(cotangents, outputs, operands, wanted, body, how)


_BODY = parse(
    """
graph(%0: float64[2], %1: float64[2], %2: float64[])
  %3: float64[2] = multiply(%0, %2)
  %4: float64[2] = add(%3, %1)
  %5: float64[2] = exp(%4)
  return %4, %5""",
    {op.name: op for op in (add, exp, multiply)},
)
_HOW: dict[str, Any] = {"body": _BODY, "carried": 1, "sliced": 1, "length": 3}


@primitive(
    form="loop",
    shape=_shapes,
    result=_types,
    roles={"operands": ANY},
    vjp=_pull,
    samples=[
        call((2,), (3, 2), (), reverse=False, **_HOW),
        call((2,), (3, 2), (), reverse=True, **_HOW),
    ],
    errors=[bad((2,), (4, 2), (), match=r"operand 1 must be \(3, 2\), it is \(4, 2\)", **_HOW)],
)
def scan(
    *operands: Array, body: Graph, carried: int, sliced: int, length: int, reverse: bool = False
) -> tuple[Array, ...]:
    """A body run once for each step, over what it carries from step to step.

    `rp.scan` is the function for people; this is what it records.

    Args:
        operands: what is carried into the first step; then sequences, (length, ...), of which each
                  step sees one element; then what every step sees alike.
        body:     inputs in the same order; outputs: what is carried on, then results of a step.
        carried:  how many values are carried.
        sliced:   how many sequences there are.
        length:   number of steps.
        reverse:  begin with the last step.

    Returns:
        What was carried out of the last step that ran, then each result of all steps,
        (length, ...), in the order of the sequences.

    Raises:
        ShapeError: an operand is not what the body takes.

    Example:
        >>> import numpy as np
        >>> from retroprop.ir import Graph
        >>> from retroprop.ops import catalog
        >>> text = '''
        ... graph(%0: float64[], %1: float64[], %2: float64[])
        ...   %3: float64[] = multiply(%0, %2)
        ...   %4: float64[] = add(%3, %1)
        ...   return %4, %4'''
        >>> body = Graph.parse(text, catalog)
        >>> x, weight = np.array([1.0, 1.0, 1.0]), np.array(2.0)
        >>> last, each = scan(np.array(0.0), x, weight, body=body, carried=1, sliced=1, length=3)
        >>> last.item(), each.tolist()
        (7.0, [1.0, 3.0, 7.0])
    """
    _checked([np.shape(x) for x in operands], body, carried, sliced, length)
    state, alike = list(operands[:carried]), operands[carried + sliced :]
    sequences = operands[carried : carried + sliced]
    results = [np.empty((length, *v.shape), v.dtype) for v in body.outputs[carried:]]
    for t in reversed(range(length)) if reverse else range(length):
        made = run(body, [*state, *(x[t] for x in sequences), *alike])
        state = made[:carried]
        for result, array in zip(results, made[carried:], strict=True):
            result[t] = array
    return (*map(np.asarray, state), *results)

"""Functions that bring their own backward pass: recomputation, and hand-written gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from retroprop import dtypes, tree
from retroprop.core.symbol import Symbol
from retroprop.core.tape import Journal, enable_grad, execute, is_grad_enabled, no_grad
from retroprop.core.tensor import Tensor, lift_tensor, pull_back
from retroprop.errors import ArgumentError, TapeError
from retroprop.ir import Value
from retroprop.ir.graph import nodes_before, now
from retroprop.ops.define import ANY, DATA_DEPENDENT, Op
from retroprop.ops.recompute import again

__all__ = ["checkpoint", "custom_gradient"]


def _node(name: str, arrays: Any, pull: Callable[..., Any], operands: list[Tensor]) -> Any:
    """Put a function that has already run on the tape as one op with a joint gradient rule."""

    def reference(*xs: Any) -> Any:
        return arrays

    reference.__name__ = name
    op = Op(reference, form="opaque", rules=pull, shape=DATA_DEPENDENT, roles={"xs": ANY})
    op.is_python = True
    return execute(op, operands, {}, Tensor)


def checkpoint(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function now and once more in the backward pass, instead of keeping what it computed.

    The tape holds only the arguments and what the function reads from outside, so memory falls
    from the sum over layers to the largest of them, for one more forward pass. The second run
    starts from the same random state and leaves no trace in it, nor in batch statistics.

    Args:
        function:  from Tensors (and anything else) to a Tensor or nested containers of them.
        arguments: its arguments.

    Returns:
        What the function returns; what is no Tensor in it comes from the first run.

    Raises:
        TapeError: a cell that the function read was changed before the backward pass.

    Example:
        >>> import retroprop as rp
        >>> x = rp.tensor([0.5], requires_grad=True)
        >>> rp.checkpoint(lambda x: (x * x) * x, x).backward()
        >>> x.grad.tolist()
        [0.75]

    Source: Chen et al. 2016, "Training deep nets with sublinear memory cost", arXiv:1604.06174.
    """
    if not is_grad_enabled():
        return function(*arguments)
    given, layout = tree.flatten(arguments)
    tensors = [item for item in given if isinstance(item, Tensor)]

    def run(copies: list[Tensor]) -> tuple[list[Any], Any]:
        left = iter(copies)
        mixed = [next(left) if isinstance(item, Tensor) else item for item in given]
        return tree.flatten(function(*tree.unflatten(layout, mixed)))

    start = now()
    with Journal() as journal:
        returned, structure = run([_own(tensor) for tensor in tensors])
    outputs = [item for item in returned if isinstance(item, Tensor)]
    if not outputs:
        return tree.unflatten(structure, returned)
    captured = _captured(outputs, start)
    pull = _recomputing(run, len(tensors), captured, journal)
    arrays = tuple(output._array for output in outputs)
    stand_ins = [lift_tensor(np.broadcast_to(v.dtype.type(0), v.shape), v) for v in captured]
    result = _node("checkpoint", arrays, pull, [*tensors, *stand_ins])
    made = iter(result)
    mixed = [next(made) if isinstance(item, Tensor) else item for item in returned]
    return tree.unflatten(structure, mixed)


def _own(tensor: Tensor) -> Tensor:
    """The same numbers as a leaf of their own."""
    return tensor.detach().requires_grad_() if tensor.requires_grad else tensor.detach()


def _captured(outputs: list[Any], start: int) -> list[Value]:
    """The values from before `start` that a run read, apart from its arguments' copies."""
    nodes = nodes_before(
        [output.value for output in outputs], lambda v: v.node is None or v.node.serial > start
    )
    found: dict[Value, None] = {}
    for node in nodes:
        for value in node.operands:
            outside = value.node is None or value.node.serial < start
            if value.requires_grad and outside and not _is_own(value):
                found[value] = None
    return list(found)


def _is_own(value: Value) -> bool:
    """Whether a leaf was made by `_own` for one run: nobody else holds its cell."""
    return value.node is None and (value.cell is None or value.cell() is None)


def _recomputing(
    run: Callable[..., Any], count: int, captured: list[Value], journal: Journal
) -> Callable[..., Any]:
    def pull(g: Any, xs: Any) -> tuple[Any, ...]:
        seeds = g if isinstance(g, tuple) else (g,)
        tape = isinstance(seeds[0], Tensor)
        for value in captured:
            cell = value.cell() if value.cell is not None else None
            if cell is not None and cell.value is not value:
                raise TapeError(
                    "checkpoint: a tensor that the function read was changed before backward()",
                    fix="call backward() before opt.step()",
                )
        start = now()
        given = xs[:count] if tape else [_apart(x, seeds[0], start) for x in xs[:count]]
        copies = [x.clone() if tape else Tensor(x, requires_grad=_floats(x)) for x in given]
        undo = journal.rewind()
        try:
            with enable_grad():
                returned, _ = run(copies)
        finally:
            undo.rewind()
        wrt = [*(copy.value for copy in copies), *captured]
        outputs = [item for item in returned if isinstance(item, Tensor)]
        live = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o.requires_grad]
        found: dict[Value, Any] = {}
        if live:
            roots, given = zip(*live, strict=True)
            found = pull_back(roots, given, wrt, retain=tape, tape=tape, since=start)
        return tuple(found.get(value) for value in wrt)

    return pull


def _apart(x: Any, after: Any, number: int) -> Any:
    """An argument of the second run: of a symbol, one that is not merged with the first run's."""
    return again(x, after, number=number) if isinstance(x, Symbol) else x


def _floats(array: Any) -> bool:
    return dtypes.is_floating(array.dtype)


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function a backward pass of its own.

    Args:
        function: takes Tensors; returns (y, backward), where backward(g) takes the cotangent of y
                  and returns that of the argument, or a tuple with one (or None) for each argument.
                  When y is a tuple, g is one of the same length.

    Returns:
        A function that returns y.

    Raises:
        ArgumentError: backward returned another number of cotangents than there are arguments.
        ShapeError, DTypeError: a cotangent is not like its argument.

    Example:
        >>> import retroprop as rp
        >>> @rp.custom_gradient
        ... def round_straight_through(x):
        ...     return rp.round(x), lambda g: g
        >>> x = rp.tensor(1.7, requires_grad=True)
        >>> round_straight_through(x).backward()
        >>> x.grad.item()
        1.0
    """

    @functools.wraps(function)
    def transformed(*arguments: Any) -> Any:
        tensors = [a if isinstance(a, Tensor) else Tensor(a) for a in arguments]
        with no_grad():
            y, backward = function(*(tensor.detach() for tensor in tensors))

        several = isinstance(y, tuple | list)

        def pull(g: Any, xs: Any) -> tuple[Any, ...]:
            taped = isinstance(g[0] if several else g, Tensor)
            if taped:
                _, again = function(*xs)
                return _answers(again(g), tensors)
            with no_grad():
                answer = backward(tuple(map(Tensor, g)) if several else Tensor(g))
            answers = _answers(answer, tensors)
            return tuple(a if a is None else a._array for a in answers)

        outputs = y if several else (y,)
        arrays = tuple(one._array for one in outputs)
        return _node(function.__name__, arrays if several else arrays[0], pull, tensors)

    return transformed


def _answers(given: Any, tensors: list[Tensor]) -> tuple[Any, ...]:
    """What a hand-written backward pass returned, one Tensor or None for each argument."""
    answers = tuple(given) if isinstance(given, tuple | list) else (given,)
    if len(answers) != len(tensors):
        raise ArgumentError(
            f"custom_gradient: backward returned {len(answers)} cotangents "
            f"for {len(tensors)} arguments",
            fix="return one for each argument, None for those without a gradient",
        )
    return tuple(
        tensor._cotangent(answer, "custom_gradient: the cotangent")
        if answer is not None and tensor.requires_grad
        else None
        for answer, tensor in zip(answers, tensors, strict=True)
    )

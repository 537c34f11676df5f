"""Loops with a state alone: a number of steps that is known, or a condition and a bound."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from retroprop import tree
from retroprop.core import recording
from retroprop.core.loops.scan import Loop, check_carry, count, taken_apart, together
from retroprop.core.tape import Journal
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError
from retroprop.ops.arithmetic import where
from retroprop.ops.logic import logical_and
from retroprop.ops.movement import reshape

__all__ = ["fori_loop", "while_loop"]


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
    first, end = count("lower", lower, "fori_loop"), count("upper", upper, "fori_loop")
    if end <= first:
        return init
    given, layout = taken_apart(init, "init", "fori_loop")
    (numbers,), structure = taken_apart(Tensor(np.arange(first, end)), "i", "fori_loop")

    def step(state: Any, i: Any) -> tuple[Any, None]:
        return body(i, state), None

    return Loop(step, layout, structure, end - first, name="fori_loop")(given, [numbers])[0]


def while_loop(
    condition: Callable[[Any], Any], body: Callable[[Any], Any], init: Any, *, limit: int
) -> Any:
    """Run `state = body(state)` while the condition holds, at most `limit` times.

    In a compiled function the number of steps must not depend on numbers: there it takes the time
    of `limit` steps. Once the condition does not hold, state, cells and random numbers stay as they
    are; the steps that are left compute the body of `init`, whose result nobody sees.

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
    most = count("limit", limit, "while_loop")
    if most < 1:
        raise ArgumentError(f"while_loop: limit must be at least 1, it is {most}")
    given, layout = taken_apart(init, "init", "while_loop")
    traced = recording.active and recording.current() is not None
    if not traced:
        loop = Loop(lambda state, _: (body(state), None), layout, None, most, name="while_loop")
        for _ in range(most):
            if not bool(_condition(condition(together(given, layout)))):
                break
            given, _ = loop.once(given, [])
        return together(given, layout)

    def step(carry: Any, _: Any) -> tuple[Any, None]:
        going, state = carry
        with Journal() as journal:
            new = body(tree.tree_map(partial(where, going), state, start))
        for cell, before in journal.noted():
            cell.assign(where(going, cell.detach(), before))
        leaves, made = taken_apart(new, "the carry", "while_loop")
        check_carry("while_loop", tree.flatten(state)[0], layout, leaves, made)
        new = tree.tree_map(partial(where, going), new, state)
        return (logical_and(going, _condition(condition(new))), new), None

    start = together(given, layout)
    carry, both = taken_apart((_condition(condition(start)), start), "init", "while_loop")
    return Loop(step, both, None, most, name="while_loop")(carry, [])[0][1]


def _condition(given: Any) -> Tensor:
    """What a condition returned, as one bool."""
    found = given if isinstance(given, Tensor) else Tensor(given)
    if found.dtype != np.dtype(bool) or found.size != 1:
        raise DTypeError(
            f"while_loop: the condition must be one bool, it is {found.dtype} of {found.shape}",
            fix="compare with something, and reduce with rp.any or rp.all",
        )
    one: Tensor = reshape(found, ())
    return one

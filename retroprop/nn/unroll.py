"""A recurrent cell over time: the loop, one direction and one layer at a time.

Sequences are held as rows, (time * batch, features) with time outermost, so that the inputs' share
of a layer is one matrix product, and what is left for the loop is what depends on the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop import dtypes
from retroprop.array.creation import arange, asarray
from retroprop.core.faces import astype
from retroprop.core.loops.scan import scan
from retroprop.core.tensor import Tensor
from retroprop.errors import DTypeError, IndexRangeError, ShapeError
from retroprop.nn.functional._checks import is_known
from retroprop.nn.gates import Kind, Past, State
from retroprop.ops.arithmetic import where
from retroprop.ops.comparison import less
from retroprop.ops.movement import reshape

__all__ = ["live_rows", "unroll"]


def unroll(
    kind: Kind,
    share: Tensor,
    state: State,
    past: Past,
    *,
    time: int,
    live: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, State]:
    """Run a cell over the steps of a sequence.

    Args:
        kind:    of the cell.
        share:   (time * batch, gates * hidden), what the inputs add to the gates.
        state:   before the first step, each (batch, features).
        past:    weights of the state.
        time:    number of steps.
        live:    (time * batch, 1) bool, False past the end of a sequence: there the state stays
                 as it is. None where all sequences are as long as can be.
        reverse: start with the last step. A sequence that is shorter then starts at its own end,
                 since its state has stayed as it was until there.

    Returns:
        Outputs (time * batch, features), zero where not live, and the state after the last step.
    """
    batch = share.shape[0] // time
    shares = reshape(share, (time, batch, share.shape[1]))
    alive = None if live is None else reshape(live, (time, batch, 1))

    def step(state: State, given: Any) -> tuple[State, Tensor]:
        part, is_live = given if alive is not None else (given, None)
        new = kind.step(part, state, past)
        if is_live is not None:
            new = tuple(where(is_live, *pair) for pair in zip(new, state, strict=True))
        return new, new[0]

    given = shares if alive is None else (shares, alive)
    state, outputs = scan(step, state, given, reverse=reverse)
    rows = reshape(outputs, (time * batch, outputs.shape[2]))
    return (rows if live is None else where(live, rows, 0.0)), state


def live_rows(
    lengths: Tensor | Sequence[int], time: int, batch: int, fix: str | None = None
) -> Tensor:
    """Which rows of a padded sequence are part of it: (time * batch, 1) bool.

    Args:
        lengths: (batch,) integers from 0 to time.
        time:    number of steps, padding included.
        batch:   number of sequences.
        fix:     advice for when the number of lengths is wrong.

    Raises:
        ShapeError:      "lengths must be (batch 4), one number for each sequence; it is (3,)".
        DTypeError:      they are no integers.
        IndexRangeError: "lengths[2] is 9, the input has 7 steps".

    Example:
        >>> live_rows([1, 2], time=2, batch=2).tolist()
        [[True], [True], [False], [True]]
    """
    counts = asarray(lengths)
    if counts.shape != (batch,):
        raise ShapeError(
            f"lengths must be (batch {batch}), one number for each sequence; it is {counts.shape}",
            fix=fix,
        )
    if not dtypes.is_integer(counts.dtype):
        raise DTypeError(f"lengths must be integers, they are {counts.dtype}")
    if is_known(counts):
        wrong = [i for i, count in enumerate(counts.tolist()) if not 0 <= count <= time]
        if wrong:
            raise IndexRangeError(
                f"lengths[{wrong[0]}] is {counts.tolist()[wrong[0]]}, the input has {time} steps",
                fix=fix or f"count the steps of each sequence, from 0 to {time}",
            )
    steps = reshape(arange(time), (time, 1))
    live: Tensor = less(steps, astype(counts, dtypes.int64))
    return live.reshape((time * batch, 1))

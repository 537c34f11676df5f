"""The words through which a kernel says that something was wrong.

    word 0   0, or 1 + the number of the node that found the first error
    word 1   what it found: the index out of range, or the bits of a number that is not finite
    word 7   the steps that were completed before

A kernel that finds an error goes on with something harmless; the program leaves at its next check,
which comes before any state is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Register

__all__ = ["COMPLETED", "WORDS", "emit_fail", "read"]

WORDS, COMPLETED = 8, 7


def emit_fail(f: Function, status: Register, number: int, value: Register) -> None:
    """Code that reports an error, unless one was reported before.

    Args:
        status: the address of the words.
        number: of the node.
        value:  i64, what it found.
    """
    pair = f.assign(
        "{ i64, i1 }",
        f"cmpxchg ptr {status.name}, i64 0, i64 {number + 1} acq_rel monotonic",
    )
    was_first = f.assign("i1", f"extractvalue {{ i64, i1 }} {pair.name}, 1")
    with f.branch(was_first):
        f.store(value, f.at(status, 1, 8))


def read(words: np.ndarray[Any, Any]) -> tuple[int, int] | None:
    """(number of the node, what it found), or None.

    Example:
        >>> read(np.array([0, 0])), read(np.array([3, -7]))
        (None, (2, -7))
    """
    return (int(words[0]) - 1, int(words[1])) if words[0] else None

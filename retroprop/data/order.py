"""Orders and draws that depend on nothing but (seed, epoch, batch): the same bits everywhere.

A run that stops after any batch and starts again needs no saved generator: epoch and batch
numbers are the whole state. Philox is a counter-based generator (a keyed bijection of a
counter), so every (seed, epoch) has a stream of its own at no cost.
Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.errors import ArgumentError

__all__ = ["generator", "shuffled"]

# The top word of Philox's 256-bit counter keeps the uses apart that share a (seed, epoch) key.
_AUGMENT = 1
_WORD = 2**64


def _checked(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ArgumentError(f"{name} must be an integer, got {value!r}")
    if not 0 <= value < _WORD:
        raise ArgumentError(f"{name} must be in 0 .. 2**64 - 1, got {value}")
    return int(value)


def shuffled(n: int, seed: int = 0, epoch: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A permutation of 0 .. n-1: a pure function of (seed, epoch), bit-exact on every platform.

    The order is the stable argsort of n raw 64-bit words of Philox(key=[seed, epoch]).
    Raw words and not `Generator.permutation`: NumPy promises the words of a bit generator for
    ever, but lets the methods of `Generator` change their stream between releases (NEP 19), and
    bounded integers also depend on the platform's word size. A sort of fixed words cannot move.

    Args:
        n:     how many items; >= 0.
        seed:  the run's seed, 0 .. 2**64 - 1.
        epoch: which pass over the data, 0 .. 2**64 - 1.

    Returns:
        (n,) int64.

    Raises:
        ArgumentError: "seed must be in 0 .. 2**64 - 1, got -1".

    Example:
        >>> shuffled(6, seed=0, epoch=0).tolist()
        [0, 2, 1, 5, 4, 3]
        >>> shuffled(6, seed=0, epoch=1).tolist()
        [5, 3, 2, 4, 1, 0]
    """
    n = _checked("n", n)
    key = np.array([_checked("seed", seed), _checked("epoch", epoch)], dtype=np.uint64)
    words = np.random.Philox(key=key).random_raw(n)
    return np.argsort(words, kind="stable").astype(np.int64, copy=False)


def generator(seed: int = 0, epoch: int = 0, batch: int = 0) -> np.random.Generator:
    """The random generator of one batch, for augmentation: the same draws after any resume.

    Its stream is disjoint from the one `shuffled` reads and from that of every other batch
    (each batch owns 2**128 values of the counter).

    Example:
        >>> a, b = generator(1, 2, 3), generator(1, 2, 3)
        >>> bool(a.random() == b.random() != generator(1, 2, 4).random())
        True
    """
    key = np.array([_checked("seed", seed), _checked("epoch", epoch)], dtype=np.uint64)
    counter = np.array([0, 0, _checked("batch", batch), _AUGMENT], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))

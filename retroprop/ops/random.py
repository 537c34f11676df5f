"""Random bits as a pure function of a state, by counting: a draw never waits for an earlier one.

The state is uint32[6]: two words of key and a 128-bit counter, low word first. Block i of four
words is Philox4x32-10 of (counter + i).
Source: Salmon, Moraes, Dror, Shaw 2011, Parallel random numbers: as easy as 1, 2, 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop import dtypes, shapes
from retroprop.errors import ArgumentError, ShapeError
from retroprop.ops.define import INTEGER, primitive
from retroprop.ops.samples import bad, call, draw

__all__ = ["blocks_of", "philox", "random_bits", "random_skip"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_CHUNK = 1 << 13  # blocks computed at a time, so that the words stay in the cache
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counters: Array, key: tuple[int, int]) -> Array:
    """Philox4x32-10: one block of four random words for each counter.

    Args:
        counters: (4, blocks) uint64 holding 32-bit words, low word first; it is overwritten.
        key:      two 32-bit words.

    Returns:
        (4, blocks) uint64 holding 32-bit words.
    """
    c0, c1, c2, c3 = counters
    k0, k1 = key
    m0, m1 = (np.uint64(m) for m in _MULTIPLIERS)
    for _ in range(_ROUNDS):
        p0, p1 = c0 * m0, c2 * m1
        c0, c1 = (p1 >> _HALF) ^ c1 ^ np.uint64(k0), p1 & _LOW
        c2, c3 = (p0 >> _HALF) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3])


def blocks_of(shape: Sequence[int], bits: int) -> int:
    """How many blocks of four words `random_bits` takes from the counter.

    Example:
        >>> blocks_of((10,), bits=32), blocks_of((10,), bits=64)
        (3, 5)
    """
    words = shapes.size(tuple(shape)) * (1 if bits <= 32 else 2)
    return -(-words // 4)


def _bits_shape(state: Shape, *, shape: Sequence[int], bits: int) -> Shape:
    _need_state("random_bits", state)
    if not 1 <= bits <= 64:
        raise ArgumentError(f"random_bits: bits is {bits}, it must be from 1 to 64")
    if any(n < 0 for n in shape):
        raise ArgumentError(f"random_bits: {tuple(shape)} is not a shape")
    return tuple(shape)


def _need_state(op: str, state: Shape) -> Shape:
    if state != (6,):
        raise ShapeError(
            f"{op}: the state has shape {state}, it must be (6,): key and counter",
            fix="take it from a generator: rp.random.Generator(seed).state",
        )
    return state


_STATE = draw((6,), values=[1, 2, 3, 0, 0, 0], kind="integer")
_SHORT = draw((4,), values=[1, 2, 3, 4], kind="integer")


@primitive(
    form="opaque",
    shape=_bits_shape,
    result=lambda state, *, shape, bits: dtypes.uint32 if bits <= 32 else dtypes.uint64,
    accepts=INTEGER,
    samples=[
        call(_STATE, shape=(5,), bits=32),
        call(_STATE, shape=(2, 3), bits=24),
        call(_STATE, shape=(2, 1), bits=64),
        call(_STATE, shape=(3,), bits=53),
        call(_STATE, shape=(), bits=1),
        call(_STATE, shape=(0, 2), bits=32),
    ],
    errors=[
        bad(_SHORT, shape=(2,), match=r"the state has shape \(4,\), it must be \(6,\)"),
        bad(_STATE, shape=(2,), bits=65, match="bits is 65, it must be from 1 to 64"),
        bad(_STATE, shape=(-1,), match=r"\(-1,\) is not a shape"),
    ],
)
def random_bits(state: Array, /, *, shape: Sequence[int], bits: int = 32) -> Array:
    """Uniform integers in [0, 2**bits), a pure function of the state.

    Args:
        state: (6,) uint32: key and counter. `random_skip` moves it past a draw.
        shape: of the result.
        bits:  from 1 to 64; an element takes one word of 32 bits up to 32, two words above.

    Returns:
        shape, uint32 up to 32 bits, uint64 above.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> state = rp.random.Generator(0).state
        >>> ops.random_bits(state, shape=(2,), bits=8).shape
        (2,)
    """
    count = shapes.size(tuple(shape))
    words = np.empty((blocks_of(shape, bits), 4), np.uint32)
    key = (int(state[0]), int(state[1]))
    start = _counter(state)
    for first in range(0, len(words), _CHUNK):
        part = words[first : first + _CHUNK]
        part[...] = philox(_counters(start + first, len(part)), key).T
    flat = words.reshape(-1)
    if bits <= 32:
        return (flat[:count] >> np.uint32(32 - bits)).reshape(shape)
    pairs = flat[: 2 * count].astype(np.uint64).reshape(count, 2)
    return ((pairs[:, 0] << _HALF | pairs[:, 1]) >> np.uint64(64 - bits)).reshape(shape)


def _counter(state: Array) -> int:
    """The 128-bit counter as a number."""
    return sum(int(word) << 32 * i for i, word in enumerate(state[2:]))


def _counters(start: int, count: int) -> Array:
    """The words of `count` counters from `start` on, (4, count) uint64."""
    words = np.empty((4, count), np.uint64)
    steps = np.arange(count, dtype=np.uint64)
    for i in range(4):
        steps += np.uint64(start >> 32 * i & 0xFFFFFFFF)
        words[i] = steps & _LOW
        steps >>= _HALF
    return words


@primitive(
    form="opaque",
    shape=lambda state, *, blocks: _need_state("random_skip", state),
    result=dtypes.uint32,
    accepts=INTEGER,
    samples=[call(_STATE, blocks=3), call(_STATE, blocks=0), call(_STATE, blocks=1 << 40)],
    errors=[bad(_SHORT, blocks=1, match=r"the state has shape \(4,\), it must be \(6,\)")],
)
def random_skip(state: Array, /, *, blocks: int) -> Array:
    """The state with its counter moved on by a number of blocks of four words.

    Args:
        state:  (6,) uint32: key and counter.
        blocks: what a draw took: `blocks_of(shape, bits)`.

    Returns:
        (6,) uint32.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> ops.random_skip(rp.random.Generator(0).state, blocks=2)[2].item()
        2
    """
    moved = (_counter(state) + blocks) % (1 << 128)
    words = [moved >> 32 * i & 0xFFFFFFFF for i in range(4)]
    return np.array([int(state[0]), int(state[1]), *words], np.uint32)

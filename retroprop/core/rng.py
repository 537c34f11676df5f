"""Generators: random state in a cell, so that a draw is recorded and resumed like any other value.

A draw reads the state and assigns the state after it; both are ops. Nothing else remembers what was
drawn, so saving the six words of the state resumes the same sequence.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, ShapeError
from retroprop.ops.movement import concatenate, take_slice
from retroprop.ops.random import blocks_of, random_bits, random_skip

__all__ = ["Generator", "default_generator", "manual_seed"]

Array = np.ndarray[Any, Any]

_DERIVED = 0xFFFFFFFF  # top counter word of `fold_in`, which no sequence of draws ever reaches


class Generator:
    """A sequence of random numbers that its seed determines on every machine (Philox4x32-10).

    Attributes:
        seed:  the number it was made from; None for one made by `split` or `fold_in`.
        state: uint32 Tensor of six words, key and counter; assigned by each draw.

    Example:
        >>> import retroprop as rp
        >>> a, b = rp.random.Generator(7), rp.random.Generator(7)
        >>> bool(rp.all(rp.random.normal((3,), generator=a) == rp.random.normal((3,), generator=b)))
        True
    """

    __slots__ = ("seed", "state")

    def __init__(self, seed: int = 0) -> None:
        self.seed: int | None = None
        self.state = Tensor(np.zeros(6, np.uint32))
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> Generator:
        """Start again from a seed, a whole number from 0 to 2**64 - 1; returns itself."""
        if not hasattr(seed, "__index__") or not 0 <= seed.__index__() < 1 << 64:
            raise ArgumentError(f"seed is {seed!r}, it must be a whole number from 0 to 2**64 - 1")
        self.seed = seed.__index__()
        key = [self.seed & 0xFFFFFFFF, self.seed >> 32]
        self.state.assign(Tensor(np.array([*key, 0, 0, 0, 0], np.uint32)))
        return self

    def bits(self, shape: tuple[int, ...], bits: int = 32) -> Tensor:
        """Uniform integers in [0, 2**bits), from 1 to 64 bits; the state moves past them.

        Returns:
            shape, uint32 up to 32 bits, uint64 above.
        """
        drawn: Tensor = random_bits(self.state, shape=shape, bits=bits)
        self.state.assign(random_skip(self.state, blocks=blocks_of(shape, bits)))
        return drawn

    def get_state(self) -> Array:
        """A copy of the six words of the state, to be saved."""
        return self.state.numpy().copy()

    def set_state(self, state: Any) -> Generator:
        """Go on from a state that `get_state` gave; returns itself."""
        words = np.asarray(state)
        if words.shape != (6,):
            raise ShapeError(f"set_state: the state has shape {words.shape}, it must be (6,)")
        if words.dtype.kind not in "iu" or (words < 0).any() or (words > 0xFFFFFFFF).any():
            raise DTypeError("set_state: the state must be six whole numbers below 2**32")
        self.state.assign(Tensor(words.astype(np.uint32)))
        return self

    def split(self, count: int) -> list[Generator]:
        """Independent generators, made from the next draw of this one.

        Example:
            >>> import retroprop as rp
            >>> left, right = rp.random.Generator(0).split(2)
            >>> rp.random.uniform((), generator=left).item() == rp.random.uniform(
            ...     (), generator=right
            ... ).item()
            False
        """
        if count < 0:
            raise ArgumentError(f"split: {count} generators cannot be made")
        keys = self.bits((count, 2))
        return [_from_key(take_slice(keys, key=(i,))) for i in range(count)]

    def fold_in(self, number: int) -> Generator:
        """The generator that belongs to this one's seed and a number, whatever was drawn before.

        So `Generator(seed).fold_in(epoch)` shuffles an epoch in the same way after a restart.
        """
        if not 0 <= number < 1 << 64:
            raise ArgumentError(f"fold_in: {number} is not from 0 to 2**64 - 1")
        counter = [number & 0xFFFFFFFF, number >> 32, 0, _DERIVED]
        key = take_slice(self.state, key=(slice(0, 2),))
        state = concatenate(key, Tensor(np.array(counter, np.uint32)), axis=0)
        return _from_key(random_bits(state, shape=(2,)))

    def __repr__(self) -> str:
        words = self.state.tolist()
        drawn = sum(word << 32 * i for i, word in enumerate(words[2:]))
        origin = f"key={words[:2]}" if self.seed is None else str(self.seed)
        return f"Generator({origin}, {drawn} blocks drawn)"


def _from_key(key: Tensor) -> Generator:
    made = Generator()
    made.seed = None
    made.state.assign(concatenate(key, Tensor(np.zeros(4, np.uint32)), axis=0))
    return made


_default = Generator(0)


def default_generator() -> Generator:
    """The generator that draws use when none is given; it starts from seed 0.

    Example:
        >>> default_generator() is default_generator()
        True
    """
    return _default


def manual_seed(seed: int) -> Generator:
    """Start the default generator again from a seed; returns it.

    Example:
        >>> import retroprop as rp
        >>> first = rp.manual_seed(3) and rp.random.uniform((2,)).tolist()
        >>> rp.manual_seed(3) and rp.random.uniform((2,)).tolist() == first
        True
    """
    return _default.manual_seed(seed)

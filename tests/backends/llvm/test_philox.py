"""Random bits: those of the reference, for every shape, width and counter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.backends.llvm import target
from retroprop.ops.random import random_bits, random_skip
from tests.backends.llvm.running import Native, native

TARGETS = [name for name in ("sse", "avx2", "avx512") if not target.why_not(target.named(name))]
FULL = 2**32 - 1
STATES = [
    [1, 2, 0, 0, 0, 0],
    [FULL, FULL, FULL - 5, 0, 0, 0],  # carries into the second word
    [7, 0, FULL - 2, FULL, 0, 5],  # into the third
    [7, 0, FULL - 2, FULL, FULL, 5],  # into the fourth
    [0, 9, FULL - 2, FULL, FULL, FULL],  # and round
]


def state(words: list[int]) -> Any:
    return np.array(words, np.uint32)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("bits", [1, 24, 31, 32, 33, 53, 64])
def test_every_width(bits: int, name: str) -> None:
    expected = random_bits.reference(state(STATES[1]), shape=(11, 13), bits=bits)
    made = native(
        "random_bits", state(STATES[1]), shape=(11, 13), bits=bits, target=target.named(name)
    )
    np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 9, 16, 31, 33, 64, 129])
def test_every_count(count: int, bits: int) -> None:
    """Blocks that are not used up, vectors that are not full."""
    expected = random_bits.reference(state(STATES[0]), shape=(count,), bits=bits)
    made = native("random_bits", state(STATES[0]), shape=(count,), bits=bits)
    np.testing.assert_array_equal(made, expected)


def test_a_lone_number() -> None:
    expected = random_bits.reference(state(STATES[0]), shape=(), bits=32)
    assert native("random_bits", state(STATES[0]), shape=(), bits=32) == expected


@pytest.mark.parametrize("words", STATES)
def test_counters_carry(words: list[int]) -> None:
    expected = random_bits.reference(state(words), shape=(200,), bits=32)
    np.testing.assert_array_equal(
        native("random_bits", state(words), shape=(200,), bits=32), expected
    )


def test_a_state_may_have_strides() -> None:
    wide = np.repeat(state(STATES[2]), 2)[::2]
    expected = random_bits.reference(wide, shape=(9,), bits=32)
    np.testing.assert_array_equal(native("random_bits", wide, shape=(9,), bits=32), expected)


@pytest.mark.parametrize("words", STATES)
@pytest.mark.parametrize("blocks", [0, 1, 6, 2**40, 2**130 + 3])
def test_a_skip_moves_the_counter(words: list[int], blocks: int) -> None:
    expected = random_skip.reference(state(words), blocks=blocks)
    np.testing.assert_array_equal(native("random_skip", state(words), blocks=blocks), expected)


def test_a_draw_after_a_skip_goes_on_where_the_first_one_ended() -> None:
    both = native("random_bits", state(STATES[2]), shape=(48,), bits=32)
    after = native("random_skip", state(STATES[2]), blocks=6)
    np.testing.assert_array_equal(native("random_bits", after, shape=(24,), bits=32), both[24:])


def test_many_are_right_too() -> None:
    run = Native("random_bits", state(STATES[0]), shape=(100_003,), bits=32)
    expected = random_bits.reference(state(STATES[0]), shape=(100_003,), bits=32)
    np.testing.assert_array_equal(run(pieces=7, seed=1), expected)

"""Philox against its published test vectors, and how draws follow the counter."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop import ops
from retroprop.ops.random import blocks_of, philox

# kat_vectors of Random123 1.14, philox 4x32 with 10 rounds: counter, key, block
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "block"), KNOWN)
def test_known_answers(
    counter: tuple[int, ...], key: tuple[int, int], block: tuple[int, ...]
) -> None:
    words = philox(np.array(counter, np.uint64)[:, None], key)
    assert words[:, 0].tolist() == list(block)
    state = np.array([*key, *counter], np.uint32)
    assert ops.random_bits(state, shape=(4,)).tolist() == list(block)


def state_at(*counter: int) -> np.ndarray:
    return np.array([7, 8, *counter, *[0] * (4 - len(counter))], np.uint32)


def test_a_draw_in_two_parts_is_the_draw() -> None:
    whole = ops.random_bits(state_at(5), shape=(40_000,))
    later = ops.random_skip(state_at(5), blocks=blocks_of((36_000,), 32))
    assert later.tolist() == [7, 8, 5 + 9_000, 0, 0, 0]
    np.testing.assert_array_equal(whole[36_000:], ops.random_bits(later, shape=(4_000,)))


def test_the_counter_carries() -> None:
    full = state_at(0xFFFFFFFF, 0xFFFFFFFF)
    assert ops.random_skip(full, blocks=1).tolist() == [7, 8, 0, 0, 1, 0]
    over = ops.random_bits(full, shape=(8,))
    np.testing.assert_array_equal(over[4:], ops.random_bits(state_at(0, 0, 1), shape=(4,)))
    last = state_at(*[0xFFFFFFFF] * 4)
    assert ops.random_skip(last, blocks=1).tolist() == [7, 8, 0, 0, 0, 0]


def test_fewer_bits_are_the_leading_ones() -> None:
    words = ops.random_bits(state_at(), shape=(6,))
    assert words.dtype == np.uint32
    np.testing.assert_array_equal(ops.random_bits(state_at(), shape=(6,), bits=24), words >> 8)
    pairs = ops.random_bits(state_at(), shape=(3,), bits=64)
    assert pairs.dtype == np.uint64
    high, low = words[::2].astype(np.uint64), words[1::2].astype(np.uint64)
    np.testing.assert_array_equal(pairs, high << np.uint64(32) | low)
    np.testing.assert_array_equal(
        ops.random_bits(state_at(), shape=(3,), bits=53), pairs >> np.uint64(11)
    )


def test_shape_only_arranges() -> None:
    flat = ops.random_bits(state_at(), shape=(6,))
    np.testing.assert_array_equal(ops.random_bits(state_at(), shape=(2, 3)).reshape(-1), flat)
    assert ops.random_bits(state_at(), shape=()).shape == ()
    assert ops.random_bits(state_at(), shape=(0, 3)).shape == (0, 3)


def test_each_bit_is_balanced() -> None:
    words = ops.random_bits(state_at(), shape=(1 << 16,))
    ones = (words[:, None] >> np.arange(32, dtype=np.uint32) & 1).mean(0)
    assert np.abs(ones - 0.5).max() < 4.5 * 0.5 / 256  # deviations of a mean of 65536 bits

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.data.order import generator, shuffled
from retroprop.errors import ArgumentError


def philox_words(n: int, seed: int, epoch: int) -> list[int]:
    """Philox4x64-10 in plain integers, as published: counters 1, 2, ... give four words each."""
    mask, words = 2**64 - 1, []
    for block in range(1, n // 4 + 2):
        c, k = [block, 0, 0, 0], [seed, epoch]
        for _ in range(10):
            left, right = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
            c = [right >> 64 ^ c[1] ^ k[0], right & mask, left >> 64 ^ c[3] ^ k[1], left & mask]
            k = [k[0] + 0x9E3779B97F4A7C15 & mask, k[1] + 0xBB67AE8584CAA73B & mask]
        words += c
    return words[:n]


@pytest.mark.parametrize(
    ("n", "seed", "epoch"), [(1, 0, 0), (7, 0, 0), (50, 3, 9), (33, 2**64 - 1, 5)]
)
def test_the_order_is_that_of_the_published_generator(n: int, seed: int, epoch: int) -> None:
    words = philox_words(n, seed, epoch)
    assert shuffled(n, seed, epoch).tolist() == sorted(range(n), key=words.__getitem__)


def test_the_order_is_fixed_for_ever() -> None:
    assert shuffled(10, 0, 0).tolist() == sorted(range(10), key=philox_words(10, 0, 0).__getitem__)
    assert shuffled(6, seed=0, epoch=0).tolist() == [0, 2, 1, 5, 4, 3]


@given(st.integers(0, 300), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_permutation_for_every_key(n: int, seed: int, epoch: int) -> None:
    order = shuffled(n, seed, epoch)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))
    assert order.tolist() == shuffled(n, seed, epoch).tolist()


def test_seeds_and_epochs_give_different_orders() -> None:
    orders = {tuple(shuffled(20, seed, epoch)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_every_place_is_equally_likely() -> None:
    first = np.bincount([shuffled(5, 0, epoch)[0] for epoch in range(2000)], minlength=5)
    assert first.min() > 330
    assert first.max() < 470


@pytest.mark.parametrize(
    "arguments", [{"n": -1}, {"n": 1.5}, {"n": 3, "seed": -1}, {"n": 3, "epoch": 2**64},
                  {"n": 3, "seed": True}, {"n": 3, "seed": None}]
)  # fmt: skip
def test_arguments_outside_the_range(arguments: dict[str, object]) -> None:
    with pytest.raises(ArgumentError, match=r"n |seed|epoch"):
        shuffled(**arguments)  # type: ignore[arg-type]


def test_generators_repeat_and_differ() -> None:
    draws = {
        (seed, epoch, batch): generator(seed, epoch, batch).random()
        for seed in range(3) for epoch in range(3) for batch in range(3)
    }  # fmt: skip
    assert len(set(draws.values())) == 27
    assert generator(2, 1, 0).random() == draws[2, 1, 0]


def test_augmentation_and_order_do_not_share_a_stream() -> None:
    words = generator(5, 7, 0).bit_generator.random_raw(1000)
    assert not set(words.tolist()) & set(philox_words(1000, 5, 7))

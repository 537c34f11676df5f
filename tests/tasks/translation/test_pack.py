"""Rows of sub-words: nothing lost, nothing overlapping, little padding."""

from __future__ import annotations

import numpy as np

from retroprop.data.subwords import BOS, EOS, PAD
from retroprop.tasks.translation.pack import packed, padded


def drawn(count: int, most: int, seed: int = 0) -> list[tuple[list[int], list[int]]]:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, most, (count, 2))
    return [tuple(rng.integers(4, 50, size).tolist() for size in pair) for pair in sizes]


def unpacked(x, y):
    """The pairs that stand in rows."""
    found = []
    for row in range(len(y)):
        for text in range(1, x["source_text"][row].max() + 1):
            source = x["source"][row][x["source_text"][row] == text]
            target = x["target"][row][x["target_text"][row] == text]
            after = y[row][x["target_text"][row] == text]
            assert source[-1] == EOS
            assert target[0] == BOS
            assert after[-1] == EOS
            assert target[1:].tolist() == after[:-1].tolist()
            found.append((source[:-1].tolist(), after[:-1].tolist()))
    return found


def test_every_pair_stands_in_a_row_once() -> None:
    pairs = drawn(300, 20)
    x, y = packed(pairs, 40)
    assert sorted(unpacked(x, y)) == sorted(pairs)
    assert ((y == PAD) == (x["target_text"] == 0)).all()
    assert ((x["source"] == PAD) == (x["source_text"] == 0)).all()


def test_rows_are_well_filled() -> None:
    pairs = drawn(1000, 20)
    _, y = packed(pairs, 40)
    _, alone = packed(pairs, 40, alone=True)
    assert (y != PAD).mean() > 0.8
    assert len(y) < 0.4 * len(alone)


def test_places_count_from_the_beginning_of_each_text() -> None:
    x, _ = packed([([5, 6], [7]), ([8, 9, 10], [11])], 10)
    assert x["source_at"].tolist() == [[0, 1, 2, 0, 1, 2, 3, 0, 0, 0]]
    assert x["target_at"].tolist() == [[0, 1, 0, 1, 0, 0, 0, 0, 0, 0]]


def test_alone_keeps_the_order() -> None:
    pairs = drawn(20, 6)
    x, y = packed(pairs, 7, alone=True)
    assert unpacked(x, y) == pairs


def test_sources_are_padded_and_spare_rows_are_empty_sentences() -> None:
    assert padded([[5], [6, 7]], 4, 3).tolist() == [[5, 3, 0, 0], [6, 7, 3, 0], [3, 0, 0, 0]]

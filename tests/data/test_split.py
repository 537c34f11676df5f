from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retroprop.data.split import repeat_groups, split, train_test_split
from retroprop.errors import ArgumentError, ShapeError


@given(
    st.integers(20, 400),
    st.sampled_from([(0.8, 0.2), (0.7, 0.2, 0.1), (0.5, 0.5), (1.0,)]),
    st.integers(0, 2**64 - 1),
)
def test_parts_hold_every_index_once(n: int, fractions: tuple[float, ...], seed: int) -> None:
    parts = split(n, fractions, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) - n * fraction) <= 1
        assert (np.diff(part) > 0).all()


@given(st.lists(st.integers(0, 4), min_size=20, max_size=200), st.integers(0, 1000))
def test_classes_keep_their_shares(labels: list[int], seed: int) -> None:
    y = np.array(labels)
    train, test = split(len(y), (0.75, 0.25), seed, stratify=y)
    assert sorted([*train, *test]) == list(range(len(y)))
    for label in set(labels):
        size = int((y == label).sum())
        assert (y[train] == label).sum() >= 1
        assert abs((y[test] == label).sum() - size * 0.25) <= 1


@given(st.lists(st.integers(0, 30), min_size=60, max_size=150), st.integers(0, 1000))
def test_groups_stay_together(groups: list[int], seed: int) -> None:
    members = np.array(groups)
    assume(len(set(groups)) >= 3)
    parts = split(len(members), (0.6, 0.4), seed, groups=members)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(members)))
    assert not set(members[parts[0]]) & set(members[parts[1]])


def test_sizes_are_exact_however_many_classes() -> None:
    y = np.arange(1000) % 37
    train, test = split(1000, (0.8, 0.2), stratify=y)
    assert (len(train), len(test)) == (800, 200)


def test_a_class_of_one_is_in_the_first_part() -> None:
    for seed in range(20):
        train, _ = split(50, (0.5, 0.5), seed, stratify=[1] + [0] * 49)
        assert 0 in train


def test_seeds_repeat_and_differ() -> None:
    first = split(100, (0.8, 0.2), 1)[1].tolist()
    assert first == split(100, (0.8, 0.2), 1)[1].tolist()
    assert first != split(100, (0.8, 0.2), 2)[1].tolist()


@pytest.mark.parametrize("fractions", [(), (0.5, 0.6), (1.2, -0.2), (1.0, 0.0)])
def test_fractions_that_are_none(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ArgumentError, match="fractions must be > 0 and sum to 1"):
        split(10, fractions)


def test_too_few_examples() -> None:
    with pytest.raises(ArgumentError, match="cannot split 1 examples into 2 parts"):
        split(1, (0.8, 0.2))
    with pytest.raises(ArgumentError, match="cannot split 0 examples"):
        split(0, (0.8, 0.2))


def test_labels_of_another_length() -> None:
    with pytest.raises(ShapeError, match="stratify must have one entry for each of 3 examples"):
        split(3, (0.5, 0.5), stratify=[0, 1])
    with pytest.raises(ShapeError, match="groups must have one entry"):
        split(3, (0.5, 0.5), groups=[[0], [1], [2]])


def test_arrays_are_split_alike() -> None:
    x = {"left": np.arange(40), "right": np.arange(40) * 2}
    x_train, x_test, y_train, y_test = train_test_split(x, np.arange(40) * 3, test_fraction=0.25)
    assert len(y_train) == 30
    for part, y in ((x_train, y_train), (x_test, y_test)):
        assert (part["left"] * 3 == y).all()
        assert (part["right"] * 3 == y * 2).all()


def test_wrong_arguments_of_train_test_split() -> None:
    with pytest.raises(ShapeError, match="arrays differ in length: 3, 4"):
        train_test_split(np.zeros(3), np.zeros(4))
    with pytest.raises(ArgumentError, match="test_fraction must lie between 0 and 1"):
        train_test_split(np.zeros(3), test_fraction=1)
    with pytest.raises(ArgumentError, match="at least one array"):
        train_test_split()


def test_repeats_are_found_and_said() -> None:
    notes: list[str] = []
    x = np.arange(20).reshape(10, 2)
    x[7] = x[2]
    groups = repeat_groups(x, notes, "rows")
    assert groups[7] == groups[2]
    assert len(set(groups.tolist())) == 9
    assert notes == ["1 repeated rows are kept in the same part as the one they repeat"]


def test_data_that_repeat_by_nature_are_left_alone() -> None:
    notes: list[str] = []
    assert repeat_groups(np.zeros((10, 1)), notes) is None
    assert repeat_groups(np.arange(10), notes) is None
    assert notes == []

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.data.data import Data, Inputs, assemble
from retroprop.data.standardise import ArrayPreprocessor, ImagePreprocessor
from retroprop.data.target import Target
from retroprop.errors import ArgumentError, DataError

CLASSES = Target("y", "classification", "numeric", ["0", "1"])
NUMBERS = Target("y", "regression")


def arrays_of(n: int) -> tuple[Any, Any, Any]:
    return np.arange(n * 2.0).reshape(n, 2), np.arange(n) % 2, np.arange(n)


def test_parts_are_disjoint_and_whole() -> None:
    data = assemble("arrays", CLASSES, *arrays_of(50), test_fraction=0.3, seed=4)
    assert sorted([*data.ids_train, *data.ids_test]) == list(range(50))
    assert (len(data.y_train), len(data.y_test)) == (35, 15)
    for x, y, ids in (
        (data.x_train, data.y_train, data.ids_train), (data.x_test, data.y_test, data.ids_test)
    ):  # fmt: skip
        assert (x[:, 0] == ids * 2).all()
        assert (y == ids % 2).all()
    assert len(data.notes) == 1
    assert data.notes[0].startswith("35 examples to train, 15 to test, split at random, keeping")
    assert repr(data) == "Data(arrays, classification of 'y': 35 to train, 15 to test)"


def test_a_limit_draws_examples_of_every_class() -> None:
    y = np.array([0] * 90 + [1] * 10)
    data = assemble("arrays", CLASSES, np.arange(100.0)[:, None], y, np.arange(100), limit=50)
    assert len(data.y_train) + len(data.y_test) == 50
    assert sum(data.y_train) + sum(data.y_test) == 5
    assert data.notes[0] == "50 of 100 examples drawn at random (limit)"
    same = assemble("arrays", CLASSES, *arrays_of(9), limit=100)
    assert len(same.y_train) + len(same.y_test) == 9


@pytest.mark.parametrize("limit", [0, 1, -3, 2.5, True, "9"])
def test_wrong_limits(limit: Any) -> None:
    with pytest.raises(ArgumentError, match="limit must be an integer >= 2"):
        assemble("arrays", NUMBERS, *arrays_of(9), limit=limit)


def test_too_little_data() -> None:
    with pytest.raises(DataError, match=r"a\.csv: cannot split 2 examples into 2 parts"):
        assemble("arrays", NUMBERS, *arrays_of(2), source="a.csv")
    with pytest.raises(ArgumentError, match="test_fraction must lie between 0 and 1"):
        assemble("arrays", NUMBERS, *arrays_of(9), test_fraction=0)
    with pytest.raises(ArgumentError, match="seed must be in 0"):
        assemble("arrays", NUMBERS, *arrays_of(9), seed=-1)


def test_small_and_unbalanced_classes_are_said() -> None:
    y = np.array([0] * 60 + [1])
    data = assemble("arrays", CLASSES, np.arange(61.0)[:, None], y, np.arange(61))
    assert "too few examples to be in the test part: 1" in data.notes
    assert "classes are out of balance: 48 examples of 0, 1 of 1" in data.notes


def test_hold_out_takes_from_the_training_part() -> None:
    data = assemble("arrays", CLASSES, *arrays_of(100))
    x, y, x_val, y_val = data.hold_out(0.25, seed=1)
    assert (len(y), len(y_val)) == (60, 20)
    assert sorted([*x[:, 0], *x_val[:, 0]]) == sorted(data.x_train[:, 0])
    assert (x[:, 0] / 2 % 2 == y).all()
    assert y_val.sum() == 10
    with pytest.raises(ArgumentError, match="fraction must lie between 0 and 1"):
        data.hold_out(1.5)


def test_repeats_stay_together_in_hold_out_too() -> None:
    n = 100
    groups = np.arange(n)
    groups[50:60] = groups[:10]
    x = groups[:, None].astype(float)
    data = assemble("arrays", NUMBERS, x, np.arange(n) * 1.5, np.arange(n), groups=groups)
    assert not set(data.x_train[:, 0]) & set(data.x_test[:, 0])
    x_train, _, x_val, _ = data.hold_out(0.3)
    assert not set(x_train[:, 0]) & set(x_val[:, 0])


def test_a_validation_part_of_the_source_is_used() -> None:
    x, y, ids = arrays_of(10)
    data = Data("arrays", CLASSES, (x, y, ids), (x, y, ids), validation=(x[:3], y[:3]))
    assert data.hold_out(0.5)[3] is data.y_val
    assert len(data.y_val) == 3


def test_preprocessors_by_kind() -> None:
    part = arrays_of(4)
    for kind, cls in (("arrays", ArrayPreprocessor), ("images", ImagePreprocessor)):
        pre = Data(kind, CLASSES, part, part).preprocessor()
        assert type(pre) is cls
        assert pre.target is CLASSES


def test_inputs() -> None:
    inputs = Inputs(np.zeros((3, 2)), None, np.arange(3))
    assert (len(inputs), repr(inputs)) == (3, "Inputs(3 examples, no targets)")

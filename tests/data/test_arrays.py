from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.data.arrays import arrays_data, holds_pair, inputs_from_arrays
from retroprop.errors import ArgumentError, DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
IMAGES = RNG.integers(0, 256, (40, 6, 5), dtype=np.uint8)
Y = np.arange(40) % 4


@pytest.mark.parametrize(
    "names",
    ["x y", "X Y", "images labels", "data target", "features targets", "inputs outputs"],
)
def test_one_pair_is_split(names: str) -> None:
    x, y = names.split()
    data = arrays_data({x: X, y: Y})
    assert (data.kind, data.task, data.class_names) == ("arrays", "classification", list("0123"))
    assert (len(data.y_train), len(data.y_test)) == (32, 8)
    assert (data.x_train == X[data.ids_train]).all()
    assert (data.y_test == Y[data.ids_test]).all()


@pytest.mark.parametrize(
    "names",
    ["x_train y_train x_test y_test", "X_train y_train X_test y_test",
     "train_images train_labels test_images test_labels",
     "x_training y_training x_testing y_testing"],
)  # fmt: skip
def test_a_test_part_is_kept(names: str) -> None:
    arrays = dict(zip(names.split(), (IMAGES[:30], Y[:30], IMAGES[30:], Y[30:]), strict=True))
    data = arrays_data(arrays)
    assert data.kind == "images"
    assert (data.x_test == IMAGES[30:]).all()
    assert data.y_test.tolist() == Y[30:].tolist()
    assert data.x_val is None
    assert data.target.name in ("y", "labels")
    limited = arrays_data(arrays, limit=8)
    assert (len(limited.y_train), len(limited.y_test)) == (8, 8)
    assert (limited.x_train == IMAGES[limited.ids_train]).all()


def test_a_validation_part_is_kept() -> None:
    arrays = {"x": X, "y": Y, "x_val": X[:5], "y_val": Y[:5]}
    assert arrays_data(arrays).y_val.tolist() == [0, 1, 2, 3, 0]
    arrays = {
        "x_train": X,
        "y_train": Y,
        "x_test": X,
        "y_test": Y,
        "x_valid": X[:3],
        "y_valid": Y[:3],
    }
    assert len(arrays_data(arrays).hold_out()[3]) == 3


def test_the_target_can_be_named() -> None:
    data = arrays_data({"images": IMAGES, "subject": Y, "shot": Y}, target="subject")
    assert data.target.name == "subject"
    with pytest.raises(DataError, match=r"no target array \"subjct\", did you mean 'subject'"):
        arrays_data({"images": IMAGES, "subject": Y}, target="subjct")


def test_many_classes_of_pictures() -> None:
    y = np.arange(40) // 2 + np.arange(40) // 2 * 3
    data = arrays_data({"images": IMAGES, "labels": y})
    assert (data.task, len(data.class_names)) == ("classification", 20)


@pytest.mark.parametrize(
    ("y", "task", "encoded"),
    [
        (np.array(["b", "a"] * 20), "classification", [1, 0]),
        (np.array([b"b", b"a"] * 20), "classification", [1, 0]),
        (np.array([True, False] * 20), "classification", [1, 0]),
        (np.array([7, 5] * 20, dtype=np.uint8), "classification", [1, 0]),
        (np.array([[7], [5]] * 20), "classification", [1, 0]),
        (np.eye(2)[[1, 0] * 20], "classification", [1, 0]),
        (np.arange(40) * 0.5, "regression", [0.0, 0.5]),
        (np.arange(80.0).reshape(40, 2), "regression", [[0, 1], [2, 3]]),
    ],
)
def test_targets(y: Any, task: str, encoded: list[Any]) -> None:
    data = arrays_data({"x": X, "y": y})
    assert data.task == task
    whole = np.concatenate([data.y_train, data.y_test])[
        np.argsort([*data.ids_train, *data.ids_test])
    ]
    assert whole[:2].tolist() == encoded


def test_class_names() -> None:
    data = arrays_data({"x": X, "y": Y, "class_names": np.array(["a", "b", "c", "d", "none here"])})
    assert data.class_names == ["a", "b", "c", "d", "none here"]
    assert sorted(set(data.y_train)) == [0, 1, 2, 3]
    with pytest.raises(DataError, match='column "class_names": has 3 names, labels go from 0 to 3'):
        arrays_data({"x": X, "y": Y, "class_names": np.array(["a", "b", "c"])})
    with pytest.raises(DataError, match="must be one text per class"):
        arrays_data({"x": X, "y": Y, "class_names": np.arange(4)})


def test_channels_first_are_moved_last() -> None:
    data = arrays_data({"x": np.zeros((40, 3, 6, 5)), "y": Y})
    assert data.x_train.shape[1:] == (6, 5, 3)
    assert any("channels come first" in note for note in data.notes)


def test_the_kind_can_be_given() -> None:
    assert arrays_data({"x": IMAGES, "y": Y}, kind="arrays").kind == "arrays"
    with pytest.raises(DataError, match="images need 3 or 4 dimensions"):
        arrays_data({"x": X, "y": Y}, kind="images")
    with pytest.raises(ArgumentError, match="unknown kind of data 'image'"):
        arrays_data({"x": X, "y": Y}, kind="image")


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({}, "no pair of inputs and targets; there is nothing"),
        ({"a": X, "b": Y}, r"there is a \(40, 3\), b \(40,\)"),
        ({"x": X}, "no pair of inputs and targets"),
        ({"x": X, "y": Y[:9]}, 'f.npz, column "y": has 9 entries for 40 inputs'),
        ({"x": X[:0], "y": Y[:0]}, 'column "x": there is nothing in it'),
        ({"x": np.array(["a"] * 40), "y": Y}, "inputs must be numbers"),
        (
            {"x": np.where(X[3, 1] == X, np.nan, X), "y": Y},
            r"\[3, 1\] is nan: inputs must be finite",
        ),
        ({"x": X, "y": np.where(Y == 3, np.inf, Y)}, 'column "y": entry 3 is not finite'),
        ({"x": X, "y": Y.reshape(20, 2)}, "has 20 entries for 40"),
        ({"x": X, "y": np.zeros((40, 2, 2))}, "targets cannot be float64 of shape"),
        ({"x": X, "y": Y * 0}, "single class"),
        ({"x": X, "y": Y * 1j}, "targets cannot be complex128"),
        (
            {"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y},
            r"examples have shape \(2,\)",
        ),
        ({"x_train": X, "y_train": Y, "x_test": X, "y_test": Y + 1}, "class '4' was not there"),
    ],
)
def test_arrays_that_do_not_fit(arrays: dict[str, Any], match: str) -> None:
    with pytest.raises(DataError, match=match):
        arrays_data(arrays, source="f.npz")


def test_several_numbers_are_no_classes() -> None:
    with pytest.raises(DataError, match="rows of 2 numbers are no classes"):
        arrays_data({"x": X, "y": X[:, :2]}, task="classification")


def test_pairs_are_told_from_columns() -> None:
    assert holds_pair({"X_train": 0, "Y_train": 0})
    assert not holds_pair({"x": 0, "price": 0})
    assert holds_pair({"x": 0, "price": 0}, "price")


def test_new_arrays() -> None:
    data = arrays_data({"x": X, "y": Y})
    pre = data.preprocessor().fit(data.x_train)
    for arrays in ({"x": X}, {"anything": X}, {"x_test": X, "x_train": X[:2]}):
        inputs = inputs_from_arrays(arrays, pre)
        assert (len(inputs), inputs.y) == (40, None)
    inputs = inputs_from_arrays({"x_test": X[:9], "y_test": Y[:9], "x": X, "y": Y}, pre, True)
    assert inputs.y.tolist() == Y[:9].tolist()
    with pytest.raises(DataError, match="no pair of inputs and targets"):
        inputs_from_arrays({"x": X}, pre, with_target=True)
    with pytest.raises(DataError, match="no pair of inputs and targets"):
        inputs_from_arrays({"a": X, "b": X}, pre)
    with pytest.raises(DataError, match="class '6' was not there in training"):
        inputs_from_arrays({"x": X, "y": Y + 6}, pre, with_target=True)


def test_a_named_target_is_found_again() -> None:
    data = arrays_data({"images": IMAGES, "subject": Y}, target="subject")
    pre = data.preprocessor().fit(data.x_train)
    inputs = inputs_from_arrays({"images": IMAGES, "subject": Y}, pre, with_target=True)
    assert inputs.y.tolist() == Y.tolist()

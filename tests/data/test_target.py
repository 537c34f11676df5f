from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from retroprop.data.csv import parse_csv
from retroprop.data.table import RawTable, raw_table
from retroprop.data.target import Target, decide_target, decide_task
from retroprop.errors import ArgumentError, DataError


def column(cells: list[str]) -> RawTable:
    body = "".join(f"{cell},{i}\n" for i, cell in enumerate(cells))
    return parse_csv("y,x\n" + body, "f.csv", header=True, delimiter=",")


@pytest.mark.parametrize(
    ("cells", "task", "classes"),
    [
        (["a", "b"] * 5, "classification", ["a", "b"]),
        (["Yes", "No"] * 5, "classification", ["No", "Yes"]),
        (["0", "1"] * 2, "classification", ["0", "1"]),
        (["1.0", "0", "2"] * 5, "classification", ["0", "1", "2"]),
        (["10", "9", "2"] * 5, "classification", ["2", "9", "10"]),
        (["0.5", "1.5"] * 9, "regression", []),
        ([str(i) for i in range(30)], "regression", []),
        ([str(i % 21) for i in range(300)], "regression", []),
        ([str(i % 20) for i in range(300)], "classification", [str(i) for i in range(20)]),
        (["None", "Mild", "-"] * 9, "classification", ["-", "Mild", "None"]),
    ],
)
def test_the_task_is_decided(cells: list[str], task: str, classes: list[str]) -> None:
    target, notes = decide_target(column(cells), "y")
    assert (target.task, target.classes) == (task, classes)
    assert notes[0].startswith(f'task: {task} (because "y" has ')


def test_the_task_can_be_given() -> None:
    target, notes = decide_target(column([str(i % 9) for i in range(90)]), "y", "regression")
    assert target.task == "regression"
    assert notes == ["task: regression (as asked)"]
    target, _ = decide_target(column([str(i % 30) for i in range(90)]), "y", "classification")
    assert len(target.classes) == 30
    with pytest.raises(
        ArgumentError, match="unknown task 'classify'; did you mean 'classification'"
    ):
        decide_target(column(["1", "2"]), "y", "classify")


@pytest.mark.parametrize(
    ("cells", "task", "match"),
    [
        (["a"] * 5, None, 'f.csv, column "y": the target has a single class'),
        (["1"] * 5, "classification", "a single class"),
        (["1.5"] * 5, "regression", "the target is 1.5 in every row"),
        (["", "NA"] * 5, None, "the target has no values"),
        (["a", "b"] * 5, "regression", "regression needs numbers, the target holds 'a'"),
        (["yes", "no"] * 5, "regression", "regression needs numbers"),
        ([f"word {i}" for i in range(60)], None, "60 distinct texts .* too many for classes"),
        ([str(i) for i in range(60)], "classification", "60 distinct numbers .* too many"),
        (["2020-01-01", "2020-01-02"] * 5, None, "holds dates, which cannot be predicted"),
        ([*(str(i * 1.5) for i in range(40)), "abc"], None, "row 42, column \"y\": 'abc' is not"),
        ([*(str(i * 1.5) for i in range(40)), "1e999"], None, "too large a number"),
    ],
)
def test_targets_that_cannot_be(cells: list[str], task: str | None, match: str) -> None:
    with pytest.raises(DataError, match=match):
        decide_target(column(cells), "y", task)


def test_classes_are_numbered_and_gaps_marked() -> None:
    raw = column(["b", "a", "", "b", "NA", "a"])
    target, _ = decide_target(raw, "y")
    assert target.encode(raw).tolist() == [1, 0, -1, 1, -1, 0]
    raw = column(["2", "1", "", "2.0"])
    target, _ = decide_target(raw, "y")
    assert target.encode(raw).tolist() == [1, 0, -1, 1]


def test_a_class_that_training_did_not_have() -> None:
    target, _ = decide_target(column(["a", "b"] * 5), "y")
    with pytest.raises(
        DataError, match=r"row 3, column \"y\": class 'c' was not there in training"
    ):
        target.encode(column(["a", "c"]))


def test_frames_and_files_agree() -> None:
    target, _ = decide_target(column(["0", "1"] * 5), "y")
    for values in ([1, 0], [1.0, 0.0], [True, False], ["1", "0"]):
        assert target.encode(raw_table({"y": values})).tolist() == [1, 0]
    target, _ = decide_target(raw_table({"y": [True, False, True]}), "y")
    assert (target.kind, target.classes) == ("boolean", ["false", "true"])
    assert target.encode(raw_table({"y": [False, True]})).tolist() == [0, 1]


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 3)),
                  elements=st.floats(-1e300, 1e300))
)  # fmt: skip
def test_regression_scales_there_and_back(y: np.ndarray) -> None:
    target = Target("y", "regression").fit(y)
    scaled = target.transform(y)
    assert scaled.dtype == np.float32
    assert scaled.shape == y.shape
    assert np.isfinite(scaled).all()
    assert np.abs(scaled).max() <= np.sqrt(len(y)) * 1.01
    scale = np.array(target.scale_)
    np.testing.assert_allclose(target.inverse(scaled) / scale, y / scale, rtol=1e-5, atol=1e-4)


def test_scale_is_learned_first() -> None:
    with pytest.raises(DataError, match="scale is not known yet"):
        Target("y", "regression").transform(np.zeros(3))


def test_classes_map_to_names() -> None:
    target = Target("y", "classification", "numeric", ["0", "1"], ["cat", "dog"])
    assert target.inverse(np.array([1, 0])).tolist() == ["dog", "cat"]
    assert target.transform([1, 0]).dtype == np.int64


def test_a_target_survives_json() -> None:
    target = Target("y", "regression").fit(np.array([0.1, 0.2, 0.4]))
    again = Target.from_dict(json.loads(json.dumps(target.to_dict())))
    assert vars(again) == vars(target)


def test_decide_task_on_nothing_special() -> None:
    assert decide_task(np.array([1, 2])) == "classification"
    assert decide_task(np.array([1, 2, 3, 4])) == "regression"
    assert decide_task(np.array([1.0, 2.0, 2.5])) == "regression"

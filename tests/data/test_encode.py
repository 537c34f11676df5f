from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from retroprop.data.encode import (
    CLIP,
    CategoryEncoder,
    DateEncoder,
    NumberEncoder,
    encoders,
    restored,
)
from retroprop.errors import DataError

NAN = np.nan


def categories(*values: str | None) -> Any:
    return np.array([*values, None], dtype=object)[:-1]


def test_numbers_are_standardised_by_the_training_part() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])
    encoder = NumberEncoder("a").fit(values)
    np.testing.assert_allclose(encoder.transform(values)[:, 0], (values - 2.5) / values.std())
    assert encoder.names == ["a"]


def test_missing_numbers_become_the_median_and_are_marked() -> None:
    encoder = NumberEncoder("a").fit(np.array([1.0, 2.0, 9.0, NAN]))
    assert encoder.names == ["a", "a missing"]
    outputs = encoder.transform(np.array([NAN, 2.0]))
    assert outputs[0, 0] == outputs[1, 0]
    assert outputs[:, 1].tolist() == [1.0, 0.0]
    whole = NumberEncoder("a").fit(np.array([1.0, 2.0, 9.0]))
    assert whole.transform(np.array([NAN])).shape == (1, 1)


def test_skewed_columns_are_log_scaled() -> None:
    incomes = np.exp(np.random.default_rng(0).normal(10, 1.5, 2000))
    encoder = NumberEncoder("a").fit(incomes)
    assert encoder.log_
    outputs = encoder.transform(incomes)[:, 0]
    expected = np.log1p(incomes)
    np.testing.assert_allclose(outputs, (expected - expected.mean()) / expected.std())
    below = encoder.transform(np.array([-1.0, 0.0]))[:, 0]
    assert np.isfinite(below).all()
    assert below[0] <= below[1]
    assert not NumberEncoder("a").fit(-incomes).log_
    assert not NumberEncoder("a").fit(np.arange(100.0)).log_


def test_a_column_of_one_value() -> None:
    assert NumberEncoder("a").fit(np.full(5, 7.1)).names == []
    assert NumberEncoder("a").fit(np.array([7.1, NAN])).names == ["a missing"]
    assert NumberEncoder("a").fit(np.array([NAN, NAN])).names == ["a missing"]
    assert NumberEncoder("a").fit(np.full(5, 0.1)).transform(np.zeros(3)).shape == (3, 0)


def test_segments_rise_one_after_the_other() -> None:
    values = np.arange(101.0)
    encoder = NumberEncoder("a", segments=4).fit(values)
    assert encoder.edges_ == [0, 25, 50, 75, 100]
    outputs = encoder.transform(np.array([-10.0, 12.5, 50.0, 200.0]))[:, 1:]
    assert outputs.tolist() == [
        [-0.5, -0.5, -0.5, -0.5], [0, -0.5, -0.5, -0.5], [0.5, 0.5, -0.5, -0.5], [0.5] * 4
    ]  # fmt: skip
    assert NumberEncoder("a", segments=16).fit(values % 2).edges_ == []


def test_segments_are_for_large_narrow_tables() -> None:
    kinds = {"a": "numeric", "b": "boolean", "c": "categorical", "d": "date"}
    assert [vars(one).get("segments") for one in encoders(kinds, 999)] == [0, 0, None, None]
    assert [vars(one).get("segments") for one in encoders(kinds, 1000)] == [16, 0, None, None]
    wide = {f"a{i}": "numeric" for i in range(33)}
    assert {vars(one)["segments"] for one in encoders(wide, 5000)} == {0}


@given(
    arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e300, 1e300) | st.just(NAN)),
    arrays.arrays(np.float64, st.integers(1, 10), elements=st.floats(-1e308, 1e308) | st.just(NAN)),
    st.sampled_from([0, 4]),
)
def test_any_numbers_give_finite_inputs(train: Any, new: Any, segments: int) -> None:
    encoder = NumberEncoder("a", segments).fit(train)
    for values in (train, new):
        outputs = encoder.transform(values)
        assert outputs.shape == (len(values), len(encoder.names))
        assert np.isfinite(outputs).all()
        assert (np.abs(outputs) <= CLIP).all()


def test_categories_are_one_hot() -> None:
    encoder = CategoryEncoder("c").fit(categories("a", "b", "b", "a", "b", "z", None))
    assert encoder.names == ["c=b", "c=a", "c=other", "c missing"]
    outputs = encoder.transform(categories("a", "new", "z", None))
    assert outputs.tolist() == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_what_training_never_saw_gives_zeros() -> None:
    encoder = CategoryEncoder("c").fit(categories("a", "b", "a", "b"))
    assert encoder.names == ["c=a", "c=b"]
    assert encoder.transform(categories("new", None)).tolist() == [[0, 0], [0, 0]]


def test_many_categories_are_limited_to_the_frequent() -> None:
    values = [str(i % 300) for i in range(2000)] + ["often"] * 500
    encoder = CategoryEncoder("c").fit(categories(*values))
    assert len(encoder.names) == 101
    assert encoder.categories_[0] == "often"
    assert encoder.other_


def test_dates() -> None:
    days = np.arange(800.0) * 86400
    encoder = DateEncoder("d").fit(np.append(days, NAN))
    assert encoder.names[0] == "d elapsed"
    assert encoder.cycles_ == ["year", "month", "week"]
    assert encoder.names[-1] == "d missing"
    outputs = encoder.transform(np.append(days, NAN))
    assert np.abs(outputs[:-1, 0].mean()) < 1e-9
    np.testing.assert_allclose(outputs[:-1, 1] ** 2 + outputs[:-1, 2] ** 2, 1)
    assert outputs[-1].tolist() == [0.0] * 7 + [1.0]
    hours = DateEncoder("d").fit(np.arange(0, 1e6, 3600))
    assert "day" in hours.cycles_


def test_dates_that_are_all_the_same() -> None:
    assert DateEncoder("d").fit(np.zeros(4)).names == []
    assert DateEncoder("d").fit(np.full(2, NAN)).transform(np.zeros(2)).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize(
    "encoder",
    [
        NumberEncoder("a", 4).fit(np.array([0.1, 0.2, NAN, 1e300])),
        CategoryEncoder("c").fit(categories("a", "é", "a", "é", None)),
        DateEncoder("d").fit(np.array([1e8, 2e8 / 3])),
    ],
)
def test_encoders_survive_json(encoder: Any) -> None:
    record = json.loads(json.dumps(encoder.to_dict()))
    assert vars(restored(record)) == vars(encoder)


@pytest.mark.parametrize(
    "record",
    [
        {}, {"kind": "number"}, {"kind": "nothing", "name": "a"},
        {**NumberEncoder("a").to_dict(), "center_": "0"},
        {**NumberEncoder("a").to_dict(), "names": None},
        {**CategoryEncoder("a").to_dict(), "extra": 1},
    ],
)  # fmt: skip
def test_damaged_records(record: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="column encoder"):
        restored(record)

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from retroprop.data.csv import parse_csv
from retroprop.data.load import load
from retroprop.data.preprocess import Preprocessor, TablePreprocessor
from retroprop.data.schema import Column, Schema
from retroprop.data.table import Table
from retroprop.data.target import Target
from retroprop.errors import DataError


def rows(count: int = 60, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    size = rng.normal(50, 10, count)
    return {
        "size": np.where(rng.random(count) < 0.1, np.nan, size),
        "city": rng.choice(["Rome", "Oslo", "Lima"], count),
        "garden": rng.random(count) < 0.5,
        "built": np.datetime64("2000-01-01")
        + rng.integers(0, 7000, count).astype("timedelta64[D]"),
        "price": size * 3 + rng.normal(0, 1, count),
    }


def test_only_the_training_part_is_learned_from() -> None:
    data = load(rows(), "price")
    pre = data.preprocessor().fit(data.x_train, data.y_train)
    known = data.x_train.columns["size"][~np.isnan(data.x_train.columns["size"])]
    assert pre.encoders_[0].center_ == pytest.approx(known.mean())
    assert pre.target.center_ == [pytest.approx(data.y_train.mean())]
    before = pre.to_dict()
    pre.transform(data.x_test)
    assert pre.to_dict() == before


def test_inputs_have_the_named_features() -> None:
    data = load(rows(), "price")
    pre = data.preprocessor()
    x = pre.fit_transform(data.x_train, data.y_train)
    assert x.dtype == np.float32
    assert x.shape == (48, len(pre.feature_names)) == (48, *pre.input_shape)
    assert pre.feature_names[:5] == [
        "size",
        "size missing",
        "city=Rome",
        "city=Oslo",
        "city=Lima",
    ] or (set(pre.feature_names[2:5]) == {"city=Rome", "city=Oslo", "city=Lima"})
    assert np.isfinite(x).all()
    assert np.abs(x[:, 0].mean()) < 0.2


def test_json_keeps_every_bit() -> None:
    data = load(rows(), "price")
    pre = data.preprocessor().fit(data.x_train, data.y_train)
    again = TablePreprocessor.from_dict(json.loads(json.dumps(pre.to_dict())))
    assert again.to_dict() == pre.to_dict()
    assert again.transform(data.x_test).tobytes() == pre.transform(data.x_test).tobytes()
    y = again.transform_target(data.y_test)
    np.testing.assert_allclose(again.inverse_target(y), data.y_test, rtol=1e-5)


def test_a_frame_can_be_given_without_a_schema() -> None:
    pre = TablePreprocessor(target=Target("price", "regression"))
    columns = rows()
    x = pre.fit(columns, columns["price"]).transform(columns)
    assert "price" not in pre.feature_names
    shuffled = {name: columns[name] for name in reversed(columns)}
    assert (pre.transform(shuffled) == x).all()


def test_new_data_are_checked() -> None:
    pre = TablePreprocessor().fit(parse_csv("size,city\n1,Rome\n2,Oslo\n3,Rome\n"))
    assert pre.transform(parse_csv("city,size\nRome,2\n", "g.csv")).shape == (
        1,
        len(pre.feature_names),
    )
    with pytest.raises(DataError, match=r'g\.csv: column missing: "size"'):
        pre.transform(parse_csv("city,sizes\nRome,2\n", "g.csv"))
    with pytest.raises(DataError, match=r'g\.csv, row 3, column "size": \'big\' is not a number'):
        pre.transform(parse_csv("city,size\nRome,2\nRome,big\n", "g.csv"))
    with pytest.raises(DataError, match="columns missing: size"):
        pre.transform(Table({"city": np.array(["Rome"], dtype=object)}, np.arange(1)))


def test_order_of_use() -> None:
    with pytest.raises(DataError, match="has learned nothing yet"):
        TablePreprocessor().transform(rows())
    with pytest.raises(DataError, match="knows no target"):
        TablePreprocessor().fit(rows()).transform_target(np.zeros(3))


def test_nothing_to_learn_from() -> None:
    schema = Schema([Column("a", "numeric")])
    with pytest.raises(DataError, match="every input column has one value only"):
        TablePreprocessor(schema).fit(Table({"a": np.ones(3)}, np.arange(3)))
    with pytest.raises(DataError, match="no rows to learn from"):
        TablePreprocessor(schema).fit(Table({"a": np.ones(0)}, np.arange(0)))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "images"}, {"schema": None}, {"encoders": [{"kind": "number"}]}, {"encoders": 3},
        {"schema": {"columns": 5}}, {"target": {"name": "y"}},
    ],
)  # fmt: skip
def test_damaged_records(change: dict[str, Any]) -> None:
    record = TablePreprocessor(target=Target("y", "regression")).fit(rows()).to_dict()
    with pytest.raises(DataError):
        TablePreprocessor.from_dict({**record, **change})
    with pytest.raises(DataError, match="damaged preprocessor record"):
        TablePreprocessor.from_dict({})


def test_the_base_class_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Preprocessor()  # type: ignore[abstract]

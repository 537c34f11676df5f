from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from retroprop.data.csv import parse_csv
from retroprop.data.schema import Column, Schema, column_values, truth
from retroprop.data.table import raw_table
from retroprop.errors import DataError

SCHEMA = Schema(
    [Column("size", "numeric"), Column("city", "categorical"), Column("sold", "boolean"),
     Column("day", "date", "year-month-day")],
    {"id": "numbers the rows"},
)  # fmt: skip
GOOD = "day,size,city,sold,id\n2020-01-01,1.5,Rome,yes,1\n,NA,,,2\n"


def test_cells_get_their_meaning() -> None:
    table = SCHEMA.parse(parse_csv(GOOD, "f.csv"))
    assert list(table.columns) == ["size", "city", "sold", "day"]
    np.testing.assert_array_equal(table.columns["size"], [1.5, np.nan])
    np.testing.assert_array_equal(table.columns["sold"], [1.0, np.nan])
    np.testing.assert_array_equal(table.columns["day"], [1577836800.0, np.nan])
    assert table.columns["city"].tolist() == ["Rome", None]
    assert table.rows.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("1.5", "big", r'f\.csv, row 2, column "size": \'big\' is not a number'),
        ("1.5", "1e999", 'row 2, column "size": .*too large a number, or infinite'),
        ("1.5", "inf", "too large a number, or infinite"),
        ("yes", "maybe", "column \"sold\": 'maybe' is not a yes/no value"),
        ("2020-01-01", "2020-02-30", r'column "day": .* is not a date \(year-month-day\)'),
        ("1.5", "x" * 500, "is not a number"),
    ],
)
def test_a_cell_that_does_not_fit_is_named(old: str, new: str, match: str) -> None:
    with pytest.raises(DataError, match=match) as caught:
        SCHEMA.parse(parse_csv(GOOD.replace(old, new), "f.csv"))
    assert caught.value.row == 2
    assert len(str(caught.value)) < 400


def test_columns_that_are_missing_are_all_named() -> None:
    text = GOOD.replace("size", "sizes").replace("city", "town").replace("sold", "x")
    with pytest.raises(DataError, match='columns missing: "size", "city", "sold"') as caught:
        SCHEMA.parse(parse_csv(text, "f.csv"))
    assert 'rename "sizes" for "size"' in str(caught.value)


def test_new_columns_are_found() -> None:
    raw = parse_csv("day,size,city,sold,id,price,new\n2020-01-01,1,a,no,1,2,3\n")
    assert SCHEMA.extra_columns(raw, ("price",)) == ["new"]
    assert SCHEMA.missing_columns(raw) == []


def test_typed_columns_must_be_of_the_right_type() -> None:
    good: dict[str, Any] = {
        "size": [1.0], "city": ["Rome"], "sold": [True],
        "day": np.array(["2020-01-01"], dtype="datetime64[D]"),
    }  # fmt: skip
    assert SCHEMA.parse(raw_table(good)).columns["day"].tolist() == [1577836800.0]
    with pytest.raises(DataError, match='column "day": holds numeric values, date ones'):
        SCHEMA.parse(raw_table({**good, "day": [5.0]}))
    with pytest.raises(DataError, match='column "city": holds dates'):
        SCHEMA.parse(raw_table({**good, "city": good["day"]}))
    with pytest.raises(DataError, match='row 0, column "size": the number is too large, or inf'):
        SCHEMA.parse(raw_table({**good, "size": [np.inf]}))
    assert np.isnan(SCHEMA.parse(raw_table({**good, "day": [np.nan]})).columns["day"]).all()


def test_extra_spellings_of_missing() -> None:
    schema = Schema([Column("size", "numeric")], missing=("unknown",))
    values = schema.parse(parse_csv("size,b\n1,2\nunknown,3\n")).columns["size"]
    np.testing.assert_array_equal(values, [1.0, np.nan])


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("a;b\n1,5;2\n2,25;3\n", ".", [1.5, 2.25]),
        ("a;b\n1.500;0,5\n2.250;0,5\n", ".", [1500.0, 2250.0]),
        ("a;b\n1.5;0,5\n2.25;0,5\n", ".", [1.5, 2.25]),
        ("a;b\n1.500;x\n2.250;y\n", ",", [1500.0, 2250.0]),
        ("a;b\n1.500;x\n2.250;y\n", ".", [1.5, 2.25]),
        ('a,b\n"1,500",x\n"2,250",y\n', ".", [1500.0, 2250.0]),
    ],
)
def test_decimal_marks(text: str, decimal: str, expected: list[float]) -> None:
    schema = Schema([Column("a", "numeric")], decimal=decimal)
    assert schema.parse(parse_csv(text)).columns["a"].tolist() == expected


def test_a_schema_survives_json() -> None:
    record = json.loads(json.dumps(SCHEMA.to_dict()))
    assert Schema.from_dict(record).to_dict() == SCHEMA.to_dict()
    assert Schema.from_dict(record).columns == SCHEMA.columns


def test_truth() -> None:
    assert [truth(word) for word in ("YES", "sí", "1", "F", "0", "x")] == [1, 1, 1, 0, 0, None]


def test_rows_that_were_taken_away_do_not_matter() -> None:
    raw = parse_csv("a,b\n1,2\nbad,3\n", "f.csv").take(np.array([0]))
    assert column_values(Column("a", "numeric"), raw).tolist() == [1.0]

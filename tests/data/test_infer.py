from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.data.csv import parse_csv
from retroprop.data.infer import infer_schema
from retroprop.data.table import RawTable, raw_table
from retroprop.errors import ArgumentError, DataError


def table(**columns: list[str]) -> RawTable:
    count = len(next(iter(columns.values())))
    rows = [",".join(columns[name][i] for name in columns) for i in range(count)]
    return parse_csv(
        "\n".join([",".join(columns), *rows]) + "\n", "f.csv", header=True, delimiter=","
    )


def kind_of(cells: list[str], name: str = "a", **options: Any) -> str:
    """The kind of a column that stands beside an ordinary one, or why it is dropped."""
    raw = table(**{name: cells, "other": [str(i * 7 % 5 + 0.5) for i in range(len(cells))]})
    schema, _ = infer_schema(raw, **options)
    found = {column.name: column.kind for column in schema.columns}
    return found.get(name) or schema.dropped[name]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "", "NA"] * 5, "numeric"),
        (["yes", "no", ""] * 5, "boolean"),
        (["True", "FALSE"] * 5, "boolean"),
        (["0", "1"] * 5, "numeric"),
        (["2020-01-01", "2020-01-02"] * 5, "date"),
        (["Rome", "Oslo", ""] * 5, "categorical"),
        (["", "NA", "?"] * 5, "has no values"),
        (["x"] * 10, "is 'x' in every row"),
        (["7"] * 10, "is '7' in every row"),
        (["x", ""] * 5, "categorical"),
        ([f"text {i}" for i in range(60)],
         "is free text or an identifier: 60 distinct texts in 60 rows"),
        ([str(i + 1) for i in range(12)], "numbers the rows"),
        ([str(i) for i in range(12)], "numbers the rows"),
        ([str(i + 1990) for i in range(12)], "numeric"),
        ([str(i) for i in range(9)], "numeric"),
    ],
)  # fmt: skip
def test_kinds(cells: list[str], kind: str) -> None:
    assert kind_of(cells) == kind


@pytest.mark.parametrize("name", ["id", "ID", "house_id", "customerId", "row index", "uuid"])
def test_unique_integers_called_id(name: str) -> None:
    assert kind_of([str(i * 37 % 101) for i in range(20)], name) == "numbers the rows"


@pytest.mark.parametrize("name", ["humid", "paid", "width", "grid"])
def test_names_that_only_end_alike(name: str) -> None:
    assert kind_of([str(i * 37 % 101) for i in range(20)], name) == "numeric"


def test_a_compact_date_is_one_by_its_name() -> None:
    cells = [f"202001{day:02}" for day in range(1, 29)]
    assert kind_of(cells, "sale_date") == "date"
    assert kind_of(cells, "amount") == "numeric"


def test_a_few_slips_do_not_make_numbers_categories() -> None:
    cells = [str(i * 1.5) for i in range(50)]
    cells[7] = "abc"
    raw = table(size=cells, other=cells[::-1])
    schema, _ = infer_schema(raw)
    assert {column.kind for column in schema.columns} == {"numeric"}
    with pytest.raises(DataError, match="row 9, column \"size\": 'abc' is not a number; 49 of 50"):
        schema.parse(raw)
    schema, _ = infer_schema(raw, missing=["abc"])
    assert np.isnan(schema.parse(raw).columns["size"][7])


def test_a_few_slips_do_not_make_dates_categories() -> None:
    cells = [f"2020-{1 + i % 12:02}-{1 + i // 12:02}" for i in range(60)]
    cells[3] = "soon"
    raw = table(day=cells, other=[str(i * 7 % 5 + 0.5) for i in range(60)])
    schema, _ = infer_schema(raw)
    with pytest.raises(DataError, match="row 5, column \"day\": 'soon' is not a date"):
        schema.parse(raw)


def test_codes_that_are_mostly_digits_stay_categories() -> None:
    assert kind_of(["1", "2", "3", "A"] * 10) == "categorical"
    assert kind_of([f"{i}" if i % 3 else f"{i}B" for i in range(15)] * 2) == "categorical"


def test_types_overrule() -> None:
    zips = [str(10000 + i * 3) for i in range(20)]
    assert kind_of(zips, types={"a": "categorical"}) == "categorical"
    assert kind_of(zips, types={"a": "drop"}) == "as asked"
    assert kind_of(["x"] * 20, types={"a": "categorical"}) == "categorical"
    with pytest.raises(
        ArgumentError, match="unknown type for column \"a\" 'numbr'; did you mean 'numeric'"
    ):
        kind_of(zips, types={"a": "numbr"})
    with pytest.raises(ArgumentError, match="unknown column in types 'b'"):
        kind_of(zips, types={"b": "numeric"})
    with pytest.raises(ArgumentError, match="types asks for dates"):
        kind_of(["x", "y"], types={"a": "date"})


def test_what_is_assumed_is_said() -> None:
    raw = table(
        size=["1.5", "2", "3", "4"], city=["Rome", "Oslo", "Rome", "Oslo"], nothing=[""] * 4,
        day=["01/02/2020", "01/03/2020", "02/03/2020", ""], same=["z"] * 4,
    )  # fmt: skip
    _, notes = infer_schema(raw)
    assert notes == [
        "3 input columns: 1 numeric, 1 categorical, 1 date",
        'categorical: "city"',
        '"day" holds dates, read as month/day/year',
        'not used: "nothing" (has no values)',
        "not used: \"same\" (is 'z' in every row)",
    ]


def test_nothing_left_to_learn_from() -> None:
    with pytest.raises(DataError, match=r"f\.csv: no column to learn from: \"a\" is 'x'"):
        infer_schema(table(a=["x", "x"], y=["1", "2"]), exclude=["y"])
    with pytest.raises(DataError, match="no column to learn from"):
        infer_schema(table(y=["1", "2"]), exclude=["y"])


def test_typed_columns() -> None:
    schema, _ = infer_schema(
        raw_table(
            {
                "n": [1.5, 2.5, 3.5],
                "b": [True, False, True],
                "d": np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]"),
                "empty": [np.nan] * 3,
                "same": [4, 4, 4],
                "gap": [4, np.nan, 4],
            }
        )
    )
    assert [column.kind for column in schema.columns] == ["numeric", "boolean", "date", "numeric"]
    assert schema.dropped == {"empty": "has no values", "same": "has one value only"}

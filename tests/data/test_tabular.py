from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.data.csv import parse_csv
from retroprop.data.table import RawTable
from retroprop.data.tabular import inputs_from_table, table_data, target_column
from retroprop.errors import DataError


def houses(count: int = 40, **cells: str) -> RawTable:
    """A small table; `price_3="x"` puts x into the column price of the third row."""
    rows = [
        {"size": f"{30 + i * 7 % 50}.5", "city": ("Rome", "Oslo")[i % 2], "price": f"{i * 3.25}"}
        for i in range(count)
    ]
    for place, text in cells.items():
        name, _, index = place.partition("_")
        rows[int(index)][name] = text
    body = "".join(",".join(row.values()) + "\n" for row in rows)
    return parse_csv("size,city,price\n" + body, "houses.csv", delimiter=",", header=True)


def test_a_table_becomes_data() -> None:
    data = table_data(houses(), "price")
    assert (data.kind, data.task, data.source) == ("table", "regression", "houses.csv")
    assert list(data.x_train.columns) == ["size", "city"]
    assert (len(data.y_train), len(data.y_test)) == (32, 8)
    assert sorted([*data.ids_train, *data.ids_test]) == list(range(2, 42))
    for row, price in zip(data.ids_test, data.y_test, strict=True):
        assert price == (row - 2) * 3.25


def test_rows_without_a_target_are_left_out_and_said() -> None:
    data = table_data(houses(price_3="", price_4="NA"), "price")
    assert '2 rows without a value of "price" are left out' in data.notes
    assert not {5, 6} & {*data.ids_train, *data.ids_test}
    assert np.isfinite(data.y_train).all()


def test_missing_spelled_in_another_way() -> None:
    data = table_data(houses(price_3="unknown", size_5="unknown"), "price", missing="unknown")
    assert len(data.y_train) + len(data.y_test) == 39
    gaps = [np.isnan(part.columns["size"]).sum() for part in (data.x_train, data.x_test)]
    assert sum(gaps) == 1


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        ({"size_7": "big"}, r'houses\.csv, row 9, column "size": \'big\' is not a number'),
        ({"price_7": "1e999"}, r'row 9, column "price": .*too large a number, or infinite'),
        ({"size_7": "inf"}, r'row 9, column "size": .*too large a number, or infinite'),
    ],
)
def test_cells_that_do_not_fit(cells: dict[str, str], match: str) -> None:
    with pytest.raises(DataError, match=match):
        table_data(houses(**cells), "price")


def test_the_target_column() -> None:
    raw = houses()
    assert target_column(raw, "price") == ("price", [])
    with pytest.raises(DataError, match='no column "prise"; did you mean "price"') as caught:
        target_column(raw, "prise")
    assert 'the columns are "size", "city", "price"' in str(caught.value)
    with pytest.raises(DataError, match="which column is to be predicted"):
        target_column(raw, None)
    found, notes = target_column(parse_csv("a,Label\n1,x\n"), None)
    assert (found, notes) == ("Label", ['target: "Label" (guessed from its name)'])


def test_repeated_rows_stay_on_one_side() -> None:
    raw = houses(50)
    raw = raw.take(np.r_[0:50, 0:5])
    data = table_data(raw, "price")
    assert "5 repeated rows are kept in the same part as the one they repeat" in data.notes
    assert not set(data.ids_train) & set(data.ids_test)


def test_one_row_is_too_few() -> None:
    with pytest.raises(DataError):
        table_data(houses(1), "price")
    cells = {f"price_{i}": "" for i in range(1, 40)}
    with pytest.raises(DataError):
        table_data(houses(**cells), "price")


def fitted(raw: RawTable, target: str, **options: Any) -> Any:
    data = table_data(raw, target, **options)
    return data.preprocessor().fit(data.x_train, data.y_train)


def test_new_rows_without_a_target() -> None:
    pre = fitted(houses(), "price")
    inputs = inputs_from_table(parse_csv("city,size\nRome,31.5\nLima,40.5\n", "new.csv"), pre)
    assert (len(inputs), inputs.y, inputs.ids.tolist(), inputs.notes) == (2, None, [2, 3], [])
    assert pre.transform(inputs.x).shape == (2, *pre.input_shape)


def test_a_target_column_is_passed_over_when_not_asked_for() -> None:
    pre = fitted(houses(), "price")
    inputs = inputs_from_table(houses(price_3="soon"), pre)
    assert inputs.y is None
    assert inputs.notes == []


def test_new_rows_with_a_target() -> None:
    pre = fitted(houses(), "city")
    inputs = inputs_from_table(houses(city_1=""), pre, with_target=True)
    assert inputs.y.tolist()[:3] == [1, 1, 0]
    assert len(inputs) == 39
    assert inputs.notes == ['1 rows without a value of "city" are left out']


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("size,price\n1,2\n", 'no target column "city" to compare with'),
        ("size,price,city\n1,2,\n", "the target column has no values"),
        ("size,price,city\n1,2,Rome\n3,4,Lima\n", r"row 3, column \"city\": class 'Lima' was not"),
        ("price,city\n1,Rome\n", 'column missing: "size"'),
        ("size,price,city\n1,cheap,Rome\n", r'row 2, column "price": \'cheap\' is not a number'),
    ],
)
def test_new_rows_that_do_not_fit(text: str, match: str) -> None:
    pre = fitted(houses(), "city")
    with pytest.raises(DataError, match=match):
        inputs_from_table(
            parse_csv(text, "new.csv", known=["size", "price"]), pre, with_target=True
        )


def test_columns_that_training_did_not_have_are_said() -> None:
    pre = fitted(houses(), "price")
    inputs = inputs_from_table(parse_csv("size,city,pool\n1,Rome,3\n"), pre)
    assert inputs.notes == ["columns that training did not have are ignored: pool"]

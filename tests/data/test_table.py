from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.data.table import RawColumn, RawTable, Table, raw_table
from retroprop.errors import DataError, ShapeError


class NAType:
    """Compares as pandas' missing value does: neither true nor false."""

    def __eq__(self, other: object) -> Any:
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = None  # type: ignore[assignment]


class Series:
    def __init__(self, values: Any) -> None:
        self.values = values

    def to_numpy(self) -> Any:
        return np.asarray(self.values)


class Frame:
    """As much of a pandas or polars frame as is relied on."""

    def __init__(self, columns: dict[str, Any], names: list[str] | None = None) -> None:
        self.data, self.columns = columns, names or list(columns)

    def __getitem__(self, name: str) -> Series:
        return Series(self.data[name])


def objects(*items: Any) -> Any:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def texts(column: RawColumn) -> list[str]:
    return [column.texts[code] for code in column.codes]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (np.array([1, 2], dtype=np.uint8), "numeric", [1.0, 2.0]),
        (np.array([1.5, np.nan]), "numeric", [1.5, np.nan]),
        (np.array([True, False]), "boolean", [1.0, 0.0]),
        (np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"), "date", [1577836800.0, np.nan]),
        (np.array([60], dtype="timedelta64[m]"), "numeric", [3600.0]),
        (objects(1, None, NAType()), "numeric", [1.0, np.nan, np.nan]),
        (objects(True, None), "boolean", [1.0, np.nan]),
    ],
)
def test_typed_columns(values: Any, kind: str, expected: list[float]) -> None:
    column = RawColumn.from_array(values, "a")
    assert column.kind == kind
    np.testing.assert_array_equal(column.values, expected)


def test_text_columns() -> None:
    for values in (np.array(["x", " y"]), objects("x", "y"), np.array([b"x", b"y"])):
        assert texts(RawColumn.from_array(values, "a")) == ["x", "y"]
    assert texts(RawColumn.from_array(objects("x", None, float("nan"), 3), "a")) == [
        "x",
        "",
        "",
        "3",
    ]


def test_typed_values_are_spelled_as_text() -> None:
    column = RawColumn.from_array(np.array([2.0, np.nan, 1.5, np.nan]), "a").as_text()
    assert texts(column) == ["2", "", "1.5", ""]
    assert texts(RawColumn.from_array(np.array([True, False]), "a").as_text()) == ["true", "false"]
    with pytest.raises(DataError, match="infinite"):
        RawColumn.from_array(np.array([np.inf]), "a").as_text()


@pytest.mark.parametrize("values", [np.zeros((2, 2)), np.float64(1), np.array([1j])])
def test_columns_that_cannot_be(values: Any) -> None:
    with pytest.raises(DataError, match='frame, column "a"'):
        RawColumn.from_array(values, "a", "frame")


def test_frames_and_dicts() -> None:
    columns = {"a": [1, 2], "b": ["x", "y"], "c": [1.5, None]}
    for frame in (columns, Frame({**columns, "c": objects(1.5, None)})):
        table = raw_table(frame)
        assert table.names == ["a", "b", "c"]
        assert table.columns["a"].values.tolist() == [1.0, 2.0]
        assert np.isnan(table.columns["c"].values[1])
        assert table.rows.tolist() == [0, 1]


def test_a_list_of_mixed_types_is_not_made_text() -> None:
    assert raw_table({"a": [1, 2.5]}).columns["a"].values.tolist() == [1.0, 2.5]
    assert texts(raw_table({"a": [1, "x"]}).columns["a"]) == ["1", "x"]


def test_tables_that_cannot_be() -> None:
    with pytest.raises(DataError, match="no columns"):
        raw_table({})
    with pytest.raises(DataError, match="no rows"):
        raw_table({"a": []})
    with pytest.raises(DataError, match="column names occur twice: a"):
        raw_table(Frame({"a": [1]}, ["a", "a"]))
    with pytest.raises(ShapeError, match="a has 2 rows, b has 3"):
        raw_table({"a": [1, 2], "b": [1, 2, 3]})
    with pytest.raises(DataError, match='column "a"'):
        raw_table({"a": 3})


def test_take_keeps_the_place_of_rows() -> None:
    raw = RawTable({"a": RawColumn.from_cells(["x", "y", "z"])}, np.array([2, 5, 6]), "f.csv")
    part = raw.take(np.array([2, 0]))
    assert part.rows.tolist() == [6, 2]
    assert part.columns["a"].used() == ["x", "z"]
    table = Table({"a": np.arange(3.0)}, np.array([2, 5, 6]), "f.csv").take(slice(1, 3))
    assert (len(table), table.rows.tolist(), repr(table)) == (2, [5, 6], "Table(2 rows: a)")


def test_keys_are_equal_where_cells_are() -> None:
    assert RawColumn.from_cells(["x", "y", "x"]).keys().tolist() == [0, 1, 0]
    keys = RawColumn.from_array(np.array([2.0, np.nan, 2.0, np.nan]), "a").keys()
    assert keys[0] == keys[2] != keys[1] == keys[3]

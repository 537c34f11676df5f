from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.data.numeric import decimal_mark, is_missing, number, spelled


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0), ("-1.5", -1.5), ("+2", 2.0), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0),
        ("1,234", 1234.0), ("1,234,567.5", 1234567.5), ("$12", 12.0), ("-$5", -5.0), ("45%", 45.0),
        ("12 €", 12.0), ("£1,000", 1000.0), ("1e999", math.inf), ("-inf", -math.inf),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "a", "1_000", "12,34", "1,2345", "0,123", "1.2.3", "--1", "1e", "0x1f", "٣", "1 2", "$",
     "nan", "e5", "+", "%", "1,", "12 rooms", "1-2"],
)  # fmt: skip
def test_texts_that_are_no_numbers(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,5", 1.5), ("1.234,5", 1234.5), ("1.234", 1234.0), ("12", 12.0), (",5", 0.5),
     ("-3,25 €", -3.25), ("1.5", None), (",", None), ("1,2,3", None), ("a", None)],
)  # fmt: skip
def test_numbers_with_a_decimal_comma(text: str, value: float | None) -> None:
    assert number(text, ",") == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_back(value: float) -> None:
    assert number(repr(value)) == value
    assert number(spelled(value)) == value


@given(st.text())
def test_any_text_gives_a_number_or_none(text: str) -> None:
    for decimal in (".", ","):
        value = number(text, decimal)
        assert value is None or value == value  # noqa: PLR0124  never NaN


def test_one_spelling_per_number() -> None:
    assert spelled(3.0) == spelled(3) == "3"
    assert spelled(-0.0) == "0"
    assert spelled(1e300) == "1e+300"
    assert spelled(math.inf) == "inf"


@pytest.mark.parametrize("text", ["", "NA", "n/a", "NaN", "NULL", "None", "?", "-", "#N/A", "<NA>"])
def test_missing(text: str) -> None:
    assert is_missing(text)
    assert not is_missing("x" + text)


@pytest.mark.parametrize(
    ("columns", "delimiter", "mark"),
    [
        ([["1,5", "2,25"]], ";", ","),
        ([["1,5", "2,25"]], ",", ","),
        ([["1,234", "2,345"]], ";", ","),
        ([["1,234", "2,345"]], ",", None),
        ([["1,234", "2,345"]], "\t", None),
        ([["1.5", "2"]], ";", "."),
        ([["1.500", "2.250"]], ";", None),
        ([["1.500", "2.250"], ["0,5"]], ";", ","),
        ([["a,b", "c"], ["1", "2"]], ",", None),
        ([["", "NA", "3,5"]], ";", ","),
        ([], ",", None),
        ([[]], ";", None),
    ],
)
def test_decimal_mark(columns: list[list[str]], delimiter: str, mark: str | None) -> None:
    assert decimal_mark(columns, delimiter) == mark

from __future__ import annotations

import contextlib
import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.data.csv import parse_csv, read_csv, sniff_delimiter
from retroprop.data.decode import decode
from retroprop.data.table import RawTable
from retroprop.errors import ArgumentError, DataError


def cells(table: RawTable) -> dict[str, list[str]]:
    return {
        name: [column.texts[code] for code in column.codes]
        for name, column in table.columns.items()
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(delimiter: str) -> None:
    text = "name,size,city\nann,1.5,Rome\nbob,2.5,Oslo\n".replace(",", delimiter)
    assert sniff_delimiter(text) == delimiter
    assert cells(parse_csv(text)) == {
        "name": ["ann", "bob"], "size": ["1.5", "2.5"], "city": ["Rome", "Oslo"]
    }  # fmt: skip


def test_commas_inside_numbers_and_prose() -> None:
    assert sniff_delimiter("a;b\n1,5;2,5\n3,5;4,5\n") == ";"
    assert sniff_delimiter("a\tb\nwell, yes\tno, no\nah, oh\tx, y\n") == "\t"
    assert sniff_delimiter('a,b\n"x;y",2\n"z;w",3\n') == ","
    assert sniff_delimiter("one\ntwo\n") == ","


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=8),
                 min_size=3, max_size=3),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_what_the_csv_module_writes_is_read_back(rows: list[list[str]]) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    writer.writerow(["first", "second", "third"])
    writer.writerows(rows)
    kept = [[cell.strip() for cell in row] for row in rows if "".join(row).strip()]
    if not kept:
        return
    table = parse_csv(stream.getvalue(), delimiter=",", header=True)
    assert [list(row) for row in zip(*cells(table).values(), strict=True)] == kept


def test_rows_are_the_lines_of_the_file() -> None:
    table = parse_csv('a,b\n1,2\n\n"x\ny",3\n  ,\n4,5\n')
    assert table.rows.tolist() == [2, 4, 7]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    table = parse_csv(f"a,b{end}1,2{end}3,4")
    assert cells(table) == {"a": ["1", "3"], "b": ["2", "4"]}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\nx,y\n", ["a", "b"]),
        ("1,2\n3,4\n", ["column_1", "column_2"]),
        ("x,2020-01-01\ny,2020-01-02\n", ["column_1", "column_2"]),
        ("a,b\na,c\nb,b\n", ["column_1", "column_2"]),  # names do not occur among the values
        ("country,1990\nIT,5\n", ["column_1", "column_2"]),
    ],
)
def test_the_header_is_found(text: str, names: list[str]) -> None:
    assert parse_csv(text).names == names


def test_the_header_can_be_given() -> None:
    assert parse_csv("a,b\nx,y\n", header=False).names == ["column_1", "column_2"]
    assert parse_csv("1,2\n3,4\n", header=True).names == ["1", "2"]
    assert parse_csv("country,1990\nIT,5\n", known=["1990"]).names == ["country", "1990"]


def test_odd_names_are_mended_and_said() -> None:
    table = parse_csv("a,,a,b \n1,2,3,4\n")
    assert table.names == ["a", "column_2", "a_2", "b"]
    assert any('named "a", is called "a_2"' in note for note in table.notes)
    with pytest.raises(DataError, match='column "a": two columns have this name'):
        parse_csv("a,b,a\n1,2,3\n", known=["a"])


def test_a_delimiter_at_the_end_of_every_row() -> None:
    assert cells(parse_csv("a,b\n1,2,\n3,4,\n")) == {"a": ["1", "3"], "b": ["2", "4"]}


def test_excel_says_its_delimiter() -> None:
    table = parse_csv("sep=;\na;b\n1;2\n")
    assert table.names == ["a", "b"]
    assert table.rows.tolist() == [3]


def test_quotes_in_tab_separated_text() -> None:
    assert cells(parse_csv('en\tes\n"Hi," he said.\tx\n5" pipe\ty\n'))["en"] == [
        '"Hi," he said.', '5" pipe'
    ]  # fmt: skip
    assert cells(parse_csv('en\tes\n"a ""b"""\tx\n"tab\there"\ty\n'))["en"] == [
        'a "b"',
        "tab\there",
    ]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", r"f\.csv: the file is empty"),
        (" \n\n", "the file is empty"),
        ("a,b\n", "a header and no rows"),
        ("a,b\n1,2\n3,4,5\n6,7\n", r"f\.csv, row 3: has 3 cells, the table has 2 columns"),
        ("a,b\n1,2\n3\n", "row 3: .*the file truncated"),
        ('a,b\n1,2\n3,"4\n5,6\n', "row 3: .*never closed"),
        ('a,b\n1,"2"3\n', "row 2: .*text follows a closing quote"),
        ("a,b\n1," + "x" * 200_000 + "\n", "row 2: .*longer than 131,072 characters"),
    ],
)
def test_files_that_cannot_be_read(text: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        parse_csv(text, "f.csv")


@pytest.mark.parametrize("delimiter", ["", ",,", 3, "\n", '"', "\r"])
def test_wrong_delimiters(delimiter: object) -> None:
    with pytest.raises(ArgumentError, match="delimiter must be one character"):
        parse_csv("a,b\n1,2\n", delimiter=delimiter)  # type: ignore[arg-type]


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress("ciudad;año\nLeón;3\n".encode("latin-1")))
    table = read_csv(path)
    assert cells(table) == {"ciudad": ["León"], "año": ["3"]}
    assert any("latin-1" in note for note in table.notes)
    assert any("semicolon" in note for note in table.notes)
    with pytest.raises(DataError, match=r"b\.csv: no such file"):
        read_csv(tmp_path / "b.csv")


@given(st.text(alphabet='ab1,;\t|"\n\r .', max_size=60))
def test_any_text_is_a_table_or_refused(text: str) -> None:
    try:
        table = parse_csv(text)
    except DataError:
        return
    assert len(table) >= 1
    assert all(len(column) == len(table) for column in table.columns.values())


@given(st.binary(max_size=120))
def test_any_bytes_are_a_table_or_refused(content: bytes) -> None:
    with contextlib.suppress(DataError):
        parse_csv(decode(content, "f")[0])

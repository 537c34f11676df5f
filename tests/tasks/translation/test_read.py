"""Pairs of sentences: what is taken, what is left out and said, what is refused."""

from __future__ import annotations

import gzip
import io

import pytest

from retroprop.errors import ArgumentError, DataError
from retroprop.tasks.translation.read import looks_like_pairs, read_lines, read_pairs

ANIMALS = ["cat gato", "dog perro", "cow vaca", "bird pájaro", "fish pez", "horse caballo"]
PAIRS = [
    (f"the {one.split()[0]} sees {k} trees", f"el {one.split()[1]} ve {k} árboles")
    for k, one in enumerate(ANIMALS * 7)
]


def written(path, rows, mark="\t", encoding="utf-8"):
    text = "".join(mark.join(map(str, row)) + "\n" for row in rows)
    path.write_bytes(text.encode(encoding))
    return str(path)


def test_a_table_with_tabs_quotes_and_further_columns(tmp_path) -> None:
    rows = [("en", "es", "en_id"), *((a + ' "so"', b, k) for k, (a, b) in enumerate(PAIRS))]
    pairs = read_pairs(written(tmp_path / "a.tsv", rows))
    assert pairs.sources[0] == 'the cat sees 0 trees "so"'
    assert pairs.names == ("en", "es")
    assert pairs.lines[:2] == [2, 3]
    assert pairs.notes == [
        'the first line names the columns: translates "en" to "es"',
        "1 further columns (en_id) were not used",
    ]


def test_the_first_line_may_be_a_pair(tmp_path) -> None:
    pairs = read_pairs(written(tmp_path / "a.tsv", PAIRS))
    assert len(pairs) == len(PAIRS)
    assert pairs.names == ("source", "target")


def test_csv_gz_frames_and_lists_are_the_same(tmp_path) -> None:
    rows = [("en", "es"), *((f'"{a}, really"', b) for a, b in PAIRS)]
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress("".join(",".join(row) + "\n" for row in rows).encode()))
    pairs = read_pairs(str(path))
    assert pairs.sources[3] == "the bird sees 3 trees, really"
    columns = {"en": pairs.sources, "es": pairs.targets}
    assert read_pairs(columns).sources == pairs.sources
    assert read_pairs(list(zip(*columns.values(), strict=True))).targets == pairs.targets


def test_a_frame(tmp_path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(PAIRS, columns=["en", "es"])
    frame.loc[3, "es"] = None
    pairs = read_pairs(frame)
    assert len(pairs) == len(PAIRS) - 1
    assert pairs.notes == ["1 pair with an empty side was left out"]


def test_directions(tmp_path) -> None:
    path = written(
        tmp_path / "a.tsv", [("id", "en", "es"), *((k, *p) for k, p in enumerate(PAIRS))]
    )
    assert read_pairs(path, columns="en,es").names == ("en", "es")
    assert read_pairs(path, columns="es,en").sources[0] == PAIRS[0][1]
    turned = read_pairs(PAIRS, reverse=True)
    assert (turned.sources[0], turned.targets[0]) == PAIRS[0][::-1]
    assert read_pairs({"en": ["x"], "es": ["y"]}, target="en", fewest=1).sources == ["y"]
    with pytest.raises(ArgumentError, match="unknown column of .* 'fr'"):
        read_pairs(path, columns="en,fr")
    with pytest.raises(ArgumentError, match="must name two columns"):
        read_pairs(path, columns="en,en")


def test_empty_and_repeated_pairs_are_counted() -> None:
    rows = [*PAIRS, PAIRS[0], PAIRS[0], ("", "nada"), ("nothing", "  "), (PAIRS[1][0], "otra")]
    pairs = read_pairs(rows)
    assert len(pairs) == len(PAIRS) + 1
    assert pairs.notes == [
        "2 pairs with an empty side were left out",
        "2 repeated pairs were left out",
    ]


def test_lines_without_a_second_column_are_counted(tmp_path) -> None:
    path = written(tmp_path / "a.tsv", [*PAIRS, ("alone",), ("",)])
    assert read_pairs(path).notes == ["1 line without a second column was left out"]


def test_latin_1_is_read_and_said(tmp_path) -> None:
    path = written(tmp_path / "a.tsv", PAIRS, encoding="latin-1")
    pairs = read_pairs(path)
    assert pairs.targets[3] == "el pájaro ve 3 árboles"
    assert pairs.notes == [f"{path} is not UTF-8: read as latin-1"]


def test_what_cannot_be_used_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="has one column; two are needed"):
        read_pairs(written(tmp_path / "one.tsv", [(a,) for a, _ in PAIRS]))
    with pytest.raises(DataError, match="42 of 42 pairs have the same text on both sides"):
        read_pairs([(a, a) for a, _ in PAIRS])
    with pytest.raises(DataError, match="5 pairs of sentences are too few"):
        read_pairs(PAIRS[:5])
    with pytest.raises(DataError, match="holds no lines"):
        read_pairs(written(tmp_path / "none.tsv", [("",)]))
    with pytest.raises(DataError, match="no such file"):
        read_pairs(str(tmp_path / "gone.tsv"))
    with pytest.raises(DataError, match="cannot be read from int"):
        read_pairs(5)


def test_pairs_are_recognised(tmp_path) -> None:
    assert "two columns" in looks_like_pairs(written(tmp_path / "a.tsv", PAIRS), None)
    rows = [("en", "es", "id"), *((*pair, k) for k, pair in enumerate(PAIRS))]
    path = written(tmp_path / "b.tsv", rows)
    assert "first two columns" in looks_like_pairs(path, None)
    assert looks_like_pairs(path, "es")
    assert not looks_like_pairs(path, "id")


def test_other_tables_are_not(tmp_path) -> None:
    numbers = [(k, k * 0.5) for k in range(50)]
    labels = [(a, ("good", "bad")[k % 2]) for k, (a, _) in enumerate(PAIRS)]
    reviews = [(f"title {k}", f"A long review of thing {k}. " * (1 + k * 7 % 5)) for k in range(50)]
    names = [(f"Ann{k}", f"Smith{k}") for k in range(50)]
    for number, rows in enumerate((numbers, labels, reviews, names)):
        for mark in "\t,":
            path = written(tmp_path / f"{number}.csv", rows, mark)
            assert looks_like_pairs(path, None) == ""
    assert looks_like_pairs(str(tmp_path), None) == ""
    assert looks_like_pairs({"en": ["a b"], "es": ["c d"]}, None) == ""


def test_sentences_to_translate(tmp_path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("One line.\n\nTwo  lines.\n", encoding="utf-8")
    lines = ["One line.", "", "Two lines."]
    assert read_lines(str(path), "en", 0) == (lines, [1, 2, 3], [])
    assert read_lines(io.StringIO(path.read_text()), "en", 0)[0] == lines
    assert read_lines(["a b", "c"], "en", 0)[0] == ["a b", "c"]
    assert read_lines("Where is it?", "en", 0) == (["Where is it?"], ["sentence"], [])
    with pytest.raises(DataError, match="no such file"):
        read_lines(str(tmp_path / "gone.txt"), "en", 0)


def test_the_column_of_the_sources_is_read(tmp_path) -> None:
    path = written(tmp_path / "a.tsv", [("es", "en"), *((b, a) for a, b in PAIRS)])
    assert read_lines(path, "en", 0)[0][0] == PAIRS[0][0]
    plain = written(tmp_path / "b.tsv", PAIRS)
    assert read_lines(plain, "source", 0)[0][0] == PAIRS[0][0]
    assert read_lines(plain, "target", 1)[0][0] == PAIRS[0][1]
    with pytest.raises(DataError, match='no column "fr"'):
        read_lines(path, "fr", 0)

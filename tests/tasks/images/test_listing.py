"""Tables of image files."""

from __future__ import annotations

import gzip
import io

import pytest

from retroprop.errors import DataError
from retroprop.tasks.images.listing import listed, path_column, top_of

CSV = "photo,weight,class\na/1.png,3,cat\na/2.png,4,cat\nb/1.jpg,5,dog\n"


def written(folder, text, name="files.csv"):
    path = folder / name
    path.write_text(text)
    return str(path)


def test_paths_and_classes_are_found(tmp_path):
    found = listed(written(tmp_path, CSV))
    assert (found.root, found.column, found.target) == (str(tmp_path), "photo", "class")
    assert [(file.name, file.label) for file in found.files][2] == ("b/1.jpg", "dog")
    assert found.places["b/1.jpg"] == 4
    assert listed(written(tmp_path, CSV), "weight").files[0].label == "3"


def test_parts_are_kept():
    table = {"file": ["1.png", "2.png"], "split": ["train", "Testing"], "kind": ["a", "b"]}
    assert [file.part for file in listed(table).files] == ["train", "test"]


def test_a_table_without_header_and_a_text_stream():
    found = listed(io.StringIO("cats/1.jpg,cat\ndogs/1.jpg,dog\n"))
    assert [file.name for file in found.files] == ["cats/1.jpg", "dogs/1.jpg"]
    only = listed(io.StringIO("path\n1.jpg\n2.jpg\n"), with_target=False)
    assert [file.name for file in only.files] == ["1.jpg", "2.jpg"]


def test_a_guess_reads_the_first_lines_only(tmp_path):
    long = CSV + "".join(f"a/{k}.png,1,cat\n" for k in range(5000)) + '"broken'
    assert path_column(top_of(written(tmp_path, long))) == "photo"
    packed = tmp_path / "files.csv.gz"
    packed.write_bytes(gzip.compress(long.encode()))
    assert path_column(top_of(packed)) == "photo"
    assert top_of(tmp_path / "none.csv") is None
    assert path_column(top_of({"a": ["x", "y"], "b": [1, 2]})) is None


@pytest.mark.parametrize(
    ("text", "target", "words"),
    [
        (CSV, "clas", "did you mean 'class'"),
        (CSV, "breed", "columns are weight, class"),
        ("photo,size,weight\n1.png,2,3\n", None, "which column holds the classes"),
        ("size,weight\n1,2\n", None, "no column of image files"),
        ("photo,class\n1.png,cat\n2.png,\n", None, "line 3"),
    ],
)
def test_mistakes_are_explained(tmp_path, text, target, words):
    with pytest.raises(DataError) as caught:
        listed(written(tmp_path, text), target)
    shown = str(caught.value)
    assert words in shown or words.replace("line", "row") in shown

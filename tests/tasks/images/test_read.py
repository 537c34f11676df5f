"""From folders, tables of paths and arrays to parts that share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.errors import ArgumentError, DataError
from retroprop.tasks.images.pictures import Pictures
from retroprop.tasks.images.read import read

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)


def save(path, colour=(9, 9, 9)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 40, (8, 8, 3)).astype(np.uint8) + np.array(colour, np.uint8)
    Image.fromarray(pixels).save(path)


def folder(root, parts=("",), count=10):
    for part in parts:
        for k, name in enumerate(("cats", "dogs")):
            for i in range(count):
                save(root / part / name / f"{i}.png", (100 * k, 50, 0))
    return root


def said(data, words):
    return [note for note in data.notes if words in note]


def test_a_folder_is_split_and_an_unreadable_image_is_listed(tmp_path):
    folder(tmp_path)
    (tmp_path / "cats" / "3.png").write_bytes(b"no image")
    data = read(str(tmp_path), {"seed": 1})
    assert (len(data.y_train), len(data.y_test)) == (15, 4)
    assert data.class_names == ["cats", "dogs"]
    assert said(data, "1 image cannot be read and is left out: cats/3.png: not an image")
    for x, y, name in zip(data.x_test, data.y_test, data.ids_test, strict=True):
        assert (x[..., 0].mean() > 90) == bool(y) == name.startswith("dogs")
    with pytest.raises(DataError, match=r"3\.png"):
        read(str(tmp_path), {"strict": True})


def test_the_parts_of_a_folder_are_kept(tmp_path):
    data = read(str(folder(tmp_path, ("train", "val", "test"), 4)), {})
    assert (len(data.y_train), len(data.y_val), len(data.y_test)) == (8, 8, 8)
    assert all(name.startswith("test/") for name in data.ids_test)


def test_files_that_do_not_fit_are_split_the_same(tmp_path):
    folder(tmp_path)
    held, streamed = (read(str(tmp_path), {"memory": memory}) for memory in (1.0, 0.0))
    assert isinstance(streamed.x_train, Pictures)
    assert said(streamed, "read from their files")
    assert held.ids_test.tolist() == streamed.ids_test.tolist()
    assert (streamed.x_test.take(slice(None)) == held.x_test).all()
    assert streamed.x_train.names == held.ids_train.tolist()


def test_repeats_are_dropped_and_a_test_image_is_never_learned_from(tmp_path):
    folder(tmp_path, ("train", "test"), 5)
    copy = (tmp_path / "test" / "cats" / "0.png").read_bytes()
    (tmp_path / "train" / "cats" / "copy.png").write_bytes(copy)
    (tmp_path / "train" / "dogs" / "copy.png").write_bytes(copy)
    data = read(str(tmp_path), {})
    assert (len(data.y_train), len(data.y_test)) == (10, 10)
    assert "train/cats/copy.png" not in data.ids_train
    assert said(data, "2 images that repeat another one are left out; 1 of them under another")


def test_repeats_in_arrays(tmp_path):
    x = RNG.integers(0, 255, (30, 6, 6)).astype(np.uint8)
    x[4], x[5] = x[3], x[25]
    parts = {"x_train": x[:20], "y_train": np.arange(20) % 2, "x_test": x[20:]}
    data = read({**parts, "y_test": np.arange(10) % 2}, {})
    assert (len(data.y_train), len(data.y_test)) == (18, 10)
    assert said(data, "2 training images that repeat")


def table(root, rows, name="files.csv"):
    (root / name).write_text("path,label\n" + "".join(f"{path},{label}\n" for path, label in rows))
    return str(root / name)


def test_a_table_of_paths(tmp_path):
    folder(tmp_path / "photos")
    rows = [(f"photos/{name}/{i}.png", name[0].upper()) for name in ("cats", "dogs")
            for i in range(10)]  # fmt: skip
    data = read(table(tmp_path, rows), {})
    assert (data.class_names, len(data.y_train), len(data.y_test)) == (["C", "D"], 16, 4)
    assert said(data, 'paths of images in column "path", classes in "label"')


def test_missing_files_are_named_with_their_line(tmp_path):
    folder(tmp_path)
    rows = [(f"{name}/{i}.png", name) for name in ("cats", "dogs") for i in range(10)]
    path = table(tmp_path, [*rows[:5], ("cats/none.png", "cats"), *rows[5:]])
    assert said(read(path, {}), "1 image file is missing and left out: line 7: cats/none.png")
    with pytest.raises(DataError, match=r"no image file cats/none\.png") as caught:
        read(path, {"strict": True})
    assert "7" in str(caught.value)
    with pytest.raises(DataError, match=r"relative to"):
        read(table(tmp_path, [(f"photos/{path}", label) for path, label in rows]), {})


def test_an_uneven_data_set_is_said():
    x = RNG.integers(0, 255, (60, 6, 6)).astype(np.uint8)
    data = read({"x": x, "y": (np.arange(60) > 56).astype(int)}, {})
    assert said(data, "class_weight=balanced")


def test_whole_numbers_become_bytes():
    x = RNG.integers(0, 255, (20, 6, 6))
    assert read({"x": x, "y": np.arange(20) % 2}, {}).x_train.dtype == np.uint8
    assert read({"x": x * 9, "y": np.arange(20) % 2}, {}).x_train.dtype == np.float32
    assert read({"x": x / 255, "y": np.arange(20) % 2}, {}).x_train.dtype == np.float64


def test_what_cannot_be_used(tmp_path):
    x = RNG.integers(0, 255, (20, 6, 6)).astype(np.uint8)
    with pytest.raises(DataError, match="no image files in this folder"):
        read(str(tmp_path), {})
    with pytest.raises(DataError, match="single class"):
        read({"x": x, "y": np.zeros(20, int)}, {})
    with pytest.raises(ArgumentError, match="image_size is for image files"):
        read({"x": x, "y": np.arange(20) % 2}, {"image_size": 8})
    for i in range(4):
        save(tmp_path / "cats" / f"{i}.png")
    with pytest.raises(DataError, match="a single class"):
        read(str(tmp_path), {})
    with pytest.raises(DataError, match="did you mean 'label'"):
        read(table(tmp_path, [("cats/1.png", "a")]), {}, "labels")

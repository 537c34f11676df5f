from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retroprop.data.folder import folder_data, inputs_from_images
from retroprop.errors import ArgumentError, DataError

Image = pytest.importorskip("PIL.Image")


def save(path: Path, value: int = 0, size: tuple[int, int] = (8, 8), mode: str = "L") -> None:
    """A plain picture with one pixel of its own, so that no two are equal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new(mode, (size[1], size[0]), value if mode == "L" else (value, 0, 0))
    picture.putpixel((0, 0), hash_of(path) if mode == "L" else (hash_of(path), 9, 9))
    picture.save(path)


def hash_of(path: Path) -> int:
    return sum(str(path.relative_to(path.parents[2])).encode()) * 7 % 256


def folder(root: Path, *parts: str, count: int = 10, classes: str = "cats dogs") -> Path:
    for part in parts or ("",):
        for k, name in enumerate(classes.split()):
            for i in range(count):
                save(root / part / name / f"{i}.png", 10 + 100 * k + i)
    return root


def test_class_folders_are_split(tmp_path: Path) -> None:
    data = folder_data(str(folder(tmp_path)), seed=3)
    assert (data.kind, data.task, data.class_names) == (
        "images",
        "classification",
        ["cats", "dogs"],
    )
    assert data.x_train.shape == (16, 8, 8)
    assert data.x_train.dtype == np.uint8
    names = [*data.ids_train, *data.ids_test]
    assert sorted(names) == sorted(f"{c}/{i}.png" for c in ("cats", "dogs") for i in range(10))
    for x, y, name in zip(data.x_test, data.y_test, data.ids_test, strict=True):
        assert data.class_names[y] == name.split("/")[0]
        assert x[4, 4] == 10 + 100 * y + int(name.split("/")[1][0])
    assert "grey images of 8x8 pixels" in data.notes


@pytest.mark.parametrize(
    ("parts", "train", "test", "val"),
    [("train test", 20, 20, None), ("train val test", 20, 20, 20), ("train val", 20, 20, None),
     ("Training Testing", 20, 20, None), ("train", 16, 4, None), ("test", 16, 4, None)],
)  # fmt: skip
def test_divided_folders(
    tmp_path: Path, parts: str, train: int, test: int, val: int | None
) -> None:
    data = folder_data(str(folder(tmp_path, *parts.split())))
    assert (len(data.y_train), len(data.y_test)) == (train, test)
    assert (None if data.y_val is None else len(data.y_val)) == val


def test_folders_called_otherwise_are_classes(tmp_path: Path) -> None:
    assert folder_data(str(folder(tmp_path, classes="test result"))).class_names == [
        "result",
        "test",
    ]


def test_nested_and_loose_files(tmp_path: Path) -> None:
    folder(tmp_path)
    save(tmp_path / "cats" / "more" / "x.png", 50)
    save(tmp_path / "loose.png", 50)
    save(tmp_path / ".thumbnails" / "cats" / "x.png", 50)
    (tmp_path / "cats" / "Thumbs.db").write_bytes(b"x")
    data = folder_data(str(tmp_path))
    names = [*data.ids_train, *data.ids_test]
    assert len(names) == 21
    assert "cats/more/x.png" in names
    assert "1 images outside the class folders are left out" in data.notes


def test_size_and_colour(tmp_path: Path) -> None:
    folder(tmp_path)
    for i in range(11):
        save(tmp_path / "dogs" / f"c{i}.png", 90 + i, (20, 12), "RGB")
    data = folder_data(str(tmp_path))
    assert data.x_train.shape[1:] == (8, 8, 3)  # most are 8x8, some are in colour
    assert "colour images of 8x8 pixels (resized; 1 other sizes)" in data.notes
    data = folder_data(str(tmp_path), image_size=(10, 6), channels=1)
    assert data.x_train.shape[1:] == (10, 6)


def test_a_limit_bounds_what_is_decoded(tmp_path: Path) -> None:
    data = folder_data(str(folder(tmp_path, "train", "test")), limit=6)
    assert (len(data.y_train), len(data.y_test)) == (6, 6)
    assert data.y_train.tolist() == [0, 0, 0, 1, 1, 1]


def test_unreadable_images_are_listed(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "cats" / "bad.png").write_text("hello")
    data = folder_data(str(tmp_path))
    assert "1 image cannot be read and is left out: cats/bad.png: not an image" in data.notes
    assert len(data.y_train) + len(data.y_test) == 20
    with pytest.raises(DataError, match=r"bad\.png: not an image"):
        folder_data(str(tmp_path), strict=True)


def test_repeated_images_stay_on_one_side(tmp_path: Path) -> None:
    folder(tmp_path, count=20)
    for i in range(5):
        (tmp_path / "cats" / f"again{i}.png").write_bytes(
            (tmp_path / "cats" / f"{i}.png").read_bytes()
        )
    data = folder_data(str(tmp_path))
    assert "5 repeated images are kept in the same part as the one they repeat" in data.notes
    for i in range(5):
        pair = {f"cats/{i}.png", f"cats/again{i}.png"}
        assert len(pair & set(data.ids_test)) in (0, 2)


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ([], r"no image files in this folder \(it holds nothing\)"),
        (["a.txt"], r"no image files in this folder \(it holds a.txt\)"),
        (["1.png", "2.png"], "2 images and no class folders"),
        (["cats/1.png", "cats/2.png"], r"a single class \(cats\): nothing to tell apart"),
        (["cats/1.txt", "dogs/1.png", "dogs/2.png"], r"a single class \(dogs\)"),
        (["train/a/1.png", "train/b/1.png", "test/c/1.png"], "classes without training images: c"),
        (
            ["cats/bad.png", "dogs/bad.png"],
            "none of the 2 images can be read; cats/bad.png: not an",
        ),
        (["cats/1.png", "dogs/bad.png"], r"a single class \(cats\)"),
        (["cats/1.png", "dogs/1.png"], "cannot split 2 examples"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, files: list[str], match: str) -> None:
    root = tmp_path / "pictures"
    root.mkdir()
    for name in files:
        if name.endswith(("bad.png", ".txt")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("hello")
        else:
            save(root / name, len(name))
    with pytest.raises(DataError, match=match):
        folder_data(str(root))


@pytest.mark.parametrize(
    "options",
    [{"image_size": 0}, {"image_size": (8, 8, 3)}, {"image_size": "8x8"}, {"image_size": 9999},
     {"image_size": 2.5}, {"channels": 2}, {"image_size": (8, None)}],
)  # fmt: skip
def test_wrong_options(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"image_size must be|channels must be"):
        folder_data(str(folder(tmp_path, count=1)), **options)


def fitted(root: Path) -> Any:
    data = folder_data(str(root))
    return data.preprocessor().fit(data.x_train)


def test_new_images(tmp_path: Path) -> None:
    pre = fitted(folder(tmp_path / "old"))
    new = tmp_path / "new"
    save(new / "b.png", 7, (30, 20), "RGB")
    save(new / "a.png", 9)
    (new / "c.png").write_text("hello")
    inputs = inputs_from_images(str(new), pre)
    assert inputs.ids.tolist() == ["a.png", "b.png"]
    assert pre.transform(inputs.x).shape == (2, 1, 8, 8)
    assert inputs.notes == ["1 image cannot be read and is left out: c.png: not an image"]
    one = inputs_from_images(str(new / "a.png"), pre)
    assert (len(one), one.ids.tolist()) == (1, ["a.png"])
    with pytest.raises(DataError, match=r"c\.png: not an image"):
        inputs_from_images(str(new), pre, strict=True)
    with pytest.raises(DataError, match="none of the 1 images can be read"):
        inputs_from_images(str(new / "c.png"), pre)


def test_new_images_with_their_classes(tmp_path: Path) -> None:
    pre = fitted(folder(tmp_path / "old"))
    inputs = inputs_from_images(str(folder(tmp_path / "new", "train", "test", count=2)), pre, True)
    assert inputs.ids.tolist() == [
        "test/cats/0.png",
        "test/cats/1.png",
        "test/dogs/0.png",
        "test/dogs/1.png",
    ]
    assert inputs.y.tolist() == [0, 0, 1, 1]
    with pytest.raises(DataError, match="classes that training did not have: birds"):
        inputs_from_images(str(folder(tmp_path / "odd", classes="birds cats")), pre, True)
    save(tmp_path / "flat" / "a.png")
    with pytest.raises(DataError, match="1 images and no class folders"):
        inputs_from_images(str(tmp_path / "flat"), pre, True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no image files"):
        inputs_from_images(str(tmp_path / "empty"), pre)

"""What is recognised as images of classes, and what is left to others."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.tasks import choose

X = np.zeros((6, 8, 8), np.uint8)
Y = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    "source",
    [
        {"x": X, "y": Y}, {"x_train": X, "y_train": Y}, (X, Y),
        {"images": X[..., None], "labels": Y}, {"x": X, "y": np.eye(3)[Y]},
        {"path": ["1.png", "2.png"], "label": ["a", "b"]},
    ],
)  # fmt: skip
def test_images_with_classes(source):
    kind, why = choose(source)
    assert (kind.name, bool(why)) == ("images", True)


@pytest.mark.parametrize(
    "source",
    [
        {"x": X[:, 0], "y": Y}, {"x": X, "y": Y / 7}, {"x": X, "y": np.zeros((6, 4))},
        {"size": [1, 2], "price": [3, 4]}, {"path": ["a", "b"], "label": [1, 2]},
    ],
)  # fmt: skip
def test_tables_and_numbers_are_not_images(source):
    assert choose(source)[0].name != "images"


def test_files_are_told_by_names_and_shapes(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    np.savez(tmp_path / "b.npz", x=X[:, 0], y=Y)
    (tmp_path / "c.npz").write_bytes(b"no zip")
    (tmp_path / "d.csv").write_text("file,label\n1.png,a\n2.png,b\n")
    (tmp_path / "e.csv").write_text("size,label\n1,a\n2,b\n")
    found = {p.name: choose(str(p))[0].name == "images" for p in sorted(tmp_path.iterdir())}
    assert found == {"a.npz": True, "b.npz": False, "c.npz": False, "d.csv": True, "e.csv": False}


@pytest.mark.parametrize(
    ("names", "claimed"),
    [(["cats/1.png"], True), (["train/cats/1.png"], True), (["1.png"], False), ([], False),
     (["cats/notes.txt"], False), (["deep/cats/1.png"], False)],
)  # fmt: skip
def test_folders(tmp_path, names, claimed):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert (choose(str(tmp_path))[0].name == "images") is claimed

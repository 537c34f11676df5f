from __future__ import annotations

import builtins
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.data import images
from retroprop.data.images import (
    Header,
    common_size,
    image_paths,
    is_image_name,
    read_headers,
    read_images,
)
from retroprop.errors import DataError, MissingDependencyError

Image = pytest.importorskip("PIL.Image")


def save(path: Path, array: Any, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array)).save(path, **options)
    return path


def grey(height: int, width: int, value: int = 100) -> Any:
    return np.full((height, width), value, dtype=np.uint8)


def colour(height: int, width: int, value: tuple[int, int, int] = (10, 20, 30)) -> Any:
    return np.full((height, width, 3), value, dtype=np.uint8)


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG that claims to be huge."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + (chunk(b"IEND", b""))
    )


def test_names() -> None:
    assert all(map(is_image_name, ["a.jpg", "b.JPEG", "c.png", "d.webp", "e.pgm"]))
    assert not any(map(is_image_name, [".a.jpg", "__a.png", "a.txt", "jpg", "a.jpg.txt"]))


def test_paths_are_sorted_and_hidden_ones_passed_over(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/10.png", "a/x.png", "a/deep/y.png", ".git/z.png", "a/.hidden.png",
                 "__MACOSX/a/x.png", "a/notes.txt", "top.png"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert image_paths(str(tmp_path)) == [
        "a/deep/y.png",
        "a/x.png",
        "b/10.png",
        "b/2.png",
        "top.png",
    ]


def test_pixels_come_back(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    save(tmp_path / "a.png", array)
    got, names, bad = read_images(str(tmp_path), ["a.png"], (6, 5), 3)
    assert (names, bad) == (["a.png"], {})
    np.testing.assert_array_equal(got[0], array)
    luma = read_images(str(tmp_path), ["a.png"], (6, 5), 1)[0]
    assert luma.shape == (1, 6, 5)
    np.testing.assert_allclose(luma[0], array @ [0.299, 0.587, 0.114], atol=1)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [("1", 1, 255), ("L", 77, 77), ("I", 77, 77), ("I;16", 25700, 100), ("F", 77.0, 77),
     ("P", 3, 3), ("LA", (77, 255), 77), ("RGBA", (50, 50, 50, 255), 50),
     ("CMYK", (0, 0, 0, 155), 100)],
)  # fmt: skip
def test_modes(tmp_path: Path, mode: str, value: Any, expected: int) -> None:
    name = "a.tif" if mode in ("F", "CMYK", "I") else "a.png"
    picture = Image.new(mode, (4, 3), value)
    if mode == "P":
        picture.putpalette([level for level in range(256) for _ in range(3)])
    picture.save(tmp_path / name)
    got = read_images(str(tmp_path), [name], (3, 4), 1)[0]
    assert np.abs(got.astype(int) - expected).max() <= 1


def test_16_bit_images_keep_their_range(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.array([[0, 32768, 65535]], dtype=np.uint16))
    got = read_images(str(tmp_path), ["a.png"], (1, 3), 1)[0]
    assert got[0, 0].tolist() == [0, 127, 255]


def test_images_are_turned_as_the_camera_said(tmp_path: Path) -> None:
    array = grey(4, 8)
    array[:, 4:] = 0
    tags = Image.Exif()
    tags[0x0112] = 6  # to be turned by a quarter
    save(tmp_path / "a.png", array, exif=tags)
    headers, _ = read_headers(str(tmp_path), ["a.png"])
    assert headers["a.png"] == Header(8, 4, True)
    got = read_images(str(tmp_path), ["a.png"], (8, 4), 1)[0][0]
    assert got[0, 0] == 100
    assert got[7, 0] == 0


def test_images_are_resized(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", colour(300, 200))
    got = read_images(str(tmp_path), ["a.jpg"], (16, 24), 3)[0]
    assert got.shape == (1, 16, 24, 3)
    assert np.abs(got.astype(int) - [10, 20, 30]).max() <= 4


def test_what_cannot_be_read_is_listed(tmp_path: Path) -> None:
    good = save(
        tmp_path / "good.png", np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    )
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:600])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "bomb.png").write_bytes(bomb(60_000, 60_000))
    (tmp_path / "large.png").write_bytes(bomb(9000, 9000))
    names = ["bomb.png", "cut.png", "empty.jpg", "good.png", "large.png", "text.png", "gone.png"]
    headers, bad = read_headers(str(tmp_path), names)
    assert set(headers) == {"cut.png", "good.png"}
    assert bad["text.png"] == "not an image"
    assert "decompression bomb" in bad["bomb.png"]
    assert bad["large.png"] == "9000x9000 pixels are too many (decompression bomb?)"
    got, kept, more = read_images(str(tmp_path), sorted(headers), (8, 8), 1)
    assert (len(got), kept) == (1, ["good.png"])
    assert "truncated" in more["cut.png"]
    with pytest.raises(DataError, match=r"cut\.png: .*truncated"):
        read_images(str(tmp_path), sorted(headers), (8, 8), 1, strict=True)


def picture_bytes(kind: str) -> bytes:
    stream = io.BytesIO()
    array = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(array).save(stream, kind)
    return stream.getvalue()


WHOLE = {kind: picture_bytes(kind) for kind in ("png", "jpeg", "gif", "bmp", "tiff", "ppm")}


@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    st.integers(0, 400),
)
def test_any_damage_is_survived_or_listed(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(WHOLE[kind])
    for place, value in changes:
        content[place % len(content)] = value
    folder = tmp_path_factory.mktemp("images")
    (folder / "a.png").write_bytes(content)
    (folder / "b.png").write_bytes(content[:cut])
    headers, bad = read_headers(str(folder), ["a.png", "b.png"])
    got, kept, more = read_images(str(folder), sorted(headers), (4, 4), 3)
    assert got.shape == (len(kept), 4, 4, 3)
    assert sorted([*bad, *kept, *more]) == ["a.png", "b.png"]


def test_common_sizes() -> None:
    def sizes(*pairs: tuple[int, int]) -> list[Header]:
        return [Header(height, width, False) for height, width in pairs]

    assert common_size(sizes((28, 28), (28, 28), (99, 99))) == (28, 28)
    assert common_size(sizes((30, 40), (60, 90), (33, 41))) == (32, 40)
    assert common_size(sizes((480, 640))) == (96, 128)
    assert common_size(sizes((3, 3), (4, 5))) == (8, 8)


def test_too_many_images_for_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(images.np, "empty", refuse)
    with pytest.raises(DataError, match="2 images of 8x8 do not fit in memory"):
        read_images("folder", ["a.png", "b.png"], (8, 8), 1)


def test_without_pillow_the_way_out_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.partition(".")[0] == "PIL":
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"pip install 'retroprop\[vision\]'"):
        read_headers(str(tmp_path), [])

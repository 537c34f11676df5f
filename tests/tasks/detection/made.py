"""Little images with squares in them, for the tests of detection."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from PIL import Image

CLASSES = ("blue", "red")
HEADER = "image,label,xmin,ymin,xmax,ymax"


def squares(count, *, size=(48, 64), seed=0):
    """Images (count, height, width, 3) of grey noise with one to three squares; [(label, box)]."""
    rng = np.random.default_rng(seed)
    height, width = size
    images = rng.integers(90, 140, (count, height, width, 3)).astype(np.uint8)
    marks = []
    for image in images:
        inside = []
        for column in rng.permutation(3)[: rng.integers(1, 4)].tolist():
            side = int(rng.integers(12, 18))
            x, y = (
                column * 21 + int(rng.integers(0, 21 - side)),
                int(rng.integers(0, height - side)),
            )
            label = int(rng.integers(2))
            image[y : y + side, x : x + side] = ((20, 20, 230), (230, 20, 20))[label]
            inside.append((CLASSES[label], (x, y, x + side, y + side)))
        marks.append(inside)
    return images, marks


def encoded(image):
    """The bytes of a PNG."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()


def rows(marks, split=None):
    """The lines of a table of boxes."""
    head = HEADER + (",split" if split else "")
    lines = [
        f"{k}.png,{label},{','.join(map(str, box))}" + (f",{split[k]}" if split else "")
        for k, inside in enumerate(marks)
        for label, box in inside
    ]
    return "\n".join([head, *lines]) + "\n"


def folder(path, count=8, *, split=None, seed=0):
    """A folder with images/ and boxes.csv."""
    images, marks = squares(count, seed=seed)
    (path / "images").mkdir(parents=True)
    for k, image in enumerate(images):
        (path / "images" / f"{k}.png").write_bytes(encoded(image))
    (path / "boxes.csv").write_text(rows(marks, split))
    return images, marks


def zipped(path, count=8, *, split=None, seed=0):
    """The same as a .zip."""
    images, marks = squares(count, seed=seed)
    with zipfile.ZipFile(path, "w") as archive:
        for k, image in enumerate(images):
            archive.writestr(f"images/{k}.png", encoded(image))
        archive.writestr("boxes.csv", rows(marks, split))
    return images, marks

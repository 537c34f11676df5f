"""Boxes drawn onto images, and detections as COCO writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from retroprop.data.images import pillow
from retroprop.tasks.detection.pictures import Scene, pixels
from retroprop.tasks.detection.score import Found

__all__ = ["COLOURS", "drawn", "outlined", "write"]

Array = np.ndarray[Any, Any]

# Okabe and Ito 2008: to be told apart by those who see fewer colours, too.
COLOURS = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
    (204, 121, 167), (255, 255, 255),
)  # fmt: skip


def outlined(image: Array, boxes: Array, labels: Array, thickness: int = 1) -> Array:
    """A copy of an image (height, width, 3) uint8 with outlines in the colours of the classes.

    Example:
        >>> outlined(np.zeros((5, 5, 3), np.uint8), np.array([[1, 1, 4, 4]]), np.array([0]))[1, 1]
        array([230, 159,   0], dtype=uint8)
    """
    copy = image.copy()
    height, width = copy.shape[:2]
    for box, label in zip(np.rint(boxes).astype(int).tolist(), labels.tolist(), strict=True):
        left, right = max(0, box[0]), min(width, box[2])
        top, bottom = max(0, box[1]), min(height, box[3])
        colour = COLOURS[label % len(COLOURS)]
        copy[top : top + thickness, left:right] = colour
        copy[max(top, bottom - thickness) : bottom, left:right] = colour
        copy[top:bottom, left : left + thickness] = colour
        copy[top:bottom, max(left, right - thickness) : right] = colour
    return copy


def drawn(image: Array, found: Found, classes: Sequence[str]) -> Any:
    """A Pillow image with boxes, classes and scores.

    Raises:
        MissingDependencyError: Pillow is not installed.
    """
    modules = pillow("drawing boxes")
    thickness = max(1, round(max(image.shape[:2]) / 320))
    picture = modules.Image.fromarray(outlined(image, found.boxes, found.labels, thickness))
    pen = modules.ImageDraw.Draw(picture)
    for box, value, label in zip(found.boxes, found.scores, found.labels, strict=True):
        text = f"{classes[label]} {value:.2f}"
        left, top, right, bottom = pen.textbbox((0, 0), text)
        x = min(max(0.0, float(box[0])), max(0.0, picture.width - (right - left) - 2.0))
        y = max(0.0, float(box[1]) - (bottom - top) - 2)
        colour = COLOURS[int(label) % len(COLOURS)]
        pen.rectangle((x, y, x + right - left + 2, y + bottom - top + 2), fill=colour)
        pen.text((x + 1 - left, y + 1 - top), text, fill=(0, 0, 0))
    return picture


def write(
    out: Path, scenes: Sequence[Scene], found: Sequence[Found], classes: Sequence[str]
) -> None:
    """A folder with each image and its boxes as PNG, and detections.json.

    The file is a list of {"image_id", "file_name", "category_id", "category", "bbox" [x, y, width,
    height], "score"}; numbers of images and classes begin at 1, as COCO's do.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    taken: set[str] = set()
    for number, (scene, one) in enumerate(zip(scenes, found, strict=True), start=1):
        stem = PurePosixPath(scene.name.replace("\\", "/")).stem or "image"
        name = stem if stem not in taken else f"{stem}-{number}"
        taken.add(name)
        drawn(pixels(scene.read(), scene.name), one, classes).save(out / f"{name}.png")
        for box, value, label in zip(one.boxes.tolist(), one.scores, one.labels, strict=True):
            corner, sides = box[:2], [box[2] - box[0], box[3] - box[1]]
            rows.append(
                {
                    "image_id": number,
                    "file_name": scene.name,
                    "category_id": int(label) + 1,
                    "category": classes[label],
                    "bbox": [round(side, 2) for side in (*corner, *sides)],
                    "score": round(float(value), 4),
                }
            )
    text = json.dumps(rows, indent=1) + "\n"
    (out / "detections.json").write_text(text, encoding="utf-8")

"""Random changes to training images: which ones make sense for a data set, and the function."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retroprop import data as datasets
from retroprop.errors import unknown

__all__ = ["CHANGES", "MIXES", "background", "change", "chosen", "views", "why", "words"]

CHANGES = ("shift", "flip", "rotate", "erase", "jitter")
MIXES = ("none", "mixup", "cutmix")
_DEGREES = 10.0  # of a small rotation
_SHARE = 12  # a shift is at most this part of the shorter side
_STEP = 28  # an image of so many pixels is judged again one pixel aside
_SIDED = re.compile(r"\b(left|right|izquierd[ao]|derech[ao])\b")

Array = np.ndarray[Any, Any]


def words(value: Any) -> list[str]:
    """A list of names: of "a,b", or as it is.

    Example:
        >>> words("shift, flip"), words(["none"]), words(None)
        (['shift', 'flip'], ['none'], ['none'])
    """
    if value is None:
        return ["none"]
    parts = value.split(",") if isinstance(value, str) else list(value)
    return [str(part).strip().lower() for part in parts if str(part).strip()]


def chosen(given: Sequence[str], class_names: Sequence[str]) -> list[str]:
    """The changes by name; "auto" decides by the classes.

    Raises:
        ArgumentError: a change that does not exist, with the nearest match.

    Example:
        >>> chosen(["auto"], ["cat", "dog"]), chosen(["auto"], ["0", "1"]), chosen(["none"], [])
        (['shift', 'flip'], ['shift'], [])
    """
    if list(given) in ([], ["none"]):
        return []
    if list(given) == ["auto"]:
        return ["shift"] if _handed(class_names) else ["shift", "flip"]
    for name in given:
        if name not in CHANGES:
            raise unknown("augment", name, ("auto", "none", *CHANGES))
    return list(given)


def why(given: Sequence[str], class_names: Sequence[str]) -> str:
    """A sentence on what "auto" decided; "" when it was decided by the user.

    Example:
        >>> why(["none"], ["cat"])
        ''
    """
    if list(given) != ["auto"]:
        return ""
    handed = _handed(class_names)
    if handed:
        return (
            f"training images are shifted a little, and not mirrored because {handed} "
            "(augment=shift,flip changes that)"
        )
    return (
        "training images are shifted a little and mirrored left to right (augment=shift for "
        "images whose mirror image is something else)"
    )


def _handed(class_names: Sequence[str]) -> str:
    """Why a mirror image may be of another class, or of none; "" where nothing says so."""
    if class_names and all(len(name) <= 2 or name.isdigit() for name in class_names):
        return "the classes are called like digits or letters"
    if any(_SIDED.search(name.lower().replace("_", " ")) for name in class_names):
        return "a class is called by its side"
    return ""


def background(images: Any) -> float | None:
    """The value of most pixels of the border of most images, or None where there is none.

    What a shift uncovers is filled with it; else with the mirror image of what is beside it.

    Args:
        images: (examples, height, width[, channels]).

    Example:
        >>> background(np.zeros((3, 5, 5), np.uint8)), background(np.arange(32.0).reshape(2, 4, 4))
        (0.0, None)
    """
    sides = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    border = np.concatenate([side.reshape(-1) for side in sides])
    middle = float(np.median(border))
    return middle if (border == middle).mean() > 0.5 else None


def change(
    names: Sequence[str], mix: str, shape: Sequence[int], fill: float | None, scale: float,
    classes: int,
) -> Callable[..., Any] | None:  # fmt: skip
    """A function (x, y, random generator) -> (x, y) on a batch, or None when nothing is changed.

    It takes bytes or floats and gives float32 in the same units.

    Args:
        names:   of the changes.
        mix:     "none", "mixup" or "cutmix": a second image in each, and its class.
        shape:   (height, width, channels).
        fill:    value of uncovered pixels, or None for the mirror image.
        scale:   deviation of the pixels, the unit of `jitter`.
        classes: how many.

    Raises:
        ArgumentError: a mix that does not exist.

    Example:
        >>> shifted = change(["shift"], "none", (24, 24, 1), 0.0, 1.0, 2)
        >>> x, _ = shifted(np.ones((3, 1, 24, 24), np.uint8), None, np.random.default_rng(0))
        >>> x.shape, x.dtype.name
        ((3, 1, 24, 24), 'float32')
    """
    if mix not in MIXES:
        raise unknown("mix", mix, MIXES)
    blank = 0.0 if fill is None else fill
    pixels = min(max(1, min(shape[:2]) // _SHARE), min(shape[:2]) - 1)
    made: dict[str, Callable[[], Any]] = {
        "shift": lambda: datasets.Crop(pixels, fill=blank, reflect=fill is None),
        "flip": datasets.Flip,
        "rotate": lambda: datasets.Rotate(_DEGREES, fill=blank),
        "erase": lambda: datasets.Erase(fill=blank),
        "jitter": lambda: datasets.Jitter(0.2 * min(scale, 500.0), 0.2),
        "mixup": lambda: datasets.MixUp(classes),
        "cutmix": lambda: datasets.CutMix(classes),
    }
    steps = [made[name]() for name in (*names, *([mix] if mix != "none" else []))]
    if not steps:
        return None
    both = datasets.Compose(steps)

    def changed(x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        return both(np.asarray(x, np.float32), y, rng)

    return changed


def views(x: Any, names: Sequence[str], fill: float | None) -> list[Array]:
    """Images, and the same ones a little shifted and mirrored, as far as training did so.

    Args:
        x:     (examples, channels, height, width).
        names: of the changes in training.
        fill:  value of uncovered pixels, or None for those at the border.

    Example:
        >>> len(views(np.zeros((1, 1, 8, 8)), ["shift", "flip"], 0.0))
        10
    """
    found = [x]
    if "shift" in names:
        step = max(1, min(x.shape[2:]) // _STEP)
        edges = ((0, 0), (0, 0), (step, step), (step, step))
        padded = (
            np.pad(x, edges, mode="edge")
            if fill is None
            else np.pad(x, edges, constant_values=fill)
        )
        height, width = x.shape[2:]
        for down, right in ((0, 1), (2, 1), (1, 0), (1, 2)):
            rows = slice(down * step, down * step + height)
            found.append(padded[:, :, rows, right * step : right * step + width])
    if "flip" in names:
        found += [one[..., ::-1] for one in found]
    return [np.ascontiguousarray(one) for one in found]

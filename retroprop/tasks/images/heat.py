"""Where a network looks: class heat maps, drawn over the images they are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import retroprop as rp
from retroprop.tasks.images.network import Classifier
from retroprop.train.charts.svg import clean, clipped
from retroprop.train.png import data_uri
from retroprop.train.report.page import block, section, table

__all__ = ["Seen", "enlarged", "grad_cam", "heat_section", "overlay", "pick", "smooth"]

_LEAST = 2  # side of feature maps that say where something is
_SIDE = 112  # pixels of a picture in the report
_EACH = 6  # pictures of right answers, and of wrong ones
# Black, purple, red, orange, pale yellow: steps of equal size read as steps of equal size.
_COLOURS = np.array(
    [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], np.float64
)

Array = np.ndarray[Any, Any]


def grad_cam(model: Classifier, x: Any, classes: Sequence[int]) -> Array | None:
    """How much each place of an image speaks for a class: 0 (nothing) to 1 (the most).

        heat = relu(sum_k w_k A_k)        w_k = mean over places of d logit / d A_k

    Args:
        model:   a network whose head judges feature maps A_k.
        x:       (examples, channels, height, width) pixels.
        classes: (examples,) the class to explain in each.

    Returns:
        (examples, height, width) of the maps (smaller than the images); None when the network has
        no maps, or too small ones.

    Example:
        >>> from retroprop import nn
        >>> model = Classifier(
        ...     [0.0],
        ...     [1.0],
        ...     nn.Identity(),
        ...     nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)),
        ... )
        >>> grad_cam(model, np.ones((1, 1, 4, 4), np.float32), [0]).shape
        (1, 4, 4)

    Source: Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2.
    """
    if not model.has_maps:
        return None
    was_training = model.training
    model.eval()
    try:
        with rp.no_grad():
            found = model.maps(rp.asarray(np.asarray(x))).numpy()
        if found.ndim != 4 or min(found.shape[2:]) < _LEAST:
            return None
        maps = rp.Tensor(found, requires_grad=True)
        logits = model.head(maps)
        wanted = np.eye(logits.shape[1], dtype=found.dtype)[np.asarray(classes)]
        (logits * rp.asarray(wanted)).sum().backward()
        assert maps.grad is not None
        weights = maps.grad.numpy().mean(axis=(2, 3), keepdims=True)
    finally:
        model.train(was_training)
    heat = np.maximum((weights * found).sum(axis=1), 0.0)
    most = heat.max(axis=(1, 2), keepdims=True)
    scaled: Array = np.divide(heat, most, out=np.zeros_like(heat), where=most > 0)
    return scaled


def smooth(values: Any, height: int, width: int) -> Array:
    """A map made larger by linear interpolation between the centres of its cells.

    Example:
        >>> smooth(np.array([[0.0, 1.0]]), 1, 4).tolist()
        [[0.0, 0.25, 0.75, 1.0]]
    """

    def places(few: int, many: int) -> tuple[Array, Array, Array]:
        at = np.clip((np.arange(many) + 0.5) * few / many - 0.5, 0, few - 1)
        low = np.floor(at).astype(np.int64)
        return low, np.minimum(low + 1, few - 1), at - low

    top, bottom, down = places(values.shape[0], height)
    left, right, across = places(values.shape[1], width)
    rows = values[top] * (1 - down)[:, None] + values[bottom] * down[:, None]
    grown: Array = rows[:, left] * (1 - across) + rows[:, right] * across
    return grown


def enlarged(image: Any) -> Array:
    """A picture as RGB bytes of about 112 pixels a side: every pixel a square, or a mean.

    Example:
        >>> enlarged(np.zeros((28, 28), np.uint8)).shape
        (112, 112, 3)
    """
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.dtype != np.uint8:
        low, high = float(pixels.min()), float(pixels.max())
        pixels = (255 * (pixels - low) / max(high - low, 1e-12)).astype(np.uint8)
    pixels = np.broadcast_to(pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1],
                             (*pixels.shape[:2], 3))  # fmt: skip
    longest = max(pixels.shape[:2])
    if longest > 2 * _SIDE:
        return np.ascontiguousarray(pixels[:: longest // _SIDE, :: longest // _SIDE])
    factor = max(1, _SIDE // longest)
    grown: Array = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    return grown


def overlay(image: Any, heat: Any) -> Array:
    """A picture with its heat map over it: RGB bytes.

    Example:
        >>> overlay(np.zeros((28, 28), np.uint8), np.eye(7)).shape
        (112, 112, 3)
    """
    picture = enlarged(image)
    grown = smooth(np.asarray(heat, np.float64), *picture.shape[:2])
    place = np.clip(grown, 0, 1) * (len(_COLOURS) - 1)
    low = np.minimum(place.astype(np.int64), len(_COLOURS) - 2)
    rest = (place - low)[..., None]
    colours = _COLOURS[low] * (1 - rest) + _COLOURS[low + 1] * rest
    mixed: Array = np.rint(0.45 * picture + 0.55 * colours).astype(np.uint8)
    return mixed


def pick(chances: Any, truth: Any) -> tuple[list[int], list[int]]:
    """Examples to explain: right answers of different classes, and the surest wrong ones.

    Args:
        chances: (examples, classes) probabilities.
        truth:   (examples,) true classes.

    Example:
        >>> pick(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 0, 0]))
        ([0], [1])
    """
    said = chances.argmax(axis=1)
    sure = chances[np.arange(len(said)), said]
    right: list[int] = []
    for k in np.argsort(-sure, kind="stable"):
        if said[k] == truth[k] and all(truth[k] != truth[other] for other in right):
            right.append(int(k))
    wrong = [int(k) for k in np.argsort(-sure, kind="stable") if said[k] != truth[k]]
    return right[:_EACH], wrong[:_EACH]


class Seen:
    """What the report shows of a test: probabilities, and heat maps of some examples.

    Attributes:
        chances: (examples, classes) probabilities.
        heat:    example -> its heat maps: for the class that was said, and for the true one where
                 that is another.
    """

    def __init__(self, chances: Any, heat: dict[int, list[Array]]) -> None:
        self.chances, self.heat = chances, heat


def heat_section(
    images: dict[int, Any], heat: dict[int, list[Array]], chances: Any, truth: Any,
    names: Sequence[str],
) -> str:  # fmt: skip
    """The section of the report, as markup; nothing where there are no heat maps.

    Args:
        images:  example -> image (height, width[, channels]).
        heat:    as in `Seen`.
        chances: (examples, classes) probabilities.
        truth:   (examples,) true classes.
        names:   of the classes.
    """
    said = chances.argmax(axis=1)
    right, wrong = [], []
    for k, maps in heat.items():
        words = f"{clean(clipped(names[said[k]], 30))} {100 * chances[k, said[k]]:.0f}%"
        cells = [_picture(enlarged(images[k])), _picture(overlay(images[k], maps[0]), words)]
        if said[k] == truth[k]:
            right.append(cells)
        else:
            true = f"{clean(clipped(names[truth[k]], 30))} {100 * chances[k, truth[k]]:.0f}%"
            wrong.append([*cells, _picture(overlay(images[k], maps[1]), true)])
    cards = []
    if right:
        cards.append(block(table(["image", "speaks for what it said"], right), "Right"))
    if wrong:
        heads = ["image", "speaks for what it said", "speaks for what it is"]
        cards.append(block(table(heads, wrong), "Wrong"))
    lead = (
        "Bright places speak for the class under the picture, dark ones do not (Grad-CAM). "
        "A network that looks beside the object has learned something else: a background, a mark."
    )
    return section(
        "Where it looks", lead, f'<div class="grid">{"".join(cards)}</div>' * bool(cards)
    )


def _picture(image: Array, caption: str = "") -> str:
    words = f"<br>{caption}" if caption else ""
    height, width = image.shape[:2]
    side = 112 / max(height, width)
    return (
        f'<img alt="" width="{round(width * side)}" height="{round(height * side)}" '
        f'style="border-radius:6px" src="{data_uri(image)}">{words}'
    )

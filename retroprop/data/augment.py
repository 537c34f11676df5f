"""Random changes to batches of images: same class, other pixels. All images of a batch at once.

Every augmentation is called as `(x, y, rng) -> (x, y)`: x is float (batch, channels, height,
width), y whatever goes with it, rng a NumPy generator. With `generator(seed, epoch, batch)` the
draws depend on those three numbers only, so a resumed run continues with the same pictures.
Nothing changes its arguments. On standardised images the fill value 0 is the mean colour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from retroprop.errors import ArgumentError, ShapeError, unknown

__all__ = [
    "AUGMENTATIONS",
    "Compose",
    "Crop",
    "CutMix",
    "Erase",
    "Flip",
    "Jitter",
    "MixUp",
    "Pad",
    "Rotate",
    "augmentation",
]

Augmentation = Callable[[Any, Any, np.random.Generator], tuple[Any, Any]]


def _images(x: Any) -> Any:
    x = np.asarray(x)
    if x.ndim != 4 or x.dtype.kind != "f":
        raise ShapeError(
            "augmentation takes floating images (batch, channels, height, width), "
            f"got {x.dtype} of shape {x.shape}"
        )
    return x


def _range(name: str, value: float, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ArgumentError(f"{name} must be a number in {low:g} .. {high:g}, got {value!r}")
    return value


def _pixels(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ArgumentError(f"{name} must be a whole number >= 0, got {value!r}")
    return value


class _Named:
    """Prints as the call that makes it."""

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"


class Compose(_Named):
    """One augmentation after the other.

    Example:
        >>> both = Compose([Flip(p=1.0), Pad(1)])
        >>> x, _ = both(np.array([[[[1.0, 2.0]]]]), None, np.random.default_rng(0))
        >>> x[0, 0, 1].tolist()
        [0.0, 2.0, 1.0, 0.0]
    """

    def __init__(self, steps: Sequence[Augmentation]) -> None:
        self.steps = list(steps)

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Apply all steps in order."""
        for step in self.steps:
            x, y = step(x, y, rng)
        return x, y


class Flip(_Named):
    """Mirror images left to right (or, with `vertical`, upside down), each with probability p.

    Example:
        >>> Flip(p=1.0)(np.array([[[[1.0, 2.0]]]]), None, np.random.default_rng(0))[0].tolist()
        [[[[2.0, 1.0]]]]
    """

    def __init__(self, p: float = 0.5, *, vertical: bool = False) -> None:
        self.p, self.vertical = _range("p", p, 0, 1), vertical

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Mirror some of the images."""
        x = _images(x)
        chosen = (rng.random(len(x)) < self.p)[:, None, None, None]
        return np.where(chosen, x[:, :, ::-1] if self.vertical else x[..., ::-1], x), y


class Pad(_Named):
    """Add `size` pixels of `fill` on all four sides.

    Example:
        >>> Pad(2)(np.ones((1, 1, 3, 3)), None, np.random.default_rng(0))[0].shape
        (1, 1, 7, 7)
    """

    def __init__(self, size: int, fill: float = 0.0) -> None:
        self.size, self.fill = _pixels("size", size), fill

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Pad every image."""
        del rng
        edge = (self.size, self.size)
        return np.pad(_images(x), ((0, 0), (0, 0), edge, edge), constant_values=self.fill), y


class Crop(_Named):
    """Shift images: pad them by `padding`, then cut out a random window of `size`.

    Args:
        padding: pixels added on each side before the cut.
        size:    (height, width) of the window, or one number; None keeps the size.
        fill:    value of the padding.
        reflect: mirror the image into the padding instead of `fill`.

    Example:
        >>> Crop(2)(np.ones((5, 3, 8, 8)), None, np.random.default_rng(0))[0].shape
        (5, 3, 8, 8)
    """

    def __init__(
        self, padding: int = 4, size: Any = None, *, fill: float = 0.0, reflect: bool = False
    ) -> None:
        self.padding, self.size = _pixels("padding", padding), size
        self.fill, self.reflect = fill, reflect

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Cut a window at random out of every image."""
        x = _images(x)
        height, width = x.shape[2:]
        size = (height, width) if self.size is None else self.size
        rows, columns = (size, size) if isinstance(size, int) else size
        edges = ((0, 0), (0, 0), *((self.padding, self.padding),) * 2)
        padded = (
            np.pad(x, edges, mode="reflect")
            if self.reflect
            else np.pad(x, edges, constant_values=self.fill)
        )
        room = (padded.shape[2] - rows, padded.shape[3] - columns)
        if min(room) < 0 or min(rows, columns) < 1:
            raise ShapeError(
                f"crop: a window of {rows}x{columns} does not fit images of {height}x{width} "
                f"padded by {self.padding}"
            )
        windows = np.lib.stride_tricks.sliding_window_view(padded, (rows, columns), axis=(2, 3))
        top = rng.integers(0, room[0] + 1, len(x))
        left = rng.integers(0, room[1] + 1, len(x))
        return windows[np.arange(len(x)), :, top, left], y


class Rotate(_Named):
    """Turn images about their centre by a random angle up to `degrees` either way (bilinear).

    Example:
        >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
        >>> bool(np.allclose(Rotate(0)(x, None, np.random.default_rng(0))[0], x))
        True
    """

    def __init__(self, degrees: float = 10.0, *, fill: float = 0.0) -> None:
        self.degrees, self.fill = _range("degrees", degrees, 0, 180), fill

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Turn every image by an angle of its own."""
        x = _images(x)
        angle = np.deg2rad(rng.uniform(-self.degrees, self.degrees, len(x)))
        return _turned(x, angle, self.fill), y


def _turned(x: Any, angle: Any, fill: float) -> Any:
    """Each output pixel gathers the four input pixels around the place it comes from."""
    batch, _, height, width = x.shape
    down = np.arange(height) - (height - 1) / 2
    right = np.arange(width) - (width - 1) / 2
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    row = cosine * down[:, None] - sine * right + (height - 1) / 2 + 1  # + 1: a border of fill
    column = sine * down[:, None] + cosine * right + (width - 1) / 2 + 1
    row, column = np.clip(row, 0, height + 1), np.clip(column, 0, width + 1)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=fill)
    top = np.minimum(row.astype(np.int64), height)
    left = np.minimum(column.astype(np.int64), width)
    lower, later = (row - top).astype(x.dtype), (column - left).astype(x.dtype)
    image = np.arange(batch)[:, None, None]
    output = np.zeros((batch, height, width, x.shape[1]), dtype=x.dtype)
    for step_down, step_right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = (lower if step_down else 1 - lower) * (later if step_right else 1 - later)
        output += weight[..., None] * padded[image, :, top + step_down, left + step_right]
    return np.ascontiguousarray(output.transpose(0, 3, 1, 2))


class Jitter(_Named):
    """Change brightness and contrast: x * contrast + brightness, drawn for each image.

    Args:
        brightness: added, uniform in -brightness .. brightness (in deviations of the pixels).
        contrast:   factor, uniform in 1 - contrast .. 1 + contrast.

    Example:
        >>> Jitter(0.0, 0.0)(np.ones((1, 1, 1, 1)), None, np.random.default_rng(0))[0].item()
        1.0
    """

    def __init__(self, brightness: float = 0.2, contrast: float = 0.2) -> None:
        self.brightness = _range("brightness", brightness, 0, 100)
        self.contrast = _range("contrast", contrast, 0, 1)

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Change every image."""
        x = _images(x)
        shape = (len(x), 1, 1, 1)
        factor = rng.uniform(1 - self.contrast, 1 + self.contrast, shape)
        offset = rng.uniform(-self.brightness, self.brightness, shape)
        return x * factor.astype(x.dtype) + offset.astype(x.dtype), y


def _box(shape: tuple[int, ...], height: Any, width: Any, rng: np.random.Generator) -> Any:
    """(batch, 1, rows, columns): whether a pixel is in its image's box; boxes lie inside."""
    batch, _, rows, columns = shape
    top = np.floor(rng.random(batch) * (rows - height + 1))[:, None]
    left = np.floor(rng.random(batch) * (columns - width + 1))[:, None]
    down, right = np.arange(rows), np.arange(columns)
    inside_rows = (down >= top) & (down < top + height[:, None])
    inside_columns = (right >= left) & (right < left + width[:, None])
    return (inside_rows[:, :, None] & inside_columns[:, None, :])[:, None]


class Erase(_Named):
    """Blank out a box of each image, with probability p (random erasing, cutout).

    Args:
        p:    probability for each image.
        area: share of the image that the box covers, uniform between the two; sides in 1:2 to 2:1.
        fill: what to put there.

    Example:
        >>> x, _ = Erase(1.0, (0.25, 0.25))(np.ones((1, 1, 8, 8)), None, np.random.default_rng(0))
        >>> 10 < (x == 0).sum() < 20
        np.True_

    Source: Zhong et al. 2017, arXiv:1708.04896; DeVries, Taylor 2017, arXiv:1708.04552.
    """

    def __init__(
        self, p: float = 0.5, area: tuple[float, float] = (0.02, 0.3), *, fill: float = 0.0
    ) -> None:
        self.p, self.fill = _range("p", p, 0, 1), fill
        self.area = (_range("area[0]", area[0], 0, 1), _range("area[1]", area[1], area[0], 1))

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Blank out boxes in some of the images."""
        x = _images(x)
        batch, _, rows, columns = x.shape
        chosen = (rng.random(batch) < self.p)[:, None, None, None]
        share = rng.uniform(*self.area, batch)
        ratio = 2.0 ** rng.uniform(-1, 1, batch)
        height = np.clip(np.round(np.sqrt(share * ratio) * rows), 0, rows)
        width = np.clip(np.round(np.sqrt(share / ratio) * columns), 0, columns)
        box = _box(x.shape, height, width, rng)
        return np.where(box & chosen, np.asarray(self.fill, dtype=x.dtype), x), y


def _probabilities(y: Any, classes: int | None) -> Any:
    """Targets that can be mixed: class indices become one-hot rows."""
    y = np.asarray(y)
    if y.dtype.kind == "f":
        return y
    if classes is None or y.ndim != 1:
        raise ArgumentError(
            f"mixing needs classes= to make probabilities of {y.dtype} targets of shape {y.shape}"
        )
    if len(y) and not 0 <= int(y.min()) <= int(y.max()) < classes:
        raise ArgumentError(f"class indices go from {y.min()} to {y.max()}, classes={classes}")
    return np.eye(classes, dtype=np.float32)[y]


def _blend(y: Any, other: Any, share: Any) -> Any:
    share = share.reshape((-1,) + (1,) * (y.ndim - 1)).astype(y.dtype)
    return share * y + (1 - share) * other


class MixUp(_Named):
    """Blend every image with another of the batch, and their targets in the same share.

    The share is Beta(alpha, alpha) distributed, drawn for each image.

    Args:
        classes: number of classes, to turn class indices (batch,) into probabilities
                 (batch, classes); None for targets that are floats already.
        alpha:   > 0; the larger, the more even the blend.

    Example:
        >>> x, y = np.ones((4, 1, 2, 2)), np.array([0, 1, 2, 1])
        >>> x, y = MixUp(3)(x, y, np.random.default_rng(0))
        >>> y.shape, bool(np.allclose(y.sum(axis=1), 1))
        ((4, 3), True)

    Source: Zhang et al. 2017, arXiv:1710.09412. Differs: a share for each image, not each batch.
    """

    def __init__(self, classes: int | None = None, alpha: float = 0.2) -> None:
        self.classes, self.alpha = classes, _range("alpha", alpha, 1e-6, 1e6)

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Blend every image with a partner."""
        x, y = _images(x), _probabilities(y, self.classes)
        partner = rng.permutation(len(x))
        share = rng.beta(self.alpha, self.alpha, len(x))
        return _blend(x, x[partner], share), _blend(y, y[partner], share)


class CutMix(_Named):
    """Paste a box of another image of the batch into every image; targets blend by area.

    Args:
        classes: as in `MixUp`.
        alpha:   the share that stays is Beta(alpha, alpha) distributed.

    Example:
        >>> x, y = np.ones((4, 1, 8, 8)), np.array([0, 1, 0, 1])
        >>> x, y = CutMix(2)(x, y, np.random.default_rng(0))
        >>> bool(np.allclose(y.sum(axis=1), 1))
        True

    Source: Yun et al. 2019, arXiv:1905.04899. Differs: a box for each image, wholly inside it.
    """

    def __init__(self, classes: int | None = None, alpha: float = 1.0) -> None:
        self.classes, self.alpha = classes, _range("alpha", alpha, 1e-6, 1e6)

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Paste a partner's box into every image."""
        x, y = _images(x), _probabilities(y, self.classes)
        partner = rng.permutation(len(x))
        side = np.sqrt(1 - rng.beta(self.alpha, self.alpha, len(x)))
        height, width = np.round(side * x.shape[2]), np.round(side * x.shape[3])
        box = _box(x.shape, height, width, rng)
        share = 1 - height * width / (x.shape[2] * x.shape[3])
        return np.where(box, x[partner], x), _blend(y, y[partner], share)


AUGMENTATIONS: dict[str, Callable[..., Augmentation]] = {
    "crop": Crop, "cutmix": CutMix, "erase": Erase, "flip": Flip, "jitter": Jitter, "mixup": MixUp,
    "pad": Pad, "rotate": Rotate,
}  # fmt: skip


def augmentation(spec: Mapping[str, Any], classes: int | None = None) -> Compose:
    """Augmentations by name, as a configuration writes them, in the order given.

    Args:
        spec:    name -> True (defaults), False (left out), or a dict of arguments.
        classes: for mixup and cutmix.

    Raises:
        ArgumentError: "unknown augmentation 'flop'; did you mean 'flip'?", or wrong arguments.

    Example:
        >>> augmentation({"flip": True, "crop": {"padding": 2}}).steps[0]
        Flip(p=0.5, vertical=False)
    """
    steps = []
    for name, given in spec.items():
        if name not in AUGMENTATIONS:
            raise unknown("augmentation", name, AUGMENTATIONS)
        if given is False or given is None:
            continue
        arguments = dict(given) if isinstance(given, Mapping) else {}
        if name in ("mixup", "cutmix"):
            arguments.setdefault("classes", classes)
        try:
            steps.append(AUGMENTATIONS[name](**arguments))
        except TypeError as cause:
            raise ArgumentError(f"augmentation {name!r}: {cause}") from cause
    return Compose(steps)

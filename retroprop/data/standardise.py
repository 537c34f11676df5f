"""Preprocessors of arrays: images per channel, feature vectors per feature."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.data.preprocess import Preprocessor, TablePreprocessor
from retroprop.data.target import Target
from retroprop.errors import DataError, ShapeError, unknown

__all__ = ["ArrayPreprocessor", "ImagePreprocessor", "preprocessor_from_dict"]

CLIP = 10.0  # a feature stays within this many deviations of the mean
_CHUNK = 256  # images at a time, to keep float64 copies small


def _moments(x: Any) -> tuple[Any, Any]:
    """Mean and deviation over all axes but the last, accumulated in float64."""
    count = x.size // x.shape[-1]
    axes = tuple(range(x.ndim - 1))
    total = np.zeros(x.shape[-1])
    for start in range(0, len(x), _CHUNK):
        total += x[start : start + _CHUNK].sum(axis=axes, dtype=np.float64)
    mean = total / count
    square = np.zeros(x.shape[-1])
    for start in range(0, len(x), _CHUNK):
        square += ((x[start : start + _CHUNK] - mean) ** 2).sum(axis=axes)
    return mean, np.sqrt(square / count)


def _numbers(x: Any, what: str) -> Any:
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise DataError(f"{what} must be numbers, got {array.dtype}")
    if array.ndim == 0 or len(array) == 0:
        raise DataError(f"there are no {what}")
    return array


class ImagePreprocessor(Preprocessor):
    """Images, (examples, height, width) or (..., channels), to float32 (examples, channels,
    height, width) of mean 0 and deviation 1 per channel.

    Attributes:
        shape_: (height, width, channels) seen in training.
        mean_, scale_: of each channel, in the units of the pixels.

    Example:
        >>> pre = ImagePreprocessor().fit(np.array([[[0, 255]]], dtype=np.uint8))
        >>> pre.transform(np.array([[[255, 0]]], dtype=np.uint8)).tolist()
        [[[[1.0, -1.0]]]]
    """

    kind = "images"

    def __init__(self, target: Target | None = None) -> None:
        super().__init__(target)
        self.shape_: tuple[int, ...] = ()
        self.mean_: list[float] = []
        self.scale_: list[float] = []

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, height, width)"""
        height, width, channels = self.shape_
        return (channels, height, width)

    def _learn(self, x: Any) -> None:
        images = self._checked(x)
        self.shape_ = tuple(map(int, images.shape[1:]))
        mean, deviation = _moments(images)
        self.mean_ = mean.tolist()
        self.scale_ = np.where(deviation > 0, deviation, 1.0).tolist()

    @staticmethod
    def _checked(x: Any) -> Any:
        images = _numbers(x, "images")
        if images.ndim == 3:
            images = images[..., None]
        if images.ndim != 4:
            raise ShapeError(
                "images must be (examples, height, width) or (examples, height, width, channels), "
                f"got {images.shape}"
            )
        return images

    def transform(self, x: Any) -> Any:
        """Images to float32 (examples, channels, height, width).

        Raises:
            DataError: images of another size or number of channels than in training.
        """
        if not self.shape_:
            raise DataError("this preprocessor has learned nothing yet", fix="call fit first")
        images = self._checked(x)
        if images.shape[1:] != self.shape_:
            given, wanted = (
                f"{shape[0]}x{shape[1]} with {shape[2]} channels"
                for shape in (images.shape[1:], self.shape_)
            )
            raise DataError(
                f"images are {given} (height x width), training had {wanted}",
                fix="resize them; image files are resized by themselves",
            )
        mean = np.array(self.mean_, dtype=np.float32)[:, None, None]
        scale = np.array(self.scale_, dtype=np.float32)[:, None, None]
        output = images.transpose(0, 3, 1, 2).astype(np.float32, order="C")
        output -= mean
        output /= scale
        return output

    def _record(self) -> dict[str, Any]:
        return {"shape": list(self.shape_), "mean": self.mean_, "scale": self.scale_}

    @classmethod
    def _restored(cls, record: dict[str, Any]) -> ImagePreprocessor:
        made = cls()
        made.shape_ = tuple(int(size) for size in record["shape"])
        made.mean_, made.scale_ = _floats(record["mean"]), _floats(record["scale"])
        if len(made.shape_) != 3 or not len(made.mean_) == len(made.scale_) == made.shape_[2]:
            raise DataError("damaged preprocessor record: sizes of an image")
        return made


class ArrayPreprocessor(Preprocessor):
    """Arrays (examples, ...) to float32 (examples, features), standardised per feature.

    Bytes (uint8) are pixels or counts of one unit: they share one mean and deviation. Features
    that do not vary in the training part become 0.

    Attributes:
        shape_: shape of one raw example.
        center_, scale_: per feature, or one for all.

    Example:
        >>> pre = ArrayPreprocessor().fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
        >>> pre.transform(np.array([[5.0, 5.0]])).tolist()
        [[3.0, 0.0]]
    """

    kind = "arrays"

    def __init__(self, target: Target | None = None) -> None:
        super().__init__(target)
        self.shape_: tuple[int, ...] | None = None
        self.center_: list[float] = []
        self.scale_: list[float] = []

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(features,)"""
        return (int(np.prod(self.shape_ or (1,))),)

    def _learn(self, x: Any) -> None:
        values = _numbers(x, "feature arrays")
        self.shape_ = tuple(map(int, values.shape[1:]))
        flat = self._finite(values)
        if values.dtype == np.uint8:
            flat = flat.reshape(-1, 1)
        size = np.maximum(np.abs(flat).max(axis=0), np.finfo(np.float64).tiny)
        center, deviation = _moments(flat / size)
        varies = deviation > 1e-12 * np.maximum(np.abs(center), 1e-300)
        self.center_ = (center * size).tolist()
        self.scale_ = np.where(varies, deviation * size, np.inf).tolist()
        # Infinity has no JSON; 0 stands for a feature that does not vary.
        self.scale_ = [0.0 if scale == np.inf else scale for scale in self.scale_]

    def _finite(self, values: Any) -> Any:
        """(examples, features) float64, or an error that names the first value that is not."""
        flat = values.reshape(len(values), -1).astype(np.float64)
        bad = ~np.isfinite(flat)
        if bad.any():
            row, feature = np.argwhere(bad)[0]
            raise DataError(
                f"feature {feature} is {flat[row, feature]}", file="feature arrays", row=int(row)
            )
        return flat

    def transform(self, x: Any) -> Any:
        """Arrays to float32 (examples, features).

        Raises:
            DataError: another number of features than in training, or values that are not finite.
        """
        if self.shape_ is None:
            raise DataError("this preprocessor has learned nothing yet", fix="call fit first")
        values = _numbers(x, "feature arrays")
        if values.shape[1:] != self.shape_:
            raise DataError(
                f"examples have shape {values.shape[1:]}, training had {self.shape_}",
                fix="give the same features in the same order",
            )
        scale = np.array(self.scale_)
        inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        with np.errstate(over="ignore"):  # infinite here means CLIP in a moment
            reach, center = CLIP * scale, np.array(self.center_)
            flat = np.clip(self._finite(values), center - reach, center + reach)
            flat = (flat - center) * inverse
        return np.clip(flat, -CLIP, CLIP, out=flat).astype(np.float32)

    def _record(self) -> dict[str, Any]:
        return {"shape": list(self.shape_ or ()), "center": self.center_, "scale": self.scale_}

    @classmethod
    def _restored(cls, record: dict[str, Any]) -> ArrayPreprocessor:
        made = cls()
        made.shape_ = tuple(int(size) for size in record["shape"])
        made.center_, made.scale_ = _floats(record["center"]), _floats(record["scale"])
        if len(made.center_) != len(made.scale_) or len(made.center_) not in (
            1,
            made.input_shape[0],
        ):
            raise DataError("damaged preprocessor record: sizes of the features")
        return made


def _floats(values: Any) -> list[float]:
    return [float(value) for value in values]


_KINDS: dict[str, type[Preprocessor]] = {
    cls.kind: cls for cls in (TablePreprocessor, ImagePreprocessor, ArrayPreprocessor)
}


def preprocessor_from_dict(record: dict[str, Any]) -> Any:
    """The preprocessor of any kind that `to_dict` wrote.

    Raises:
        ArgumentError: "unknown preprocessor kind 'tabel'; did you mean 'table'?"
        DataError: a damaged record.

    Example:
        >>> pre = ArrayPreprocessor().fit(np.array([[1.0], [3.0]]))
        >>> preprocessor_from_dict(pre.to_dict()).transform(np.array([[2.0]])).tolist()
        [[0.0]]
    """
    kind = record.get("kind") if isinstance(record, dict) else None
    if kind not in _KINDS:
        raise unknown("preprocessor kind", kind, _KINDS)
    return _KINDS[str(kind)].from_dict(record)

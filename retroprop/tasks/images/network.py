"""The networks that tell images apart: residual, a small stack of convolutions, or dense layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, unknown
from retroprop.tasks import networks

__all__ = ["MODELS", "Classifier", "Residual", "build", "stages"]

MODELS = ("resnet", "cnn", "mlp")
_LEAST, _WIDEST = 2, 512  # side of feature maps; channels
_SMALLEST = 7  # side of the last feature maps: enough to say where something is


class Residual(nn.Module):
    """Two convolutions whose result is added to what went in.

        y = act(norm(conv(act(norm(conv(x))))) + shortcut(x))

    The shortcut is x itself, or a 1x1 convolution where the number of channels changes. The last
    norm begins with the scale 0, so that the block begins as its shortcut.

    Args:
        channels, out: in and out; images (batch, channels, height, width) keep their size.
        activation:    class of the activation.

    Example:
        >>> Residual(4, 8)(rp.ones((2, 4, 6, 6))).shape
        (2, 8, 6, 6)

    Source: He et al. 2015, arXiv:1512.03385; the scale 0: Goyal et al. 2017, arXiv:1706.02677.
    """

    def __init__(self, channels: int, out: int, activation: Any = nn.ReLU) -> None:
        super().__init__()
        last = nn.BatchNorm2d(out)
        assert last.weight is not None
        nn.init.zeros_(last.weight)
        self.inner = nn.Sequential(
            nn.Conv2d(channels, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
            activation(),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
            last,
        )
        self.shortcut: nn.Module = nn.Identity()
        if channels != out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out)
            )
        self.act = activation()

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        """(batch, channels, height, width) to (batch, out, height, width)."""
        y: rp.Tensor = self.act(self.inner(x) + self.shortcut(x))
        return y


class Classifier(nn.Module):
    """A network over raw pixels: it normalises them, makes feature maps, and judges these.

        logits = head(features((x - mean) / scale))

    Args:
        mean, scale: (channels,) of the training images, in the units of the pixels.
        features:    (batch, channels, height, width) to feature maps, or to a row each.
        head:        from there to (batch, classes).

    Example:
        >>> model = Classifier([127.5], [127.5], nn.Flatten(), nn.Linear(4, 3))
        >>> model(rp.asarray(np.zeros((5, 1, 2, 2), np.uint8))).shape
        (5, 3)
    """

    def __init__(
        self, mean: Sequence[float], scale: Sequence[float], features: nn.Module, head: nn.Module
    ) -> None:
        super().__init__()
        self.mean, self.scale = (
            nn.Buffer(np.asarray(values, np.float32).reshape(1, -1, 1, 1))
            for values in (mean, scale)
        )
        self.features, self.head = features, head

    @property
    def has_maps(self) -> bool:
        """Whether the head judges feature maps, which have places."""
        return not any(isinstance(one, nn.Flatten) for one in self.features.modules())

    def maps(self, x: rp.Tensor) -> rp.Tensor:
        """What the head judges: (batch, channels, height, width), unless there are none."""
        y: rp.Tensor = self.features((x.astype(self.mean.dtype) - self.mean) / self.scale)
        return y

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        """Pixels (batch, channels, height, width), bytes or floats, to logits (batch, classes)."""
        logits: rp.Tensor = self.head(self.maps(x))
        return logits


def stages(height: int, width: int) -> int:
    """How often an image is halved until its shorter side is about 7.

    Example:
        >>> stages(28, 28), stages(32, 48), stages(128, 128), stages(5, 5)
        (2, 2, 4, 1)
    """
    return max(1, min(6, round(math.log2(max(1, min(height, width)) / _SMALLEST))))


def build(options: dict[str, Any], learned: Any, classes: int) -> Classifier:
    """The network that the options describe, freshly initialised from the random state.

    `resnet`: a convolution, then stages: each halves the image and has residual blocks, of `width`
    channels in the first stage and twice as many in each further one; then the mean over places.
    `cnn`: convolutions with 2x2 max pooling, then dense layers. `mlp`: dense layers.

    Args:
        options: model, width, blocks, channels, hidden, activation, init, batch_norm, dropout.
        learned: an `ImagePreprocessor`: shape, mean and deviation of the training images.
        classes: how many.

    Raises:
        ArgumentError: an unknown model, activation or initialisation.
    """
    makers = {"resnet": _resnet, "cnn": _cnn, "mlp": _mlp}
    if options["model"] not in makers:
        raise unknown("model", options["model"], MODELS)
    networks.check(options)
    for name in ("hidden", "channels"):
        if options[name] and options["model"] == "resnet":
            raise ArgumentError(f"{name}= is for model=cnn and model=mlp; a resnet has width=")
    features, head = makers[options["model"]](options, list(learned.input_shape), classes)
    parts = (nn.Sequential(*features), nn.Sequential(*head))
    model: Classifier = networks.started(
        Classifier(learned.mean_, learned.scale_, *parts), options["init"]
    )
    return model


_Layers = tuple[list[nn.Module], list[nn.Module]]


def _resnet(options: dict[str, Any], shape: list[int], classes: int) -> _Layers:
    act = networks.ACTIVATIONS[options["activation"]]
    channels, height, width = shape
    size = max(1, options["width"] // 2)
    stem: list[nn.Module] = [
        nn.Conv2d(channels, size, 3, padding=1, bias=False), nn.BatchNorm2d(size), act(),
    ]  # fmt: skip
    for stage in range(stages(height, width)):
        if min(height, width) >= 2 * _LEAST:
            stem.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
        out = min(options["width"] << stage, _WIDEST)
        for _ in range(options["blocks"]):
            stem.append(Residual(size, out, act))
            size = out
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *_dropout(options), nn.Linear(size, classes)]
    return stem, head


def _dropout(options: dict[str, Any]) -> list[nn.Module]:
    return [nn.Dropout(options["dropout"])] if options["dropout"] else []


def _cnn(options: dict[str, Any], shape: list[int], classes: int) -> _Layers:
    act = networks.ACTIVATIONS[options["activation"]]
    channels, height, width = shape
    layers: list[nn.Module] = []
    for size in options["channels"]:
        norm = options["batch_norm"]
        layers.append(nn.Conv2d(channels, size, 3, padding=1, bias=not norm))
        layers += [nn.BatchNorm2d(size)] if norm else []
        layers.append(act())
        channels = size
        if min(height, width) >= 2 * _LEAST:
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
    features, head = networks.dense(options, channels * height * width)
    return layers, [nn.Flatten(), *head, nn.Linear(features, classes)]


def _mlp(options: dict[str, Any], shape: list[int], classes: int) -> _Layers:
    features, layers = networks.dense(options, math.prod(shape))
    return [nn.Flatten(), *layers], [nn.Linear(features, classes)]

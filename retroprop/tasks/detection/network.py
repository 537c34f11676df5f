"""An anchor-free detector of one stage: residual network, feature pyramid, a head for all maps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import retroprop as rp
from retroprop import dtypes, nn

__all__ = ["Detector"]

_PRIOR = 0.01  # probability of a class anywhere, before training


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def _patches(outputs: int) -> nn.Module:
    """A quarter of the height and width at once: large feature maps are what costs time."""
    return nn.Sequential(
        nn.Conv2d(3, outputs, 7, 4, 3, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Residual(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2015, arXiv:1512.03385).

    Example:
        >>> Residual(8)(rp.zeros((1, 8, 4, 4))).shape
        (1, 8, 4, 4)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        assert self.norm.weight is not None
        nn.init.zeros_(self.norm.weight)  # begins as the shortcut alone

    def forward(self, x: Any) -> rp.Tensor:
        out: rp.Tensor = nn.functional.relu(x + self.norm(self.second(self.first(x))))
        return out


class Pyramid(nn.Module):
    """Feature maps of several strides with as many channels each, what is coarse added to the fine.

    Source: Lin et al. 2016, arXiv:1612.03144.

    Example:
        >>> maps = [rp.zeros((1, 8, 4, 4)), rp.zeros((1, 12, 2, 2))]
        >>> [one.shape for one in Pyramid([8, 12], 6)(maps)]
        [(1, 6, 4, 4), (1, 6, 2, 2)]
    """

    def __init__(self, inputs: Sequence[int], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList([nn.Conv2d(each, channels, 1) for each in inputs])
        self.smooth = nn.ModuleList([_conv(channels, channels) for _ in inputs])

    def forward(self, maps: Sequence[Any]) -> list[rp.Tensor]:
        flat = [layer(x) for layer, x in zip(self.lateral, maps, strict=True)]
        for index in range(len(flat) - 2, -1, -1):
            larger = nn.functional.interpolate(flat[index + 1], scale_factor=2)
            rows, columns = flat[index].shape[2:]  # an odd number was rounded up
            flat[index] = flat[index] + larger[:, :, :rows, :columns]
        return [layer(x) for layer, x in zip(self.smooth, flat, strict=True)]


class Head(nn.Module):
    """At each place of a feature map: class logits, four distances (before softplus), centre-ness.

    Example:
        >>> Head(8, classes=3)(rp.zeros((2, 8, 4, 5))).shape
        (2, 20, 8)
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.class_tower, self.box_tower = self._tower(channels), self._tower(channels)
        self.classes = nn.Conv2d(channels, classes, 3, 1, 1)
        self.box = nn.Conv2d(channels, 5, 3, 1, 1)
        nn.init.normal_(self.classes.weight, std=0.01)
        nn.init.normal_(self.box.weight, std=0.01)
        assert self.classes.bias is not None
        assert self.box.bias is not None
        nn.init.constant_(self.classes.bias, -math.log((1 - _PRIOR) / _PRIOR))
        nn.init.constant_(self.box.bias, 1.5)

    @staticmethod
    def _tower(channels: int) -> nn.Module:
        # One head for maps of all strides, whose batch statistics differ: no normalisation.
        return nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1), nn.ReLU())

    def forward(self, x: Any) -> rp.Tensor:
        parts = [self.classes(self.class_tower(x)), self.box(self.box_tower(x))]
        both = rp.permute_dims(rp.concat(parts, axis=1), axes=(0, 2, 3, 1))
        batch, rows, columns, outputs = both.shape
        return both.reshape((batch, rows * columns, outputs))


class Detector(nn.Module):
    """Images to what `targets.decode` makes boxes of.

    Args:
        classes:  how many.
        channels: of the feature maps of strides 4, 8, 16 (, 32, ...): each one from stride 8 on is
                  judged.
        head:     channels of pyramid and head.
        blocks:   residual blocks of each stride from 8 on.

    Shape: (batch, height, width, 3) uint8 -> (batch, places, classes + 5), with the places of
    `targets.Grid`.

    Example:
        >>> network = Detector(2, [8, 8, 16], head=8)
        >>> network(rp.zeros((1, 32, 48, 3), dtype=rp.uint8)).shape
        (1, 30, 7)

    Source: FCOS, Tian et al. 2019, arXiv:1904.01355. Differs: a small network trained from nothing,
    towers of one layer, softplus instead of exp for distances.
    """

    def __init__(
        self, classes: int, channels: Sequence[int], *, head: int = 48, blocks: int = 1
    ) -> None:
        super().__init__()
        self.stem = _patches(channels[0])
        self.stages = nn.ModuleList(
            [
                nn.Sequential(_conv(before, after, 2), *(Residual(after) for _ in range(blocks)))
                for before, after in itertools.pairwise(channels)
            ]
        )
        self.pyramid = Pyramid(channels[1:], head)
        self.head = Head(head, classes)

    def forward(self, images: Any) -> rp.Tensor:
        x = rp.permute_dims(rp.astype(images, dtypes.float32), axes=(0, 3, 1, 2))
        x = self.stem((x - 127.5) * (1 / 64))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return rp.concat([self.head(x) for x in self.pyramid(maps)], axis=1)

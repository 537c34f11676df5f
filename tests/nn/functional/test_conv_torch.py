"""Convolution functions against PyTorch: strides, paddings, dilations, groups, odd sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

SIZES = {1: (9,), 2: (7, 6), 3: (5, 4, 6)}
WINDOWS = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}
CONVS: list[dict[str, Any]] = [
    {},
    {"stride": 2},
    {"padding": 1},
    {"padding": "same"},
    {"padding": "same", "dilation": 2},
    {"padding": "valid", "stride": 2},
    {"dilation": 2, "padding": 2},
    {"groups": 2, "stride": 2, "padding": 1},
    {"groups": 4, "padding": 1},
]
TRANSPOSED: list[dict[str, Any]] = [
    {},
    {"stride": 2},
    {"stride": 2, "padding": 1},
    {"stride": 3, "output_padding": 2},
    {"stride": 2, "padding": 1, "output_padding": 1},
    {"dilation": 2, "output_padding": 1},
    {"dilation": 3, "padding": 1, "output_padding": 2},
    {"groups": 2, "stride": 2, "padding": 1},
]


def normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape)


def of(module: Any, name: str, options: dict[str, Any]) -> Any:
    return lambda *xs: getattr(module, name)(*xs, **options)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", CONVS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_convolution(count: int, options: dict[str, Any], dtype: str) -> None:
    groups = options.get("groups", 1)
    x, w = normal(2, 4, *SIZES[count]), normal(8, 4 // groups, *WINDOWS[count])
    name = f"conv{count}d"
    agree(torch, of(F, name, options), of(TF, name, options), [x, w, normal(8)], dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", TRANSPOSED, ids=str)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_transposed_convolution(count: int, options: dict[str, Any], dtype: str) -> None:
    groups = options.get("groups", 1)
    sizes = tuple(n // 2 + 1 for n in SIZES[count])
    x, w = normal(2, 4, *sizes), normal(4, 6 // groups, *WINDOWS[count])
    name = f"conv_transpose{count}d"
    agree(torch, of(F, name, options), of(TF, name, options), [x, w, normal(6)], dtype=dtype)


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
def test_a_single_sample(name: str) -> None:
    agree(torch, getattr(F, name), getattr(TF, name), [normal(3, 5, 5), normal(3, 3, 2, 2)])


def test_numbers_for_each_axis() -> None:
    options = {"stride": (2, 1), "padding": (0, 1), "dilation": (1, 2)}
    floats = [normal(2, 3, 8, 7), normal(4, 3, 3, 2)]
    agree(torch, of(F, "conv2d", options), of(TF, "conv2d", options), floats)

"""Convolution layers against PyTorch: outputs, all gradients, keys, initial ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop import nn
from tests.nn.parity import agree

torch = pytest.importorskip("torch")

SIZES = {1: (11,), 2: (7, 8), 3: (5, 4, 6)}
CONVS: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 3, "stride": 2, "padding": 1, "bias": False},
    {"kernel_size": 3, "padding": "same", "dilation": 2},
    {"kernel_size": 2, "groups": 2, "padding": "valid"},
    {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"},
    {"kernel_size": 3, "padding": 2, "padding_mode": "replicate", "stride": 2},
    {"kernel_size": 3, "padding": 1, "padding_mode": "circular"},
    {"kernel_size": 3, "padding": "same", "padding_mode": "circular"},
]
TRANSPOSED: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 4, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1, "groups": 2},
    {"kernel_size": 2, "dilation": 2, "bias": False},
]


def normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape)


def pair(name: str, *arguments: Any, **options: Any) -> Any:
    return getattr(nn, name)(*arguments, **options), getattr(torch.nn, name)(*arguments, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", CONVS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_convolution(count: int, options: dict[str, Any], dtype: str) -> None:
    if count == 3 and options.get("padding_mode") == "reflect":
        options = {**options, "padding": (1, 1, 1)}
    ours, theirs = pair(f"Conv{count}d", 4, 6, **options)
    agree(torch, ours, theirs, [normal(2, 4, *SIZES[count])], dtype=dtype)
    agree(torch, *pair(f"Conv{count}d", 4, 6, **options), [normal(4, *SIZES[count])])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", TRANSPOSED, ids=str)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_transposed_convolution(count: int, options: dict[str, Any], dtype: str) -> None:
    ours, theirs = pair(f"ConvTranspose{count}d", 4, 6, **options)
    sizes = tuple(n // 2 for n in SIZES[count])
    agree(torch, ours, theirs, [normal(2, 4, *sizes)], dtype=dtype)


@pytest.mark.parametrize("output_size", [(13, 14), (14, 13), (2, 6, 14, 14)])
def test_transposed_convolution_to_a_size(output_size: tuple[int, ...]) -> None:
    options = {"kernel_size": 3, "stride": 2, "padding": 1}
    ours, theirs = pair("ConvTranspose2d", 4, 6, **options)
    agree(torch, ours, theirs, [normal(2, 4, 7, 7)], output_size=output_size)


def test_parameters_start_in_the_range_of_pytorch() -> None:
    for name, arguments in [("Conv2d", (16, 32, 3)), ("ConvTranspose1d", (16, 32, 5))]:
        ours, theirs = pair(name, *arguments)
        bound = np.prod(ours.weight.shape[1:]) ** -0.5
        for key, expected in theirs.state_dict().items():
            for values in (ours.state_dict()[key].numpy(), expected.numpy()):
                assert 0.8 * bound < np.abs(values).max() <= bound
                assert abs(values.mean()) < 0.25 * bound

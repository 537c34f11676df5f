"""Sliding-window pooling against PyTorch: ceil_mode, padding, divisors, indices, 1-d to 3-d."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

SIZES = {1: (11,), 2: (7, 10), 3: (5, 6, 7)}
WINDOWS: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True},
]
DILATED: list[dict[str, Any]] = [
    {"kernel_size": 2, "dilation": 2, "stride": 1},
    {"kernel_size": 3, "dilation": 2, "padding": 1, "ceil_mode": True},
]
MEANS: list[dict[str, Any]] = [{}, {"count_include_pad": False}, {"divisor_override": 5}]


def distinct(*shape: int) -> Any:
    values = np.random.default_rng(0).permutation(int(np.prod(shape))) / 7 - 3
    return values.reshape(shape)


def of(module: Any, name: str, options: dict[str, Any]) -> Any:
    return lambda *xs: getattr(module, name)(*xs, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", WINDOWS + DILATED, ids=str)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_max_pool(count: int, options: dict[str, Any], dtype: str) -> None:
    name, x = f"max_pool{count}d", distinct(2, 3, *SIZES[count])
    agree(torch, of(F, name, options), of(TF, name, options), [x], dtype=dtype)
    _, index = getattr(F, name)(rp.asarray(x), return_indices=True, **options)
    _, expected = getattr(TF, name)(torch.tensor(x), return_indices=True, **options)
    np.testing.assert_array_equal(index.numpy(), expected.numpy())


@pytest.mark.parametrize("extra", MEANS, ids=str)
@pytest.mark.parametrize("options", WINDOWS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_avg_pool(count: int, options: dict[str, Any], extra: dict[str, Any]) -> None:
    if count == 1 and "divisor_override" in extra:
        extra = {}
    name, how = f"avg_pool{count}d", {**options, **extra}
    agree(torch, of(F, name, how), of(TF, name, how), [distinct(2, 3, *SIZES[count])])


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_a_single_sample(name: str) -> None:
    options = {"kernel_size": (2, 3), "stride": (1, 2)}
    agree(torch, of(F, name, options), of(TF, name, options), [distinct(3, 6, 7)])


def test_equal_maxima_give_their_gradient_to_the_first() -> None:
    agree(
        torch, lambda x: F.max_pool2d(x, 2), lambda x: TF.max_pool2d(x, 2), [np.ones((1, 1, 4, 4))]
    )


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("norm_type", [1, 2, 3.0])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_lp_pool(count: int, norm_type: float, ceil_mode: bool) -> None:
    options = {"norm_type": norm_type, "kernel_size": 2, "stride": 3, "ceil_mode": ceil_mode}
    name, x = f"lp_pool{count}d", np.abs(distinct(2, 3, *SIZES[count])) + 0.1
    agree(torch, of(F, name, options), of(TF, name, options), [x])


@pytest.mark.parametrize("output", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_adaptive_pool(count: int, kind: str, output: int) -> None:
    name, x = f"adaptive_{kind}_pool{count}d", distinct(2, 3, *SIZES[count])
    agree(torch, lambda x: getattr(F, name)(x, output), lambda x: getattr(TF, name)(x, output), [x])


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("lead", [(2, 3), (3,)])
def test_adaptive_pool_keeps_an_axis(kind: str, lead: tuple[int, ...]) -> None:
    name, x = f"adaptive_{kind}_pool2d", distinct(*lead, 6, 9)
    for output in [(3, None), (4, 3), (6, 9)]:
        agree(
            torch,
            lambda x, output=output: getattr(F, name)(x, output),
            lambda x, output=output: getattr(TF, name)(x, output),
            [x],
        )


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("output_size", [False, True])
def test_max_unpool(count: int, output_size: bool) -> None:
    shape = (2, 3, *(n + (n % 2 and not output_size) for n in SIZES[count]))
    pooled = getattr(TF, f"max_pool{count}d")
    y, index = pooled(torch.tensor(distinct(*shape)), 2, return_indices=True)
    options = {"kernel_size": 2, "output_size": shape if output_size else None}
    name = f"max_unpool{count}d"
    ours = lambda x: getattr(F, name)(x, rp.asarray(index.numpy()), **options)  # noqa: E731
    theirs = lambda x: getattr(TF, name)(x, index, **options)  # noqa: E731
    agree(torch, ours, theirs, [y.numpy()])

"""Scaled dot-product attention against PyTorch: values and the gradients of all three inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.nn import functional
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")

QUERIES, KEYS = 3, 4


def inputs(*lead: int, keys: int = KEYS, values: int = 5, key_lead: Any = None) -> list[Any]:
    rng = np.random.default_rng(0)
    other = lead if key_lead is None else key_lead
    shapes = [(*lead, QUERIES, 6), (*other, keys, 6), (*other, keys, values)]
    return [rng.normal(size=shape) for shape in shapes]


def compare(floats: list[Any], *masks: Any, dtype: str = "float64", **options: Any) -> None:
    def ours(*given: Any) -> Any:
        return functional.scaled_dot_product_attention(*given, **options)

    def theirs(*given: Any) -> Any:
        return torch.nn.functional.scaled_dot_product_attention(*given, **options)

    agree(torch, ours, theirs, floats, masks, dtype=dtype)


def bool_mask(*shape: int) -> Any:
    """Random pairs that attend; the first query to no key at all."""
    mask = np.random.default_rng(1).uniform(size=shape) < 0.6
    mask[..., 0, :] = False
    return mask


LEADS = [(), (2,), (2, 3)]
MASKS = [(QUERIES, KEYS), (3, QUERIES, KEYS), (2, 1, QUERIES, KEYS)]


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_attention(lead: Any, is_causal: bool, scale: float | None, dtype: str) -> None:
    compare(inputs(*lead), dtype=dtype, is_causal=is_causal, scale=scale)


@pytest.mark.parametrize("keys", [2, 3, 7])
def test_causal_with_other_numbers_of_keys(keys: int) -> None:
    compare(inputs(2, 3, keys=keys), is_causal=True)


@pytest.mark.parametrize("shape", MASKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bool_mask_with_a_query_that_attends_to_nothing(shape: Any, dtype: str) -> None:
    compare(inputs(2, 3), bool_mask(*shape), dtype=dtype)


@pytest.mark.parametrize("shape", MASKS)
def test_floating_mask(shape: Any) -> None:
    mask = np.random.default_rng(1).normal(size=shape)
    mask[..., 0, :] = -np.inf
    mask[..., 1, 0] = -np.inf
    compare(inputs(2, 3), mask)


def test_gradient_of_a_floating_mask() -> None:
    mask = np.random.default_rng(1).normal(size=(3, QUERIES, KEYS))
    compare([*inputs(2, 3), mask])


@pytest.mark.parametrize("shared", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_shared_heads(shared: int, masked: bool) -> None:
    masks = [bool_mask(2, 4, QUERIES, KEYS)] if masked else []
    compare(inputs(2, 4, key_lead=(2, shared)), *masks, enable_gqa=True)
    compare(inputs(2, 4, key_lead=(2, shared)), is_causal=True, enable_gqa=True)


def test_large_scores() -> None:
    floats = [x * 30 for x in inputs(2)]
    compare(floats)
    compare(floats, is_causal=True)

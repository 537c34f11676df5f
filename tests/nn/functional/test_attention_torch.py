"""Scaled dot-product attention against PyTorch: values and the gradients of all three inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
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


@pytest.mark.parametrize(
    ("queries", "keys", "shared", "dtype"),
    [
        (1, 130, 2, "float64"),
        (7, 7, 4, "float64"),
        (65, 65, 1, "float64"),
        (130, 65, 2, "float32"),
        (130, 130, 2, "float64"),
    ],
)
def test_sizes_that_fill_no_block(queries: int, keys: int, shared: int, dtype: str) -> None:
    """Causal, and padded besides, with heads in groups; eager and compiled."""
    rng = np.random.default_rng(queries + keys)
    shapes = [(3, 4, queries, 9), (3, shared, keys, 9), (3, shared, keys, 6), (3, 4, queries, 6)]
    arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    padded = np.arange(keys) < np.array([keys, keys // 2 + 1, 1])[:, None, None, None]
    allowed = padded & np.tri(queries, keys, dtype=bool)

    def run(attend: Any, q: Any, k: Any, v: Any, above: Any, allowed: Any) -> list[Any]:
        found = []
        for options in ({"is_causal": True}, {"attn_mask": allowed}):
            given = [x.detach().requires_grad_() for x in (q, k, v)]
            y = attend(*given, enable_gqa=True, **options)
            (y * above).sum().backward()
            found += [y, *(x.grad for x in given)]
        return found

    theirs = torch.nn.functional.scaled_dot_product_attention
    expected = run(theirs, *map(torch.tensor, arrays), torch.tensor(allowed))

    def ours(*given: Any) -> list[Any]:
        return run(functional.scaled_dot_product_attention, *given)

    atol = 1e-11 if dtype == "float64" else 3e-5
    for way in (ours, rp.compile(ours, strict=True)):
        for one, other in zip(way(*map(rp.asarray, (*arrays, allowed))), expected, strict=True):
            scale = max(1.0, float(other.detach().abs().max()))
            difference = one.detach().numpy() - other.detach().numpy()
            assert abs(difference).max() < atol * scale

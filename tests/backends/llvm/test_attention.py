"""Native attention against its reference: sizes that fill no tile, masks, threads, memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.nn import functional as F

SIZES = [
    (1, 1, 1, 1),
    (5, 5, 8, 8),
    (7, 33, 20, 12),
    (50, 50, 32, 32),
    (64, 20, 5, 3),
    (1, 40, 8, 16),
]


def both_ways(q: Any, k: Any, v: Any, mask: Any, above: Any, causal: bool) -> list[rp.Tensor]:
    """Results and gradients."""
    q, k, v = (t.detach().requires_grad_() for t in (q, k, v))
    y, level = ops.attend(q, k, v, mask, scale=0.3, causal=causal)
    ((y * above).sum() + (level * above[..., 0]).sum()).backward()
    return [y, level, q.grad, k.grad, v.grad]


def arrays(
    batch: tuple[int, ...], sizes: tuple[int, ...], masked: int, dtype: str
) -> list[np.ndarray]:
    queries, keys, features, values = sizes
    rng = np.random.default_rng(queries + keys)
    shapes = [(queries, features), (keys, features), (keys, values)]
    made = [rng.standard_normal((*batch, *shape)) for shape in shapes]
    of_mask = [(), (queries, keys), (1, keys), (queries, 1)][masked]
    mask = np.zeros(()) if not masked else rng.standard_normal(of_mask)
    if masked:
        mask[rng.random(of_mask) < 0.3] = -np.inf
    return [x.astype(dtype) for x in (*made, mask, rng.standard_normal((*batch, queries, values)))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_it_agrees_with_the_reference(batch: tuple[int, ...], sizes: tuple[int, ...], dtype: str):
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for masked in range(4):
        given = [rp.asarray(x) for x in arrays(batch, sizes, masked, dtype)]
        causal = bool(masked % 2) == (len(batch) == 0)
        expected = both_ways(*given, causal)
        found = rp.compile(lambda *xs, c=causal: both_ways(*xs, c), strict=True)(*given)
        for one, other in zip(found, expected, strict=True):
            scale = max(1.0, float(np.abs(other.numpy()).max()))
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("target", ["sse", "avx2"])
def test_threads_and_instructions(target: str):
    given = [rp.asarray(x) for x in arrays((8,), (70, 70, 32, 32), 0, "float32")]
    found = [
        rp.compile(lambda *xs: both_ways(*xs, True), threads=threads, target=target)(*given)
        for threads in (1, 2, 3)
    ]
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_views_are_read_where_they_lie():
    """Heads cut out of one projection, keys shared by groups of heads."""
    whole = rp.asarray(np.random.default_rng(0).standard_normal((2, 9, 3, 4, 8)).astype(np.float32))

    def attended(whole: rp.Tensor) -> rp.Tensor:
        q, k, v = rp.unstack(rp.permute_dims(whole, (2, 0, 3, 1, 4)))
        return F.scaled_dot_product_attention(q, k[:, :2], v[:, :2], enable_gqa=True)

    compiled = rp.compile(attended, strict=True)
    found = compiled(whole)
    np.testing.assert_allclose(found.numpy(), attended(whole).numpy(), rtol=2e-5, atol=2e-6)
    assert "attention" in compiled.report()


def test_the_matrix_of_all_weights_is_nowhere():
    def peak(time: int) -> int:
        @rp.compile
        def step(q: rp.Tensor) -> rp.Tensor:
            x = q.detach().requires_grad_()
            y = F.scaled_dot_product_attention(x, x, x, is_causal=True)
            (y * y).sum().backward()
            return x.grad

        step(rp.ones((1, 2, time, 16)))
        return step._latest.program.facts.peak

    assert peak(2048) < 2048 * 2048 * 4 / 4  # one head's matrix would be four times as much
    assert peak(2048) < 2.2 * peak(1024)

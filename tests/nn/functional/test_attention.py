"""Attention: its formula, what masks mean, rows without keys, and what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, DTypeError, ShapeError
from retroprop.nn import functional as F
from retroprop.nn.functional.attention import additive_mask, attention_weights, causal_mask


def normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape)


def reference(q: Any, k: Any, v: Any, allowed: Any) -> Any:
    """The formula, one query after the other."""
    y = np.zeros((len(q), v.shape[1]))
    for i, query in enumerate(q):
        keys = np.flatnonzero(allowed[i])
        if len(keys):
            powers = np.exp(k[keys] @ query / np.sqrt(q.shape[1]))
            y[i] = powers @ v[keys] / powers.sum()
    return y


def test_the_formula() -> None:
    q, k, v = normal(3, 4), normal(5, 4), normal(5, 2)
    allowed = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0]], bool)
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
    np.testing.assert_allclose(y.numpy(), reference(q, k, v, allowed))
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    np.testing.assert_allclose(y.numpy(), reference(q, k, v, np.tri(3, 5, dtype=bool)))


def test_bool_and_floating_masks_say_the_same() -> None:
    q, k, v = normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 2)
    allowed = normal(2, 3, 5) > 0
    one = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
    other = F.scaled_dot_product_attention(q, k, v, attn_mask=np.where(allowed, 0.0, -np.inf))
    np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_query_without_keys_gets_zeros_and_gives_no_nan() -> None:
    tensors = [rp.tensor(normal(2, n, 4), requires_grad=True) for n in (3, 5, 5)]
    mask = np.ones((3, 5), bool)
    mask[1] = False
    y = F.scaled_dot_product_attention(*tensors, attn_mask=mask)
    assert not y.detach().numpy()[:, 1].any()
    y.sum().backward()
    for one in tensors:
        assert np.isfinite(one.grad.numpy()).all()
    assert not tensors[0].grad.numpy()[:, 1].any()
    empty = F.scaled_dot_product_attention(rp.ones((3, 4)), rp.ones((0, 4)), rp.ones((0, 2)))
    assert empty.tolist() == [[0.0, 0.0]] * 3


def test_huge_scores_do_not_overflow() -> None:
    q = rp.asarray([[1e4, 0.0]])
    y = F.scaled_dot_product_attention(q, rp.asarray([[1e4, 0.0], [0.0, 1.0]]), rp.eye(2))
    assert y.tolist() == [[1.0, 0.0]]


def test_gradients_by_finite_differences() -> None:
    allowed = np.tri(3, 4, dtype=bool)
    allowed[0] = False

    def run(q: Any, k: Any, v: Any, bias: Any) -> Any:
        plain = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        return plain + F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=0.7)

    inputs = [normal(2, 3, 2), normal(2, 4, 2), normal(2, 4, 2), normal(3, 4)]
    assert rp.gradcheck(run, inputs)


def test_shared_heads_are_repeated_heads() -> None:
    q, k, v = normal(2, 6, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 4)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    wide = [np.repeat(x, 3, axis=1) for x in (k, v)]
    expected = F.scaled_dot_product_attention(q, *wide, is_causal=True)
    np.testing.assert_allclose(y.numpy(), expected.numpy())


def learned(q: Any, k: Any, v: Any, allowed: Any = None, **options: Any) -> list[Any]:
    """The result and the gradients of query, key and value."""
    given = [x.detach().requires_grad_() for x in (q, k, v)]
    y = F.scaled_dot_product_attention(*given, allowed, enable_gqa=True, **options)
    (y**3).sum().backward()
    return [y, *(x.grad for x in given)]


def at_once(q: Any, k: Any, v: Any, allowed: Any) -> list[Any]:
    """The same by the plain formula, with the matrix of all weights and heads that are repeated."""
    given = [x.detach().requires_grad_() for x in (q, k, v)]
    wide = [rp.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in given]
    mask = additive_mask(allowed, q.dtype, means=True)
    y = attention_weights(wide[0], wide[1], mask) @ wide[2]
    (y**3).sum().backward()
    return [y, *(x.grad for x in given)]


def close(found: Any, expected: Any) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.tolist(), other.tolist(), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("count", [1, 7, 65, 130])
def test_a_padded_batch_is_its_sequences_alone(count: int) -> None:
    """Causal, with heads in groups; padding holds huge numbers; no block is full."""
    lengths = [count, count // 2 + 1, max(count - 3, 1)]
    q, k, v = (rp.asarray(normal(3, heads, count, 5)) for heads in (4, 2, 2))
    live = np.arange(count) < np.array(lengths)[:, None]
    q, k, v = (rp.where(live[:, None, :, None], x, 1e3) for x in (q, k, v))
    allowed = live[:, None, None, :] & live[:, None, :, None] & np.tri(count, dtype=bool)
    expected = at_once(q, k, v, allowed)
    for head in range(4):
        given = (x.numpy() for x in (q[1, head], k[1, head // 2], v[1, head // 2]))
        y = reference(*given, allowed[1, 0])
        np.testing.assert_allclose(expected[0][1, head].tolist(), y, rtol=1e-10)
    for way in (learned, rp.compile(learned, strict=True)):
        found = way(q, k, v, rp.asarray(allowed))
        close(found, expected)
        for n, length in enumerate(lengths):
            alone = learned(*(x[n : n + 1, :, :length] for x in (q, k, v)), is_causal=True)
            close([x[n : n + 1, :, :length] for x in found], alone)
            assert not any(x[n, :, length:].detach().numpy().any() for x in found)


def test_dropout_follows_the_seed_and_keeps_the_mean() -> None:
    q = rp.zeros((400, 4))
    v = rp.ones((50, 1))

    def run() -> Any:
        rp.manual_seed(1)
        return F.scaled_dot_product_attention(q, rp.zeros((50, 4)), v, dropout_p=0.5).numpy()

    np.testing.assert_array_equal(run(), run())
    assert run().std() > 0
    assert run().mean() == pytest.approx(1.0, abs=0.02)


def test_a_mask_takes_the_dtype_of_the_query() -> None:
    x = rp.ones((2, 3, 4))
    mask = np.zeros((3, 3), np.float64)
    assert F.scaled_dot_product_attention(x, x, x, attn_mask=mask).dtype == rp.float32


def test_misfits_are_named() -> None:
    def attend(q: Any, k: Any, v: Any, **options: Any) -> Any:
        return F.scaled_dot_product_attention(rp.zeros(q), rp.zeros(k), rp.zeros(v), **options)

    with pytest.raises(ShapeError, match="query has 8 features, key has 4"):
        attend((3, 8), (5, 4), (5, 4))
    with pytest.raises(ShapeError, match="key has 5 positions, value has 6"):
        attend((3, 4), (5, 4), (6, 4))
    with pytest.raises(ShapeError, match=r"key must be \(..., positions, features\)"):
        attend((3, 4), (4,), (5, 4))
    with pytest.raises(ShapeError, match=r"\(2, 5\) does not broadcast to \(..., 3 queries, 5"):
        attend((2, 3, 4), (2, 5, 4), (2, 5, 4), attn_mask=np.ones((2, 5), bool))
    with pytest.raises(ArgumentError, match="not both"):
        attend((3, 4), (3, 4), (3, 4), attn_mask=np.ones((3, 3), bool), is_causal=True)
    with pytest.raises(DTypeError, match="a mask must be bool or floating, it is int64"):
        attend((3, 4), (3, 4), (3, 4), attn_mask=np.ones((3, 3), np.int64))
    with pytest.raises(ShapeError, match="query has 4 heads, which cannot share 3"):
        attend((4, 3, 4), (3, 3, 4), (3, 3, 4), enable_gqa=True)
    with pytest.raises(DTypeError, match="query must be floating"):
        F.scaled_dot_product_attention([[1]], [[1]], [[1]])


def test_masks_are_added_to_scores() -> None:
    inf = np.inf
    assert causal_mask(2, 2, np.dtype("float32")).tolist() == [[0, -inf], [0, 0]]
    given = rp.asarray([True, False])
    assert additive_mask(given, rp.float64, means=True).tolist() == [0, -inf]
    assert additive_mask(given, rp.float64, means=False).tolist() == [-inf, 0]
    assert additive_mask(given, rp.float64, means=False).dtype == rp.float64
    assert additive_mask([0.5, 1.0], rp.float64, means=True).tolist() == [0.5, 1.0]


def test_weights_sum_to_one_or_are_zero() -> None:
    mask = rp.asarray([[0.0, -np.inf], [-np.inf, -np.inf]])
    weights = attention_weights(rp.zeros((2, 3)), rp.zeros((2, 3)), mask)
    assert weights.tolist() == [[1.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("mask", [-np.inf, False])
def test_a_mask_that_is_a_single_number_hides_everything(mask: Any) -> None:
    q = rp.asarray(np.ones((3, 4), np.float32))
    assert not F.scaled_dot_product_attention(q, q, q, rp.asarray(mask)).numpy().any()
    assert F.scaled_dot_product_attention(q, q, q, rp.asarray(True)).numpy().all()

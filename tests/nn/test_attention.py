"""Multi-head attention: shapes, masks, one source, dropout, misfits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F


def normal(*shape: int) -> Any:
    return rp.asarray(np.random.default_rng(len(shape)).normal(size=shape))


def layer(**options: Any) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(8, 2, dtype="float64", **options)


def test_shapes() -> None:
    query, key = rp.zeros((3, 2, 8)), rp.zeros((5, 2, 8))
    y, weights = nn.MultiheadAttention(8, 2)(query, key, key)
    assert weights is not None
    assert (y.shape, weights.shape) == ((3, 2, 8), (2, 3, 5))
    _, weights = layer()(query, key, key, average_attn_weights=False)
    assert weights is not None
    assert weights.shape == (2, 2, 3, 5)
    assert layer()(query, key, key, need_weights=False)[1] is None
    y, weights = layer(batch_first=True, add_bias_kv=True, add_zero_attn=True)(
        rp.zeros((2, 3, 8)), rp.zeros((2, 5, 8)), rp.zeros((2, 5, 8))
    )
    assert weights is not None
    assert (y.shape, weights.shape) == ((2, 3, 8), (2, 3, 7))
    y, weights = layer()(query[:, 0], key[:, 0], key[:, 0])
    assert weights is not None
    assert (y.shape, weights.shape) == ((3, 8), (3, 5))


def test_one_head_is_attention_between_linear_maps() -> None:
    one = nn.MultiheadAttention(4, 1, dtype="float64")
    q, k, v = normal(3, 4), normal(5, 4) * 2, normal(5, 4)
    assert one.in_proj_weight is not None
    weights = np.split(one.in_proj_weight.detach().numpy(), 3)
    mapped = [x.numpy() @ w.T for x, w in zip((q, k, v), weights, strict=True)]
    expected = one.out_proj(F.scaled_dot_product_attention(*mapped))
    np.testing.assert_allclose(one(q, k, v)[0].detach().numpy(), expected.detach().numpy())


@pytest.mark.parametrize("batch_first", [False, True])
def test_inputs_of_one_source_are_mapped_at_once(batch_first: bool) -> None:
    one = layer(batch_first=batch_first)
    x, memory = normal(3, 3, 8), normal(3, 3, 8) * 2
    for shared, apart in (((x, x, x), (x, x + 0, x + 0)),
                          ((x, memory, memory), (x, memory, memory + 0))):  # fmt: skip
        y, expected = one(*shared)[0], one(*apart)[0]
        np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy())


def test_keys_that_are_padding_are_not_read() -> None:
    one = layer(batch_first=True)
    x = normal(2, 5, 8)
    padding = np.array([[False] * 3 + [True] * 2, [False] * 5])
    y, weights = one(x, x, x, key_padding_mask=padding)
    assert weights is not None
    assert not weights.detach().numpy()[0, :, 3:].any()
    alone, _ = one(x[:1, :3], x[:1, :3], x[:1, :3])
    np.testing.assert_allclose(y.detach().numpy()[0, :3], alone.detach().numpy()[0])


def test_a_padded_batch_teaches_what_its_sequences_teach() -> None:
    """Causal and padded at once, eager and compiled."""
    one = layer(batch_first=True)
    x, lengths = normal(3, 7, 8), [4, 7, 1]

    def learned(x: Any, padding: Any = None) -> Any:
        one.zero_grad()
        x = x.detach().requires_grad_()
        y, _ = one(x, x, x, padding, need_weights=False, is_causal=True)
        weight = 1.0 if padding is None else rp.where(padding, 0.0, 1.0)[..., None]
        (y**3 * weight).sum().backward()
        return y, x.grad, [p.grad for p in one.parameters()]

    alone = [learned(x[n : n + 1, :length]) for n, length in enumerate(lengths)]
    taught = [sum(column) for column in zip(*(each[2] for each in alone), strict=True)]
    padding = rp.asarray(np.arange(7) >= np.array(lengths)[:, None])
    for way in (learned, rp.compile(learned, strict=True)):
        y, slope, found = way(x, padding)
        for n, (output, gradient, _) in enumerate(alone):
            np.testing.assert_allclose(y[n : n + 1, : lengths[n]].tolist(), output.tolist())
            np.testing.assert_allclose(
                slope[n : n + 1, : lengths[n]].tolist(), gradient.tolist(), 1e-10, 1e-12
            )
            assert not slope[n, lengths[n] :].numpy().any()
        for parameter, expected in zip(found, taught, strict=True):
            np.testing.assert_allclose(parameter.numpy(), expected.numpy(), 1e-10, 1e-12)


def test_causal_alone_and_beside_a_mask() -> None:
    one = layer()
    x = normal(4, 2, 8)
    later = np.triu(np.ones((4, 4), bool), 1)
    expected, weights = one(x, x, x, attn_mask=later)
    for options in ({}, {"attn_mask": later}, {"attn_mask": np.where(later, -np.inf, 0.0)}):
        y, _ = one(x, x, x, is_causal=True, **options)
        np.testing.assert_array_equal(y.detach().numpy(), expected.detach().numpy())
    assert weights is not None
    assert not weights.detach().numpy()[:, later].any()


@pytest.mark.parametrize("options", [{}, {"kdim": 2, "add_bias_kv": True, "add_zero_attn": True}])
def test_gradients_by_finite_differences(options: Any) -> None:
    one = nn.MultiheadAttention(4, 2, dtype="float64", **options)
    padding = np.array([[False, False, True]])

    def run(q: Any, k: Any, v: Any) -> Any:
        y, weights = one(q, k, v, key_padding_mask=padding)
        assert weights is not None
        return rp.concat([rp.flatten(y), rp.flatten(weights)])

    assert rp.gradcheck(run, [normal(2, 1, 4), normal(3, 1, one.kdim), normal(3, 1, 4)])


def test_dropout_acts_in_training_and_follows_the_seed() -> None:
    one, x = layer(dropout=0.5), normal(4, 2, 8)

    def run() -> Any:
        rp.manual_seed(3)
        return one(x, x, x)[0].detach().numpy()

    np.testing.assert_array_equal(run(), run())
    trained = run()
    one.eval()
    assert not np.allclose(run(), trained)
    plain = layer()
    plain.load_state_dict(one.state_dict())
    np.testing.assert_array_equal(run(), plain(x, x, x)[0].detach().numpy())


def test_state_dict_makes_the_round_trip() -> None:
    one, other = layer(add_bias_kv=True), layer(add_bias_kv=True)
    assert list(one.state_dict()) == [
        "in_proj_weight", "in_proj_bias", "bias_k", "bias_v", "out_proj.weight", "out_proj.bias",
    ]  # fmt: skip
    other.load_state_dict(one.state_dict())
    x = normal(4, 2, 8)
    np.testing.assert_array_equal(one(x, x, x)[0].numpy(), other(x, x, x)[0].numpy())
    assert list(layer(kdim=3, bias=False).state_dict()) == [
        "q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight",
    ]  # fmt: skip


def test_misfits_are_named() -> None:
    x = rp.zeros((3, 2, 8))
    with pytest.raises(ArgumentError, match="embed_dim 8 does not split into 3 heads"):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(ArgumentError, match="dropout is 2, a probability"):
        nn.MultiheadAttention(8, 2, dropout=2)
    with pytest.raises(ShapeError, match=r"query \(time, batch, 8 features\).* got \(3, 2, 7\)"):
        layer()(rp.zeros((3, 2, 7)), x, x)
    with pytest.raises(ShapeError, match="make it with kdim=6"):
        layer()(x, rp.zeros((3, 2, 6)), x)
    with pytest.raises(ShapeError, match="or all three without batch"):
        layer()(x, x, rp.zeros((3, 8)))
    with pytest.raises(ShapeError, match="if axis 0 is the batch, make it with batch_first=True"):
        layer()(rp.zeros((3, 4, 8)), rp.zeros((3, 5, 8)), rp.zeros((3, 5, 8)))
    with pytest.raises(ShapeError, match="key and value need the same positions"):
        layer()(x, rp.zeros((5, 2, 8)), rp.zeros((4, 2, 8)))
    with pytest.raises(ShapeError, match=r"attn_mask must be \(3, 3\) or \(4, 3, 3\), it is"):
        layer()(x, x, x, attn_mask=np.ones((3, 2), bool))
    with pytest.raises(ShapeError, match=r"key_padding_mask must be \(2, 3\)") as error:
        layer()(x, x, x, key_padding_mask=np.ones((3, 2), bool))
    assert "transpose it" in str(error.value)


def test_repr_reads_as_the_call() -> None:
    assert repr(nn.MultiheadAttention(8, 2)).startswith(
        "MultiheadAttention(\n  embed_dim=8, num_heads=2\n"
    )
    assert "num_heads=2, kdim=3, batch_first=True\n" in repr(
        nn.MultiheadAttention(8, 2, kdim=3, batch_first=True)
    )


def test_the_cost_of_a_call() -> None:
    cost = nn.summary(nn.MultiheadAttention(8, 2), [(3, 2, 8), (5, 2, 8), (5, 2, 8)]).multiply_adds
    maps = 8 * 8 * 2 * (3 + 5 + 5 + 3)
    assert cost == maps + 2 * (2 * 3 * 5 * 8)

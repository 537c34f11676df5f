"""Encoder and decoder layers: what they read, what they hide, dropout, activations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


def normal(*shape: int) -> Any:
    return rp.asarray(np.random.default_rng(len(shape)).normal(size=shape))


def encoder(**options: Any) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(4, 2, 6, dtype="float64", **{"dropout": 0.0, **options})


def decoder(**options: Any) -> nn.TransformerDecoderLayer:
    return nn.TransformerDecoderLayer(4, 2, 6, dtype="float64", **{"dropout": 0.0, **options})


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("norm_first", [False, True])
def test_shapes(batch_first: bool, norm_first: bool) -> None:
    options = {"batch_first": batch_first, "norm_first": norm_first}
    x, memory = normal(3, 5, 4), normal(*((3, 7) if batch_first else (7, 5)), 4)
    assert encoder(**options)(x).shape == (3, 5, 4)
    assert decoder(**options)(x, memory).shape == (3, 5, 4)
    assert decoder(**options)(x[0], memory[0]).shape == (5, 4)


def test_norm_after_or_before() -> None:
    x = normal(3, 2, 4)
    after = encoder(bias=False)(x).detach().numpy()
    np.testing.assert_allclose(after.mean(axis=-1), 0, atol=1e-12)
    before = encoder(norm_first=True, bias=False)
    with rp.no_grad():
        for name, parameter in before.named_parameters():
            if name in {"self_attn.out_proj.weight", "linear2.weight"}:
                parameter.assign(rp.zeros_like(parameter))
    np.testing.assert_array_equal(before(x).numpy(), x.numpy())


def test_later_positions_are_hidden() -> None:
    x = normal(5, 1, 4)
    changed = x.numpy().copy()
    changed[3] += 1
    for run in (
        lambda one: encoder_(one, is_causal=True),
        lambda one: decoder_(one, x, tgt_is_causal=True),
        lambda one: encoder_(one, nn.Transformer.generate_square_subsequent_mask(5)),
    ):
        y, other = run(x).detach().numpy(), run(rp.asarray(changed)).detach().numpy()
        np.testing.assert_array_equal(y[:3], other[:3])
        assert not np.allclose(y[3:], other[3:])


encoder_, decoder_ = encoder(), decoder()


def test_the_memory_is_read_but_for_its_padding() -> None:
    x, memory = normal(3, 2, 4), normal(4, 2, 4)
    padding = np.array([[False, False, False, True]] * 2)
    changed = memory.numpy().copy()
    changed[3] += 1
    y, other = (decoder_(x, m).detach().numpy() for m in (memory, rp.asarray(changed)))
    assert not np.allclose(y, other)
    y, other = (
        decoder_(x, m, memory_key_padding_mask=padding).detach().numpy()
        for m in (memory, rp.asarray(changed))
    )
    np.testing.assert_array_equal(y, other)


@pytest.mark.parametrize("norm_first", [False, True])
def test_gradients_by_finite_differences(norm_first: bool) -> None:
    def smooth(make: Any) -> Any:
        return make(activation="gelu", norm_first=norm_first)

    one, other = smooth(encoder), smooth(decoder)
    assert rp.gradcheck(lambda x: one(x, is_causal=True), [normal(2, 1, 4)], order=1)
    assert rp.gradcheck(
        lambda x, memory: other(x, memory), [normal(2, 1, 4), normal(3, 1, 4)], order=1
    )


def test_dropout_acts_in_training_and_follows_the_seed() -> None:
    x = normal(3, 2, 4)
    for run in (encoder(dropout=0.5), decoder(dropout=0.5)):
        given = (x, x) if isinstance(run, nn.TransformerDecoderLayer) else (x,)
        results = []
        for seed in (1, 1, 2):
            rp.manual_seed(seed)
            results.append(run(*given).detach().numpy())
        np.testing.assert_array_equal(results[0], results[1])
        assert not np.allclose(results[0], results[2])
        run.eval()
        np.testing.assert_array_equal(run(*given).numpy(), run(*given).numpy())


def test_activations() -> None:
    assert encoder(activation="gelu").activation is nn.functional.gelu
    assert encoder().activation is nn.functional.relu
    with pytest.raises(ArgumentError, match="unknown activation 'rely'; did you mean 'relu'"):
        encoder(activation="rely")
    learned = encoder(activation=nn.PReLU())
    assert "activation.weight" in learned.state_dict()


def test_without_bias() -> None:
    for layer in (encoder(bias=False), decoder(bias=False)):
        assert not [name for name in layer.state_dict() if "bias" in name]


def test_the_layer_is_named_when_the_features_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"layer self_attn: MultiheadAttention") as error:
        encoder()(rp.zeros((3, 2, 5)))
    assert "query (time, batch, 4 features)" in str(error.value)


def test_repr_tells_where_the_norms_are() -> None:
    assert "norm_first=True" in repr(encoder(norm_first=True))
    assert "norm_first" not in repr(encoder())

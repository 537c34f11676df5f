"""Stacks of layers: copies, norms, masks that are handed on, learning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


def normal(*shape: int) -> Any:
    return rp.asarray(np.random.default_rng(len(shape)).normal(size=shape))


def small(**options: Any) -> nn.Transformer:
    return nn.Transformer(4, 2, 2, 1, 6, dtype="float64", **{"dropout": 0.0, **options})


def test_layers_are_copies_that_start_alike_and_learn_apart() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 6)
    encoder = nn.TransformerEncoder(layer, 2)
    one, other = encoder.layers
    assert one is not layer
    np.testing.assert_array_equal(one.linear1.weight.numpy(), other.linear1.weight.numpy())
    with rp.no_grad():
        one.linear1.weight.assign(rp.zeros_like(one.linear1.weight))
    assert other.linear1.weight.numpy().any()
    assert layer.linear1.weight.numpy().any()
    with pytest.raises(ArgumentError, match="num_layers must be at least 1, it is 0"):
        nn.TransformerEncoder(layer, 0)


def test_a_stack_is_its_layers_one_after_the_other() -> None:
    x, memory = normal(3, 2, 4), normal(5, 2, 4)
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    model = small()
    expected = x
    for layer in model.encoder.layers:
        expected = layer(expected, mask)
    y = model.encoder(x, mask)
    np.testing.assert_array_equal(y.numpy(), model.encoder.norm(expected).numpy())
    expected = model.decoder.layers[0](x, memory, mask)
    y = model.decoder(x, memory, mask)
    np.testing.assert_array_equal(y.numpy(), model.decoder.norm(expected).numpy())


def test_encoder_and_decoder_together() -> None:
    src, tgt = normal(5, 2, 4), normal(3, 2, 4)
    model = small()
    y = model.decoder(tgt, model.encoder(src))
    np.testing.assert_array_equal(model(src, tgt).numpy(), y.numpy())
    assert small(batch_first=True)(normal(2, 5, 4), normal(2, 3, 4)).shape == (2, 3, 4)
    assert model(src[:, 0], tgt[:, 0]).shape == (3, 4)


def test_causal_flags_are_masks() -> None:
    src, tgt, model = normal(5, 2, 4), normal(3, 2, 4), small()
    mask = model.generate_square_subsequent_mask
    flagged = model(src, tgt, src_is_causal=True, tgt_is_causal=True)
    masked = model(src, tgt, src_mask=mask(5), tgt_mask=mask(3))
    np.testing.assert_array_equal(flagged.numpy(), masked.numpy())
    assert not np.allclose(flagged.detach().numpy(), model(src, tgt).detach().numpy())


def test_a_mask_that_is_changed_stays_with_its_owner() -> None:
    first = nn.Transformer.generate_square_subsequent_mask(3)
    first[0, 0] = 5.0
    assert nn.Transformer.generate_square_subsequent_mask(3)[0, 0].item() == 0
    assert nn.Transformer.generate_square_subsequent_mask(3, "float64").dtype == rp.float64


def test_modules_in_place_of_encoder_and_decoder() -> None:
    class Last(nn.Module):
        def forward(self, tgt: Any, memory: Any, *masks: Any) -> Any:
            return tgt + memory[-1]

    class Same(nn.Module):
        def forward(self, src: Any, *masks: Any) -> Any:
            return src

    model = nn.Transformer(4, 2, custom_encoder=Same(), custom_decoder=Last())
    src, tgt = normal(5, 2, 4), normal(3, 2, 4)
    np.testing.assert_array_equal(model(src, tgt).numpy(), tgt.numpy() + src.numpy()[-1])


def test_misfits_are_named() -> None:
    model = small()
    with pytest.raises(ShapeError, match=r"src \(time, batch, 4 features\), got \(5, 2, 3\)"):
        model(rp.zeros((5, 2, 3)), rp.zeros((3, 2, 4)))
    with pytest.raises(ShapeError, match="if axis 0 is the batch, make it with batch_first=True"):
        model(rp.zeros((2, 5, 4)), rp.zeros((2, 3, 4)))
    with pytest.raises(ShapeError, match="both need the same batch"):
        model(rp.zeros((5, 2, 4)), rp.zeros((3, 4)))


def test_state_dict_makes_the_round_trip() -> None:
    one, other = small(), small()
    other.load_state_dict(one.state_dict())
    src, tgt = normal(5, 2, 4), normal(3, 2, 4)
    np.testing.assert_array_equal(one(src, tgt).numpy(), other(src, tgt).numpy())
    assert "encoder.layers.1.self_attn.in_proj_weight" in one.state_dict()
    assert "decoder.norm.bias" in one.state_dict()


def test_a_sequence_is_learned_backwards() -> None:
    """Positions and attention together: the target is the source read from its end."""
    rp.manual_seed(0)
    words = np.random.default_rng(0).integers(0, 5, size=(64, 6))
    table, head = nn.Embedding(5, 16), nn.Linear(16, 5)
    where = nn.PositionalEncoding(16, dropout=0.0, batch_first=True)
    layer = nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True, norm_first=True)
    model = nn.Sequential(table, where, nn.TransformerEncoder(layer, 1), head)
    optimizer = rp.optim.Adam(model.parameters(), lr=0.02)
    target = rp.asarray(words[:, ::-1].copy().reshape(-1))
    for _ in range(80):
        scores = model(rp.asarray(words)).reshape((-1, 5))
        loss = nn.functional.cross_entropy(scores, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (scores.detach().numpy().argmax(axis=1) == target.numpy()).mean() > 0.9

"""Transformers and their layers against PyTorch, dropout off."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from tests.nn.parity import agree

torch = pytest.importorskip("torch")
# PyTorch tells that it has a faster way for other options.
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")

WIDTH, HEADS, INNER, BATCH, SOURCE, TARGET = 6, 2, 7, 2, 4, 3
GRID = list(itertools.product([False, True], [False, True], [True, False]))


def built(name: str, *arguments: Any, **options: Any) -> tuple[Any, Any]:
    ours = getattr(nn, name)(*arguments, **options)
    return ours, vary(getattr(torch.nn, name)(*arguments, **options))


def vary(reference: Any) -> Any:
    """The same module with other numbers: biases and norms that start at 0 and 1 hide mistakes."""
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return reference


def sequence(time: int, batch_first: bool = False, batch: bool = True) -> Any:
    x = np.random.default_rng(time).normal(size=(time, BATCH, WIDTH))
    return x[:, 0] if not batch else x.swapaxes(0, 1) if batch_first else x


def padded(time: int) -> Any:
    mask = np.zeros((BATCH, time), bool)
    mask[1, -1] = True
    return mask


def later(time: int) -> Any:
    return np.triu(np.ones((time, time), bool), 1)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize(("batch_first", "norm_first", "bias"), GRID)
def test_encoder_layer(batch_first: bool, norm_first: bool, bias: bool, activation: str) -> None:
    pair = built(
        "TransformerEncoderLayer", WIDTH, HEADS, INNER, 0.0, activation, 1e-3, batch_first,
        norm_first, bias,
    )  # fmt: skip
    x = sequence(SOURCE, batch_first)
    agree(torch, *pair, [x])
    agree(torch, *pair, [x], (later(SOURCE), padded(SOURCE), True))


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize(("batch_first", "norm_first", "bias"), GRID)
def test_decoder_layer(batch_first: bool, norm_first: bool, bias: bool, activation: str) -> None:
    pair = built(
        "TransformerDecoderLayer", WIDTH, HEADS, INNER, 0.0, activation, 1e-3, batch_first,
        norm_first, bias,
    )  # fmt: skip
    given = [sequence(TARGET, batch_first), sequence(SOURCE, batch_first)]
    agree(torch, *pair, given)
    some = np.zeros((TARGET, SOURCE), bool)
    some[1, :2] = True
    masks = (later(TARGET), some, padded(TARGET), padded(SOURCE), True)
    agree(torch, *pair, given, masks)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("with_norm", [False, True])
def test_encoder(with_norm: bool, dtype: str) -> None:
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, 0.0)
    theirs = torch.nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, 0.0)
    ours = nn.TransformerEncoder(layer, 2, nn.LayerNorm(WIDTH) if with_norm else None)
    reference = vary(
        torch.nn.TransformerEncoder(theirs, 2, torch.nn.LayerNorm(WIDTH) if with_norm else None)
    )
    masks = (later(SOURCE), padded(SOURCE))
    agree(torch, ours, reference, [sequence(SOURCE)], masks, dtype=dtype)
    agree(torch, ours, reference, [sequence(SOURCE, batch=False)], dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_decoder(dtype: str) -> None:
    layer = nn.TransformerDecoderLayer(WIDTH, HEADS, INNER, 0.0)
    theirs = torch.nn.TransformerDecoderLayer(WIDTH, HEADS, INNER, 0.0)
    ours = nn.TransformerDecoder(layer, 2, nn.LayerNorm(WIDTH))
    reference = vary(torch.nn.TransformerDecoder(theirs, 2, torch.nn.LayerNorm(WIDTH)))
    given = [sequence(TARGET), sequence(SOURCE)]
    agree(torch, ours, reference, given, (later(TARGET),), dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch_first", "norm_first", "bias"), GRID)
def test_transformer(batch_first: bool, norm_first: bool, bias: bool, dtype: str) -> None:
    pair = built(
        "Transformer", WIDTH, HEADS, 2, 1, INNER, 0.0, batch_first=batch_first,
        norm_first=norm_first, bias=bias,
    )  # fmt: skip
    given = [sequence(SOURCE, batch_first), sequence(TARGET, batch_first)]
    masks = (later(SOURCE), later(TARGET), None, padded(SOURCE), padded(TARGET), padded(SOURCE))
    agree(torch, *pair, given, masks, dtype=dtype)


def test_transformer_without_batch() -> None:
    pair = built("Transformer", WIDTH, HEADS, 1, 1, INNER, 0.0)
    agree(torch, *pair, [sequence(SOURCE, batch=False), sequence(TARGET, batch=False)])


def test_a_function_as_activation() -> None:
    ours = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, 0.0, activation=rp.tanh)
    theirs = torch.nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, 0.0, activation=torch.tanh)
    agree(torch, ours, theirs, [sequence(SOURCE)])


def test_the_mask_of_what_comes_later() -> None:
    ours = nn.Transformer.generate_square_subsequent_mask(4)
    theirs = torch.nn.Transformer.generate_square_subsequent_mask(4)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_parameters_start_in_the_same_range() -> None:
    ours, theirs = nn.Transformer(32, 2, 1, 1, 64), torch.nn.Transformer(32, 2, 1, 1, 64)
    for (name, one), (_, other) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        values, expected = one.detach().numpy(), other.detach().numpy()
        if expected.ndim == 1 and name.startswith(("encoder", "decoder")) and "linear" in name:
            assert abs(values).max() <= 1 / np.sqrt(32 if "linear1" in name else 64)
        else:
            assert values.std() == pytest.approx(expected.std(), rel=0.1), name
            assert values.mean() == pytest.approx(expected.mean(), abs=0.02), name

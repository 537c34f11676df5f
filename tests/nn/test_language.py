"""Language models: token by token they say what they say of the whole text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError

RNG = np.random.default_rng(0)
TEXTS = RNG.integers(0, 11, (3, 9))


def transformer(**options: Any) -> nn.TransformerLM:
    rp.manual_seed(0)
    return nn.TransformerLM(11, 16, heads=4, layers=2, length=12, **options)


def recurrent(kind: str, **options: Any) -> nn.RecurrentLM:
    rp.manual_seed(0)
    return nn.RecurrentLM(11, 8, 8, 2, kind, **options)


MODELS: dict[str, Callable[[], Any]] = {
    "plain": transformer,
    "tied, shared heads": lambda: transformer(tie_weights=True, kv_heads=2),
    "rotary, rms, swiglu": lambda: transformer(
        positions="rotary", norm="rms", activation="swiglu", bias=False, feedforward=24
    ),
    "one head of keys, rotary": lambda: transformer(kv_heads=1, positions="rotary"),
    "float64": lambda: transformer(activation="silu").double(),
    "lstm": lambda: recurrent("lstm"),
    "gru, tied": lambda: recurrent("gru", tie_weights=True),
    "rnn": lambda: recurrent("rnn").double(),
}


def close(found: Any, wanted: Any) -> None:
    bound = 1e-5 if wanted.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=bound, atol=bound)


@pytest.mark.parametrize("name", MODELS)
def test_token_by_token_is_the_whole(name: str) -> None:
    model = MODELS[name]().eval()
    whole = model(TEXTS).numpy()
    assert whole.shape == (3, 9, 11)
    state = model.start(3, 10)
    for i in range(9):
        logits, state = model.step(TEXTS[:, i], state)
        close(logits.numpy(), whole[:, i])


@pytest.mark.parametrize("name", MODELS)
def test_pieces_are_the_whole(name: str) -> None:
    model = MODELS[name]().eval()
    whole, state = model(TEXTS).numpy(), model.start(3, 9)
    for first, last in ((0, 5), (5, 8), (8, 9)):
        logits, state = model.prefill(TEXTS[:, first:last], state)
        close(logits.numpy(), whole[:, last - 1])


@pytest.mark.parametrize("name", MODELS)
def test_a_compiled_step_is_native(name: str) -> None:
    model = MODELS[name]().eval()
    step = rp.compile(model.step, strict=True, verbose=False)
    with rp.no_grad():
        state = model.start(3, 9)
        for i in range(9):
            logits, state = step(TEXTS[:, i], state)
    close(logits.numpy(), model(TEXTS)[:, -1].numpy())


@pytest.mark.parametrize("name", ["one head of keys, rotary", "gru, tied"])
def test_it_learns(name: str) -> None:
    model = MODELS[name]()
    optimizer = rp.optim.Adam(model.parameters(), lr=0.02)

    def step(texts: Any) -> Any:
        logits = model(texts[:, :-1])
        loss = nn.functional.cross_entropy(
            rp.reshape(logits, (-1, 11)), rp.reshape(texts[:, 1:], (-1,))
        )
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    compiled = rp.compile(step, strict=True, verbose=False)
    losses = compiled.many(np.broadcast_to(TEXTS, (60, 3, 9)).copy())
    assert losses[-1].item() < losses[0].item() / 2


def test_dropout_acts_in_training_only() -> None:
    for model in (transformer(dropout=0.5), recurrent("gru", dropout=0.5)):
        one, two = model(TEXTS), model(TEXTS)
        assert one.tolist() != two.tolist()
        model.eval()
        assert model(TEXTS).tolist() == model(TEXTS).tolist()


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(ArgumentError, match="layers must be a whole number above 0, it is 0"):
        nn.RecurrentLM(11, 8, 8, 0)
    with pytest.raises(ArgumentError, match="tied weights need embed = hidden, they are 8 and 16"):
        nn.RecurrentLM(11, 8, 16, 1, tie_weights=True)
    with pytest.raises(ArgumentError, match="unknown kind of recurrent network 'odd'"):
        recurrent("odd")


def test_texts_that_do_not_fit() -> None:
    model = recurrent("gru")
    with pytest.raises(ShapeError, match=r"expects tokens \(batch, time\), got \(9,\)"):
        model(TEXTS[0])
    with pytest.raises(ShapeError, match=r"got \(2, 0\)"):
        model(np.zeros((2, 0), int))
    with pytest.raises(DTypeError, match="tokens must be integers, they are float"):
        model(np.zeros((1, 3)))
    with pytest.raises(IndexRangeError, match="index 11"):
        model([[11]])

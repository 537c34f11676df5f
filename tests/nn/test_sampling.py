"""Draws from logits: who may be drawn, how often, and that all of it is native."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.nn.sampling import sampled

DRAWS = 20000
LOGITS = np.array([1.0, -2.0, 3.0, 0.5, 2.5, -7.0, 2.4], np.float32)


def shares(logits: Any, temperature: float = 1.0, top_k: Any = None, top_p: Any = None) -> Any:
    """The probabilities, by sorting."""
    below = np.asarray(logits, np.float64) / temperature
    order = np.argsort(-below)
    p = np.exp(below - below.max())
    if top_k is not None:
        p[order[top_k:]] = 0
    p /= p.sum()
    if top_p is not None:
        enough = int(np.argmax(np.cumsum(p[order]) >= top_p)) + 1
        p[order[enough:]] = 0
    return p / p.sum()


def counted(tokens: Any) -> Any:
    return np.bincount(tokens.numpy(), minlength=len(LOGITS)) / DRAWS


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 2.0},
        {"top_k": 1},
        {"top_k": 3},
        {"top_k": 100},
        {"top_p": 0.35},
        {"top_p": 0.7},
        {"top_p": 1.0},
        {"temperature": 0.5, "top_k": 4, "top_p": 0.9},
    ],
)
def test_frequencies(options: Any, compiled: bool) -> None:
    generator = rp.random.Generator(3)
    rows = rp.asarray(np.broadcast_to(LOGITS, (DRAWS, len(LOGITS))).copy())

    def draw(logits: Any) -> Any:
        return sampled(logits, generator=generator, **options)

    made = rp.compile(draw, strict=True, verbose=False)(rows) if compiled else draw(rows)
    found, wanted = counted(made), shares(LOGITS, **options)
    assert set(np.flatnonzero(found)) <= set(np.flatnonzero(wanted))
    np.testing.assert_allclose(found, wanted, atol=4 * 0.5 / DRAWS**0.5)


@pytest.mark.parametrize("spread", [1e-3, 1.0, 30.0, 1e4])
def test_thresholds_are_those_of_sorting(spread: float) -> None:
    rng = np.random.default_rng(0)
    logits = (rng.standard_normal((40, 50)) * spread).astype(np.float32)
    for options in ({"top_k": 7}, {"top_p": 0.6}, {"top_k": 9, "top_p": 0.3}):
        wanted = np.array([shares(row, **options) > 0 for row in logits])
        drawn = np.zeros_like(wanted)
        for seed in range(30):
            generator = rp.random.Generator(seed)
            tokens = sampled(rp.asarray(logits), generator=generator, **options).numpy()
            drawn[np.arange(40), tokens] = True
        assert not (drawn & ~wanted).any()


def test_equal_tokens_stay_together() -> None:
    rows = rp.zeros((1000, 4))
    assert set(sampled(rows, top_k=1, generator=rp.random.Generator(0)).tolist()) == {0, 1, 2, 3}


def test_what_is_impossible_is_never_drawn() -> None:
    rows = rp.asarray(np.full((1000, 3), [-np.inf, 0.0, 1.0], np.float32))
    for options in ({}, {"top_k": 3}, {"top_p": 1.0}):
        drawn = sampled(rows, generator=rp.random.Generator(0), **options)
        assert set(drawn.tolist()) == {1, 2}


def test_same_state_same_tokens() -> None:
    rows = rp.asarray(np.broadcast_to(LOGITS, (100, len(LOGITS))).copy())
    one, two = (sampled(rows, generator=rp.random.Generator(5)).tolist() for _ in range(2))
    assert one == two
    assert one != sampled(rows, generator=rp.random.Generator(6)).tolist()

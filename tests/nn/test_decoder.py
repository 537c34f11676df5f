"""The decoder: its cache, what it sees, and what it refuses. More of it in test_language.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, IndexRangeError, ShapeError

TEXTS = np.random.default_rng(0).integers(0, 11, (3, 9))


def transformer(**options: Any) -> nn.TransformerLM:
    rp.manual_seed(0)
    return nn.TransformerLM(11, 16, heads=4, layers=2, length=12, **options)


def test_a_state_stays_as_it_is() -> None:
    model = transformer().eval()
    _, state = model.prefill(TEXTS[:, :4], model.start(3))
    first, _ = model.step(TEXTS[:, 4], state)
    again, _ = model.step(TEXTS[:, 4], state)
    assert first.tolist() == again.tolist()
    assert state.position.item() == 4


def test_what_comes_later_does_not_count() -> None:
    model = transformer().eval()
    other = TEXTS.copy()
    other[:, 5:] = (other[:, 5:] + 1) % 11
    before, after = model(TEXTS).numpy(), model(other).numpy()
    np.testing.assert_allclose(after[:, :5], before[:, :5], atol=1e-6)
    assert not np.allclose(after[:, 5:], before[:, 5:], atol=1e-3)


def test_tied_weights_are_one() -> None:
    model, other = transformer(tie_weights=True), transformer()
    count = sum(each.size for each in model.parameters())
    assert sum(each.size for each in other.parameters()) == count + 11 * 16
    assert set(other.state_dict()) - set(model.state_dict()) == {"output.weight"}


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(ArgumentError, match="10 features do not split into 4 heads"):
        nn.TransformerLM(11, 10, 4, 1, 8)
    with pytest.raises(ArgumentError, match="4 heads cannot share 3"):
        transformer(kv_heads=3)
    with pytest.raises(ArgumentError, match="heads of 3 features do not make pairs"):
        nn.TransformerLM(11, 12, 4, 1, 8, positions="rotary")
    with pytest.raises(ArgumentError, match="layers must be a whole number above 0, it is 0"):
        nn.TransformerLM(11, 16, 4, 0, 8)


@pytest.mark.parametrize("option", ["norm", "activation", "positions"])
def test_unknown_words(option: str) -> None:
    with pytest.raises(ArgumentError, match="'odd'"):
        transformer(**{option: "odd"})


def test_texts_that_are_too_long() -> None:
    with pytest.raises(ShapeError, match="13 tokens, it was made for 12"):
        transformer()(np.zeros((1, 13), int))


def test_a_cache_that_does_not_fit() -> None:
    model = transformer()
    with pytest.raises(ArgumentError, match="a cache for 13 tokens, it was made for 1 to 12"):
        model.start(1, 13)
    with pytest.raises(ShapeError, match="3 texts, the state is for 2"):
        model.step(TEXTS[:, 0], model.start(2))
    _, full = model.prefill(TEXTS[:, :4], model.start(3, 4))
    with pytest.raises(IndexRangeError, match="the cache holds 4 tokens, 4 were read and 1 come"):
        model.step(TEXTS[:, 0], full)
    step = rp.compile(model.step, verbose=False)
    with rp.no_grad(), pytest.raises(IndexRangeError, match="index 4 is out"):
        step(TEXTS[:, 0], full)


def test_a_state_begins_as_tensors_of_its_own() -> None:
    state = transformer().start(1)
    parts = [*state.keys, *state.values, state.position]
    assert len({id(part) for part in parts}) == 5

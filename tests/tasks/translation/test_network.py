"""Networks that translate: the same whether all at once or step by step, alone or in company."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError
from retroprop.tasks.translation.network import Recurrent, Transformer, translation_loss
from retroprop.tasks.translation.pack import packed, padded

PAIRS = [([5, 6, 7], [8, 9]), ([4], [11, 10, 4, 5]), ([9, 9], [6])]
KINDS = ("transformer", "gru")


def network(kind: str):
    rp.manual_seed(0)
    made = Transformer(12, 8, 2, 2, 16, 6) if kind == "transformer" else Recurrent(12, 8, 2)
    return made.eval()


def tensors(x):
    return {name: rp.asarray(value) for name, value in x.items()}


def alone(pairs=PAIRS):
    x, y = packed(pairs, 6, alone=True)
    return tensors(x), y


@pytest.mark.parametrize("kind", KINDS)
def test_steps_say_what_the_whole_says(kind: str) -> None:
    model, (x, y) = network(kind), alone()
    whole = model(**x).numpy()
    memory = model.encode(rp.asarray(padded([p[0] for p in PAIRS], 6, 3)))
    state = model.start(memory, 6)
    for at in range(5):
        logits, state = model.step(x["target"][:, at], rp.asarray(at), memory, state)
        is_there = y[:, at] > 0
        np.testing.assert_allclose(logits.numpy()[is_there], whole[is_there, at], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_what_comes_later_is_seen(kind: str) -> None:
    model, (x, _) = network(kind), alone()
    before = model(**x).numpy()
    changed = x["target"].numpy().copy()
    changed[:, 2:] = 5
    after = model(**{**x, "target": rp.asarray(changed)}).numpy()
    np.testing.assert_allclose(after[:, :2], before[:, :2], atol=1e-6)
    assert np.abs(after[:, 2:] - before[:, 2:]).max() > 1e-3


def test_texts_that_share_a_row_do_not_see_each_other() -> None:
    model, (x, y) = network("transformer"), alone()
    together, targets = packed(PAIRS, 14)
    assert len(targets) == 1
    one = translation_loss(model(**x), rp.asarray(y)).item()
    other = translation_loss(model(**tensors(together)), rp.asarray(targets)).item()
    assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_of_the_source_changes_nothing(kind: str) -> None:
    model = network(kind)
    short, long = (model.encode(rp.asarray(padded([[5, 6]], room, 1))) for room in (3, 6))
    for memory in (short, long):
        assert memory[0].shape[0] == 1
    at = rp.asarray(0)
    first, second = (
        model.step(rp.asarray([2]), at, memory, model.start(memory, 4))[0].numpy()
        for memory in (short, long)
    )
    np.testing.assert_allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_attention_is_shared_out_over_the_source(kind: str) -> None:
    model, (x, _) = network(kind), alone()
    seen = model.attention(**x).numpy()
    lengths = (x["source"].numpy() > 0).sum(axis=1)
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(seen[row, :2].sum(axis=-1), 1, atol=1e-5)
        assert seen[row, :2, length:].max(initial=0) == 0


def test_padding_counts_nothing_in_the_loss() -> None:
    logits = rp.asarray(np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32))
    target = np.array([[4, 3, 0], [1, 0, 0]])
    logs = logits.numpy() - np.log(np.exp(logits.numpy()).sum(axis=-1, keepdims=True))
    right = -(logs[0, 0, 4] + logs[0, 1, 3] + logs[1, 0, 1]) / 3
    assert translation_loss(logits, rp.asarray(target)).item() == pytest.approx(right, abs=1e-5)
    even = -(logs[0, 0].mean() + logs[0, 1].mean() + logs[1, 0].mean()) / 3
    smooth = translation_loss(logits, rp.asarray(target), label_smoothing=0.1).item()
    assert smooth == pytest.approx(0.9 * right + 0.1 * even, abs=1e-5)


def test_heads_split_the_width() -> None:
    with pytest.raises(ArgumentError, match="width=10 does not split into heads=4"):
        Transformer(12, 10, 4, 1, 16, 6)

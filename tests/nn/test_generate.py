"""`nn.generate`: tokens are those that the model's forward pass says, however they are made."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError

TEXTS = np.random.default_rng(0).integers(0, 11, (3, 9))


def grown(model: Any) -> Any:
    """A model with an opinion: weights three times as large."""
    with rp.no_grad():
        for weight in model.parameters():
            weight.assign(weight * 3)
    return model


def transformer(tokens: int = 11, **options: Any) -> Any:
    rp.manual_seed(1)
    return grown(nn.TransformerLM(tokens, 16, heads=4, layers=1, length=40, **options))


def recurrent(kind: str = "gru", tokens: int = 11) -> Any:
    rp.manual_seed(1)
    return grown(nn.RecurrentLM(tokens, 8, 16, 1, kind))


class Fixed:
    """Says the same, whatever it has read."""

    def __init__(self, logits: Any) -> None:
        self.logits = rp.asarray(logits)

    def start(self, batch: int, length: int) -> Any:
        return {"read": rp.zeros((batch,))}

    def step(self, tokens: Any, state: Any) -> Any:
        row = self.logits + 0.0 * rp.reshape(tokens, (-1, 1))
        return row, {"read": state["read"] + 1}

    def prefill(self, tokens: Any, state: Any) -> Any:
        return self.step(tokens[:, -1], state)


def by_hand(model: Any, texts: Any, count: int) -> Any:
    for _ in range(count):
        best = model(texts).numpy()[:, -1].argmax(-1)
        texts = np.concatenate([texts, best[:, None]], axis=1)
    return texts


@pytest.mark.parametrize(
    "make",
    [
        transformer,
        lambda: transformer(kv_heads=2, positions="rotary", norm="rms", tie_weights=True),
        recurrent,
        lambda: recurrent("lstm"),
    ],
)
def test_greedy_tokens_are_those_of_forward(make: Any) -> None:
    model = make()
    wanted = by_hand(model, TEXTS, 12)
    assert nn.generate(model, TEXTS, 12, greedy=True).tolist() == wanted.tolist()


def test_a_text_without_the_axis_of_the_batch() -> None:
    model = recurrent()
    wanted = by_hand(model, TEXTS[:1], 12)[0]
    assert nn.generate(model, TEXTS[0], 12, greedy=True).tolist() == wanted.tolist()


def test_it_follows_the_weights_and_the_layers() -> None:
    model = recurrent()
    first = nn.generate(model, TEXTS, 12, greedy=True).tolist()
    with rp.no_grad():
        model.output.bias.assign(rp.arange(11.0) * -3)
    assert nn.generate(model, TEXTS, 2, greedy=True).tolist() == by_hand(model, TEXTS, 2).tolist()
    model.output = nn.Linear(16, 11)
    found = nn.generate(model, TEXTS, 12, greedy=True).tolist()
    assert found == by_hand(model, TEXTS, 12).tolist() != first


@pytest.mark.parametrize("options", [{}, {"top_k": 2}, {"top_p": 0.5}, {"temperature": 3.0}])
def test_draws_have_the_probabilities_of_the_model(options: Any) -> None:
    logits = np.array([0.5, 2.0, -1.0, 1.5], np.float32)
    weights = np.exp(logits / options.get("temperature", 1.0))
    weights[[0, 2]] *= "top_k" not in options
    weights[[0, 2, 3]] *= "top_p" not in options
    prompt = np.zeros((1000, 1), int)
    made = nn.generate(Fixed(logits), prompt, 20, generator=rp.random.Generator(1), **options)
    found = np.bincount(made.numpy()[:, 1:].reshape(-1), minlength=4) / 20000
    np.testing.assert_allclose(found, weights / weights.sum(), atol=0.015)


def test_same_state_same_tokens_however_they_are_made() -> None:
    model = recurrent()
    told: list[Any] = []
    options: dict[str, Any] = {"top_k": 5, "top_p": 0.9, "temperature": 1.5}

    def run(count: int = 30, **more: Any) -> Any:
        return nn.generate(model, TEXTS, count, generator=rp.random.Generator(7), **options, **more)

    whole = run().tolist()
    assert run().tolist() == whole
    assert run(stream=lambda line: told.append(line.tolist())).tolist() == whole
    assert np.transpose(told).tolist() == [text[9:] for text in whole]
    generator = rp.random.Generator(7)
    half = nn.generate(model, TEXTS, 14, generator=generator, **options)
    assert nn.generate(model, half, 16, generator=generator, **options).tolist() == whole


def test_the_default_generator() -> None:
    model = recurrent()
    rp.manual_seed(3)
    first, second = (nn.generate(model, TEXTS, 20).tolist() for _ in range(2))
    rp.manual_seed(3)
    assert nn.generate(model, TEXTS, 20).tolist() == first != second


def test_a_stop_ends_texts() -> None:
    model = recurrent()
    free = nn.generate(model, TEXTS, 20, generator=rp.random.Generator(2)).numpy()[:, 9:]
    stop = sorted({int(free[0, 3]), int(free[1, 6])})
    found = nn.generate(model, TEXTS, 20, generator=rp.random.Generator(2), stop=stop).numpy()[
        :, 9:
    ]
    ends = [int(np.argmax(np.isin(row, stop))) if np.isin(row, stop).any() else 19 for row in free]
    assert found.shape[1] == max(ends) + 1
    for row, wanted, end in zip(found, free, ends, strict=True):
        assert row[: end + 1].tolist() == wanted[: end + 1].tolist()
        assert set(row[end + 1 :].tolist()) <= {wanted[end]}


def test_who_listens_to_one_text_hears_numbers() -> None:
    model = recurrent()
    told: list[Any] = []
    made = nn.generate(model, TEXTS[0].tolist(), 11, greedy=True, stream=told.append)
    assert told == made.tolist()[9:]
    assert all(type(token) is int for token in told)


def test_dropout_does_not_act_and_modes_come_back() -> None:
    model = transformer(dropout=0.9)
    model.layers[0].eval()
    modes = [module.training for module in model.modules()]
    found = nn.generate(model, TEXTS, 5, greedy=True).tolist()
    assert [module.training for module in model.modules()] == modes
    assert found == by_hand(model.eval(), TEXTS, 5).tolist()
    model.train()
    with pytest.raises(ArgumentError):
        nn.generate(model, TEXTS, 5, stream=lambda _: 1 / 0, temperature=0)
    with pytest.raises(ZeroDivisionError):
        nn.generate(model, TEXTS, 5, stream=lambda _: 1 / 0)
    assert all(module.training for module in model.modules())
    assert nn.generate(model, TEXTS, 5, greedy=True).tolist() == found


def test_long_prompts_are_read_in_pieces() -> None:
    rp.manual_seed(0)
    model = grown(nn.TransformerLM(11, 8, 2, 1, length=100))
    prompt = np.random.default_rng(1).integers(0, 11, (2, 82))
    found = nn.generate(model, prompt, 5, greedy=True)
    assert found.tolist() == by_hand(model, prompt, 5).tolist()


def best_by_trying_all(model: Any, text: Any, count: int, stops: Any, penalty: float) -> Any:
    """The most likely continuation, and its score."""
    best: tuple[float, list[int]] = (-np.inf, [])
    for length in range(1, count + 1):
        texts = np.array(list(itertools.product(range(4), repeat=length)))
        inside = np.isin(texts[:, :-1], stops).any(axis=1)
        ends = np.isin(texts[:, -1], stops) | (length == count)
        texts = texts[~inside & ends]
        if not len(texts):
            continue
        whole = np.concatenate([np.tile(text, (len(texts), 1)), texts], axis=1)
        logs = nn.functional.log_softmax(model(whole), -1).numpy()
        rows, columns = np.arange(len(texts))[:, None], np.arange(len(text) - 1, whole.shape[1] - 1)
        scores = logs[rows, columns, texts].sum(axis=1) / length**penalty
        if scores.max() > best[0]:
            best = scores.max(), texts[scores.argmax()].tolist()
    return best


@pytest.mark.parametrize(("stop", "penalty"), [(None, 1.0), (2, 1.0), ([1, 3], 0.3), (0, 0.0)])
def test_beams_find_the_most_likely_text(stop: Any, penalty: float) -> None:
    stops: Any = [] if stop is None else np.atleast_1d(stop)
    for model in (transformer(4), recurrent(tokens=4)):
        texts = TEXTS[:2, :3] % 4
        found = nn.generate(model, texts, 4, beams=64, length_penalty=penalty, stop=stop).numpy()
        for text, row in zip(texts, found, strict=True):
            _, wanted = best_by_trying_all(model, text, 4, stops, penalty)
            assert row[:3].tolist() == text.tolist()
            assert row[3 : 3 + len(wanted)].tolist() == wanted
            assert set(row[3 + len(wanted) :].tolist()) <= {wanted[-1]}


def test_few_beams_are_at_least_as_good_as_none() -> None:
    model = transformer()

    def score(texts: Any) -> Any:
        logs = nn.functional.log_softmax(model(texts[:, :-1]), -1).numpy()
        found = np.take_along_axis(logs, texts[:, 1:, None], axis=2)[:, 8:, 0]
        return found.sum(axis=1)

    greedy = nn.generate(model, TEXTS, 8, greedy=True).numpy()
    beams = nn.generate(model, TEXTS, 8, beams=5).numpy()
    assert score(beams).sum() > score(greedy).sum() - 1e-4


def test_nothing_new() -> None:
    assert nn.generate(recurrent(), TEXTS, 0).tolist() == TEXTS.tolist()


MODEL = nn.TransformerLM(11, 8, 2, 1, length=20)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0, it is 0.0(.|\n)*greedy=True"),
        ({"top_k": 0}, "top_k must be a whole number, at least 1; it is 0"),
        ({"top_p": 1.5}, "top_p is a probability above 0, up to 1; it is 1.5"),
        ({"beams": 0}, "beams must be a whole number, at least 1; it is 0"),
        ({"beams": 2, "top_k": 3}, "top_k does not go with that"),
        ({"beams": 2, "stream": print}, "stream does not go with that"),
        ({"stop": "."}, "stop must be a token or several, it is '.'"),
        ({"max_new_tokens": -1}, "max_new_tokens must be a whole number, at least 0"),
        ({"max_new_tokens": 12}, "9 tokens and 12 new ones, .* made for 20(.|\n)*ask for 11"),
        ({"prompt": np.zeros((1, 30), int)}, "30 tokens and 5 new ones(.|\n)*end of the prompt"),
    ],
)
def test_options_outside_their_range(options: Any, message: str) -> None:
    given: dict[str, Any] = {"prompt": TEXTS, "max_new_tokens": 5, **options}
    with pytest.raises(ArgumentError, match=message):
        nn.generate(MODEL, **given)


def test_prompts_that_are_none() -> None:
    with pytest.raises(ShapeError, match="has no tokens"):
        nn.generate(MODEL, np.zeros((1, 0), int), 5)
    with pytest.raises(ShapeError, match=r"\(batch, time\) or \(time,\), it is \(1, 1, 1\)"):
        nn.generate(MODEL, [[[1]]], 5)
    with pytest.raises(DTypeError, match="tokens must be integers, the prompt is float"):
        nn.generate(MODEL, [1.5], 5)
    with pytest.raises(IndexRangeError, match=r"the prompt holds token 11, the model knows 0..10"):
        nn.generate(MODEL, [1, 11], 5)
    with pytest.raises(IndexRangeError, match="stop holds token -1"):
        nn.generate(MODEL, [1], 5, stop=-1)

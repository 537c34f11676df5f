"""Networks from options, and the choice between them."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.data.stream import Stream
from retroprop.errors import ArgumentError
from retroprop.tasks.options import resolve
from retroprop.tasks.text import Text, choose
from retroprop.tasks.text.source import Found
from retroprop.tasks.text.words import cut

TEXTS = [f"{word} number {k}" for k in range(20) for word in ("good", "bad", "odd")]
LABELS = np.arange(60) % 3


def options(model):
    task = Text(resolve(Text, Found(TEXTS, LABELS.tolist(), range(60)), {"model": model}))
    return task._settled(model, 60)


@pytest.mark.parametrize("model", choose.MODELS)
def test_every_model_is_built_of_its_preset(model):
    given = options(model)
    coder = choose.encoder(given).fit([cut(text) for text in TEXTS])
    network = choose.network(given, coder, 3)
    assert network(choose.encoded(coder, [cut("good bad")])).shape == (1, 3)
    assert all(given[name] is not None for name in ("epochs", "lr", "batch_size", "vocabulary"))


def test_an_unknown_model_names_the_nearest():
    given = {**options("gru"), "model": "gur"}
    coder = choose.encoder(given).fit([cut("a")])
    with pytest.raises(ArgumentError, match="did you mean 'gru'"):
        choose.network(given, coder, 2)


def test_a_trial_learns():
    scores = choose.trials([cut(t) for t in TEXTS], LABELS, 3, {"bag": options("bag")})
    assert scores["bag"] > 0.9


def test_the_simplest_is_taken_where_the_difference_may_be_chance():
    scores = {"bag": 0.80, "gru": 0.79, "transformer": 0.82}
    assert choose.best_of(scores, 400) == "bag"
    assert choose.best_of(scores, 40_000) == "transformer"
    assert choose.best_of({"bag": 1.0, "gru": 1.0}, 400) == "bag"


def test_many_texts_are_encoded_when_they_are_taken(monkeypatch):
    coder = choose.encoder(options("gru")).fit([cut(text) for text in TEXTS])
    held = choose.encoded(coder, [cut(text) for text in TEXTS])
    monkeypatch.setattr(choose, "_HELD", 10)
    made = choose.encoded(coder, [cut(text) for text in TEXTS])
    assert isinstance(made, Stream)
    assert np.array_equal(made.take(slice(0, 60)), held)

"""A model goes on with a text."""

from __future__ import annotations

import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError
from retroprop.tasks.generation.writing import Allowed, told, written


def _models():
    rp.manual_seed(0)
    yield nn.RecurrentLM(9, 4, 8, 1)
    yield nn.TransformerLM(9, 8, heads=2, layers=1, length=8)


@pytest.mark.parametrize("kind", [0, 1], ids=["recurrent", "transformer"])
def test_it_goes_on_for_as_long_as_asked_and_never_writes_what_is_banned(kind):
    model = Allowed(list(_models())[kind], 9, [0, 3])
    heard = []
    made = written(model, [1, 2], 40, seed=1, tell=heard.append)
    assert heard == made
    assert len(made) == 40
    assert not {0, 3} & set(made)
    assert made == written(model, [1, 2], 40, seed=1)
    assert made != written(model, [1, 2], 40, seed=2)
    long = written(model, [1, 2] * 10, 5, temperature=0)
    assert len(long) == 5


def test_what_is_likely_at_a_low_temperature_and_other_options():
    model = Allowed(next(_models()), 9, [0])
    sure = written(model, [1], 12, temperature=0)
    assert sure == written(model, [1], 12, temperature=1e-4)
    assert sure == written(model, [1], 12, top_k=1) == written(model, [1], 12, top_p=1e-6)
    with pytest.raises(ArgumentError):
        written(model, [1], 12, temperature=-1.0)
    with pytest.raises(ArgumentError, match="no tokens"):
        written(model, [], 12)


def test_bytes_of_a_letter_are_said_together():
    said = []
    hear = told(lambda tokens: bytes(tokens).decode("utf-8", "replace"), said.append)
    for byte in "a☃b".encode():
        hear(byte)
    assert said == ["a", "☃", "b"]

"""Symbols have no numbers, and say what to write instead."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import TraceError
from tests.core.training import numpy

WANTED = {
    "if": (lambda x: x if x.sum() > 0 else -x, "a truth value", "rp.where"),
    "item": (lambda x: x.sum().item(), "a Python number", "look at it outside"),
    "float": (lambda x: float(x[0]), "a Python number", "look at it outside"),
    "int": (lambda x: int(x[0]), "a Python number", "look at it outside"),
    "numpy": (lambda x: x.numpy(), "an array", "retroprop's functions"),
    "np.sin": (lambda x: np.sin(x), "an array", "retroprop's functions"),
    "tolist": (lambda x: x.tolist(), "an array", "retroprop's functions"),
    "repr": (lambda x: repr(x), "text", "print it outside"),
    "format": (lambda x: f"{x}", "text", "print it outside"),
}


@pytest.mark.parametrize("name", WANTED)
def test_asking_for_numbers_names_the_users_line_and_the_way_out(name):
    function, wanted, way_out = WANTED[name]
    with pytest.raises(TraceError) as caught:
        numpy(function)(rp.asarray([1.0, 2.0]))
    text = str(caught.value)
    assert f"{wanted} was asked" in text
    assert way_out in text
    assert "at test_symbol.py:" in text
    assert "lambda x" in text.split("at test_symbol.py:")[1]


def test_an_outside_tensor_has_no_numbers_inside_either():
    limit = rp.asarray(1.0)
    with pytest.raises(TraceError, match="a truth value"):
        numpy(lambda x: x if limit > 0 else -x)(rp.ones(2))


def test_the_line_of_a_model_is_named_too():
    class Odd(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(TraceError, match=r"layer model: Odd\(\)"):
        numpy(Odd())(rp.ones(2))


def test_a_tensor_kept_from_inside_says_so_when_it_is_read():
    kept = []

    def step(x):
        kept.append(x * 2)
        return x

    numpy(step)(rp.ones(2))
    with pytest.raises(TraceError, match="kept outside"):
        kept[0].numpy()
    with pytest.raises(TraceError, match="kept outside"):
        repr(kept[0])
    with pytest.raises(TraceError, match="kept outside"):
        numpy(lambda x: x + kept[0])(rp.ones(2))

"""Samples are followed through whatever moves, computes and mixes elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.health.provenance_samples import samples_of
from retroprop.health.provenance_trace import Tracer, array_of
from retroprop.nn import functional as F

X = np.arange(24, dtype=np.float32).reshape(4, 6) / 24


def seen(function: Callable[[Any], Any], wrong: Callable[[Any], Any], x: Any = X) -> Any:
    """The samples of the elements that `wrong` picks of a result."""
    x = rp.asarray(x)
    with Tracer({id(array_of(x)): "x"}) as tracer:
        function(x)
    event = tracer.events[-1]
    mask = np.zeros(event.made[0].shape, bool)
    mask[wrong(mask)] = True
    return samples_of(event, mask, len(x))


FUNCTIONS = {
    "elementwise": (lambda x: rp.exp(x) * 2, lambda m: (2, 1), (2,)),
    "transposed": (lambda x: rp.exp(x.T), lambda m: (slice(None), [0, 3]), (0, 3)),
    "flattened": (lambda x: rp.exp(x.reshape((24,))), lambda m: (17,), (2,)),
    "in steps": (lambda x: rp.exp(x.reshape((4, 3, 2)).permute_dims((1, 0, 2))),
                 lambda m: (0, 1, 1), (1,)),
    "a part": (lambda x: rp.exp(x[2:]), lambda m: (1, 0), (3,)),
    "taken": (lambda x: rp.exp(rp.take(x, rp.asarray([3, 1]), axis=0)), lambda m: (1, 0), (1,)),
    "reduced": (lambda x: rp.sum(x, axis=1), lambda m: (3,), (3,)),
    "mixed": (lambda x: rp.sum(x, axis=0), lambda m: (3,), ()),
    "stretched": (lambda x: x / rp.sum(x), lambda m: (1, 1), (1,)),
    "matrix product": (lambda x: x @ rp.ones((6, 2)), lambda m: (2, 0), (2,)),
    "of weights": (lambda x: x.T @ x, lambda m: (2, 0), ()),
    "softmax": (lambda x: F.softmax(x, dim=1), lambda m: (2, 0), (2,)),
    "joined": (lambda x: rp.concat([x[1:2], x[3:]], axis=0) * 1, lambda m: (1, 0), (3,)),
    "norm": (lambda x: nn.LayerNorm(6)(x), lambda m: (0, 0), (0,)),
    "against others": (lambda x: x - x[::-1], lambda m: (0, 0), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_sample_is_followed(name: str) -> None:
    function, wrong, expected = FUNCTIONS[name]
    assert seen(function, wrong) == expected


def test_images_keep_their_sample() -> None:
    x = np.zeros((3, 2, 8, 8), np.float32)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2))
    assert seen(net, lambda m: (1, 0), x) == (1,)

"""How it is said."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.health import explain
from retroprop.health.provenance_trace import summary
from retroprop.health.provenance_words import range_of


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([1.0, 2.5], "(2,) from 1 to 2.5"),
        ([0.0, 0.0], "(2,) all 0"),
        (3.0, "3"),
        ([1.0, np.nan, 2.0], "(3,) from 1 to 2, 1 of 3 not finite"),
        ([np.inf, np.inf], "(2,) all inf"),
        ([], "(0,) empty"),
    ],
)
def test_ranges(numbers: list[float], text: str) -> None:
    assert range_of(summary(np.asarray(numbers, np.float32))) == text


def test_the_chain_goes_back_to_the_weight_that_is_too_large() -> None:
    rp.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
    with rp.no_grad():
        net[2].weight.assign(net[2].weight * 1e4)
    found = explain(lambda x: rp.sum(rp.exp(net(x))), rp.asarray([[1.0, 2.0], [0.5, 1.0]]))
    assert found is not None
    assert found.op == "exp"
    assert found.layer == ""
    assert found.chain[0].startswith("linear in layer 2 ")
    assert found.chain[1].startswith("weight 2.weight ")


def test_a_layer_is_named_by_its_path_and_what_it_is() -> None:
    class Log(nn.Module):
        def forward(self, x: rp.Tensor) -> rp.Tensor:
            return rp.log(x)

    net = nn.Sequential(nn.Identity(), nn.Sequential(Log(), nn.ReLU()))
    found = explain(lambda x: rp.sum(net(x) * -1), rp.asarray([1.0, -1.0]))
    assert found is not None
    assert found.layer == "layer 1.0: Log()"
    alone = explain(lambda x: rp.sum(Log()(x)), rp.asarray([1.0, -1.0]))
    assert alone is not None
    assert alone.layer == "Log()"

"""Health in a loop of one's own, eager and compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.health.watching import watch
from retroprop.nn import functional as F
from tests.health.networks import batch, deep


@pytest.mark.parametrize("around", [lambda f: f, rp.compile], ids=["eager", "compiled"])
def test_a_loop_is_watched(around: Any) -> None:
    model = deep(nn.Sigmoid)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    seen = watch(model, optimizer)

    def step(x: rp.Tensor, y: rp.Tensor) -> Any:
        with seen.looking() as one:
            loss = F.cross_entropy(model(x), y)
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss, one.values

    run, found = around(step), []
    for _ in range(3):
        loss, values = run(*batch())
        found.append(seen.add(values, loss=loss))
    assert "vanishing_gradient" in [one.rule for one in found[0]]
    assert "vanishing_gradient" not in [one.rule for one in found[1] + found[2]]
    assert seen.history.events == [1, 2, 3]
    assert len(seen.history.losses) == 3
    names, gradients = seen.history.series("gradient", "parameter")
    known, updates = seen.history.series("update", "parameter")
    assert names == known
    assert np.isnan(updates[0]).all()  # there was no step before it
    last = names.index("14.weight")  # the first layers' vanish in the rounding of their weights
    np.testing.assert_allclose(updates[1:, last], 0.25 * gradients[1:, last], rtol=1e-3)

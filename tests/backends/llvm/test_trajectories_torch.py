"""Training for 200 steps: compiled goes where PyTorch goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from tests.backends.llvm.training import NETWORKS, Training

torch = pytest.importorskip("torch")

STEPS = 200


def torch_losses(training: Training) -> list[float]:
    """The losses of the same training in PyTorch, in float64."""
    network, layers = training.network, []
    for inputs, outputs in zip(network.sizes, network.sizes[1:], strict=False):
        layers += [torch.nn.Linear(inputs, outputs), getattr(torch.nn, network.activation)()]
    model = torch.nn.Sequential(*layers[:-1]).double()
    weights = {name: torch.from_numpy(w) for name, w in training.weights().items()}
    model.load_state_dict(weights)
    optimizer = getattr(torch.optim, network.optimizer)(model.parameters(), **network.options)
    losses: list[Any] = []
    for x, y in zip(*map(torch.from_numpy, training.batches(STEPS)), strict=True):
        loss = getattr(torch.nn.functional, network.loss)(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", NETWORKS)
def test_compiled_training_goes_where_torch_goes(name: str) -> None:
    training = Training(NETWORKS[name], rp.compile, dtype="float64")
    expected = torch_losses(training)
    np.testing.assert_allclose(training.run(STEPS), expected, rtol=1e-9)

"""Small networks to train: eagerly, compiled, in PyTorch. Shared by the tests of whole steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import retroprop as rp
from retroprop import nn, optim

__all__ = ["NETWORKS", "Network", "Training"]


class Network(NamedTuple):
    """Sizes, activation, optimizer and loss of a dense network."""

    sizes: tuple[int, ...]
    activation: str
    optimizer: str
    options: dict[str, Any]
    loss: str = "cross_entropy"
    batch: int = 33


NETWORKS = {
    "sgd": Network((2, 16, 16, 2), "Tanh", "SGD", {"lr": 0.1}),
    "momentum": Network((7, 33, 5), "Sigmoid", "SGD", {"lr": 0.05, "momentum": 0.9}),
    "adam": Network((30, 64, 64, 2), "ReLU", "Adam", {"lr": 1e-3}, batch=64),
    "adamw": Network((13, 31, 3), "GELU", "AdamW", {"lr": 1e-3, "weight_decay": 0.1}),
    "mse": Network((17, 40, 9), "ReLU", "SGD", {"lr": 0.05}, loss="mse_loss"),
}


class Training:
    """A network with its optimizer and step, always from the same weights and batches.

    Args:
        wrap: what the step is put into: `rp.compile`, or nothing.
    """

    def __init__(
        self,
        network: Network,
        wrap: Callable[[Any], Any] = lambda step: step,
        dtype: str = "float32",
    ) -> None:
        self.network, self.dtype = network, dtype
        layers: list[Any] = []
        for inputs, outputs in zip(network.sizes, network.sizes[1:], strict=False):
            layers += [nn.Linear(inputs, outputs), getattr(nn, network.activation)()]
        self.model = nn.Sequential(*layers[:-1]).to(dtype=np.dtype(dtype))
        rng = np.random.default_rng(0)
        self.model.load_state_dict(
            {
                name: rp.asarray((rng.uniform(-1, 1, value.shape) / 3).astype(dtype))
                for name, value in self.model.state_dict().items()
            }
        )
        parameters = list(self.model.parameters())
        self.optimizer = getattr(optim, network.optimizer)(parameters, **network.options)
        loss_of = getattr(nn.functional, network.loss)

        def step(x: Any, y: Any) -> Any:
            loss = loss_of(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            return loss

        self.step = wrap(step)

    def batches(self, steps: int) -> tuple[Any, Any]:
        """Inputs and targets of some steps, along a first axis; arrays."""
        rng, network = np.random.default_rng(1), self.network
        x = rng.standard_normal((steps, network.batch, network.sizes[0])).astype(self.dtype)
        if network.loss == "mse_loss":
            shape = (steps, network.batch, network.sizes[-1])
            return x, rng.standard_normal(shape).astype(self.dtype)
        return x, rng.integers(0, network.sizes[-1], (steps, network.batch))

    def run(self, steps: int) -> list[float]:
        """The losses of that many single steps."""
        pairs = zip(*self.batches(steps), strict=True)
        return [float(self.step(rp.asarray(x), rp.asarray(y)).detach()) for x, y in pairs]

    def weights(self) -> dict[str, Any]:
        """The weights as arrays of their own."""
        return {name: np.array(w.numpy()) for name, w in self.model.state_dict().items()}

"""The workloads: shapes, initial weights, batches, floating-point operations. NumPy only.

Every process that measures makes them anew from the same seeds, so that all peers start from the
same float32 weights, see the same batches, and must reach the same loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

BATCHES = 8  # distinct inputs
LABELS = 7  # distinct targets: step i takes inputs[i % 8] with targets[i % 7]


@dataclass(frozen=True)
class Workload:
    """A dense network and how it is trained: sizes of the layers, batch, optimizer, loss."""

    sizes: tuple[int, ...]
    batch: int
    optimizer: str  # "sgd" or "adam"
    lr: float
    activation: str = "relu"  # or "tanh", after every layer but the last
    loss: str = "cross_entropy"  # or "mse"

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of every layer."""
        return list(zip(self.sizes, self.sizes[1:], strict=False))

    @property
    def steps_per_call(self) -> int:
        """How many steps the peers take that can take many in one call: about a second's work."""
        return 64 if self.flops < 1e9 else 8

    @property
    def flops(self) -> int:
        """Operations of the matrix products of a step: forward, weight and input gradients.

        The inputs of the network need no gradient, so its first layer has two products, not three.
        """
        products = sum(inputs * outputs for inputs, outputs in self.layers)
        return 2 * self.batch * (3 * products - self.sizes[0] * self.sizes[1])

    def weights(self, seed: int = 0) -> dict[str, np.ndarray]:
        """{"fc.0.weight": (outputs, inputs), "fc.0.bias": (outputs,), ...}, as `state_dict` has it.

        Uniform within 1 / sqrt(inputs).
        """
        rng, made = np.random.default_rng(seed), {}
        for i, (inputs, outputs) in enumerate(self.layers):
            bound = np.float32(math.sqrt(inputs))
            for name, shape in (("weight", (outputs, inputs)), ("bias", (outputs,))):
                made[f"fc.{i}.{name}"] = rng.uniform(-1, 1, shape).astype(np.float32) / bound
        return made

    def data(self, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Inputs (8, batch, features) and targets (8, batch) or (8, batch, outputs).

        Inputs and targets are cycled with periods 8 and 7: every input keeps meeting other targets.
        With fixed pairs a network learns them by heart, its gradients underflow, and what is
        measured is how a peer treats denormal numbers.
        """
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((BATCHES, self.batch, self.sizes[0]), dtype=np.float32)
        shape = (BATCHES, self.batch, self.sizes[-1])
        if self.loss == "mse":
            return x, rng.standard_normal(shape, dtype=np.float32)
        return x, rng.integers(0, self.sizes[-1], shape[:2])

    def many(self) -> tuple[np.ndarray, np.ndarray]:
        """The data of `steps_per_call` steps, stacked along a new first axis."""
        (x, y), order = self.data(), np.arange(self.steps_per_call)
        return x[order % BATCHES], y[order % LABELS]


WORKLOADS = {
    "tiny-mlp": Workload((2, 16, 16, 2), 32, "sgd", 0.1, activation="tanh"),
    "tabular-mlp": Workload((30, 64, 64, 2), 64, "adam", 1e-3),
    "mnist-mlp": Workload((784, 512, 256, 10), 128, "adam", 1e-3),
    "wide-mlp": Workload((1024, 4096, 4096, 1024), 256, "sgd", 0.01, loss="mse"),
}

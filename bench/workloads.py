"""The workloads: networks, initial weights, batches, floating-point operations. NumPy only.

Every process that measures makes them anew from the same seeds, so that all peers start from the
same float32 weights, see the same batches, and must reach the same loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from layers import (
    Activation,
    Block,
    Conv,
    Embedding,
    Flatten,
    LastStep,
    LayerNorm,
    Linear,
    MaxPool,
    Mean,
    Norm,
    Recurrent,
    Residual,
    flow,
    initial,
    products,
)

BATCHES = 8  # distinct inputs
LABELS = 7  # distinct targets: step i takes inputs[i % 8] with targets[i % 7]


@dataclass(frozen=True)
class Workload:
    """A network and how it is trained: layers, shape of a sample, batch, optimizer, loss."""

    layers: tuple[object, ...]
    sample: tuple[int, ...]
    batch: int
    optimizer: str  # "sgd", "momentum", "adam" or "adamw"
    lr: float
    loss: str = "cross_entropy"  # or "mse"
    clip: float = 0.0  # the norm that gradients are cut to; 0 for none
    decay: float = 0.0  # of weights, for "adamw"

    def __str__(self) -> str:
        """What it is, in a line."""
        dense = not self.is_image and not self.is_sequence
        of = "-".join(map(str, self.sizes)) if dense else "x".join(map(str, self.sample))
        of = f"{self.tokens} tokens, {of} steps" if self.tokens else of
        count = sum(array.size for array in self.weights().values())
        how = f"batch {self.batch}, {self.optimizer}, {self.loss}"
        return f"{of}, {count:,} weights, {self.flops / 1e9:.3g} GFLOP a step, {how}"

    @property
    def is_image(self) -> bool:
        """Whether samples are images."""
        return len(self.sample) == 3

    @property
    def tokens(self) -> int:
        """How many tokens there are, where samples are sequences of tokens; else 0."""
        first = self.layers[0]
        return first.tokens if isinstance(first, Embedding) else 0

    @property
    def is_sequence(self) -> bool:
        """Whether samples are sequences."""
        return bool(self.tokens) or isinstance(self.layers[0], Recurrent)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The widths of a dense network, from the inputs on."""
        linear = [layer for layer in self.layers if isinstance(layer, Linear)]
        return (linear[0].inputs, *(layer.outputs for layer in linear))

    @property
    def activation(self) -> str:
        """What stands between the layers of a dense network."""
        return next(layer.name for layer in self.layers if isinstance(layer, Activation))

    @property
    def outputs(self) -> int:
        """How many numbers the network gives for a sample."""
        return flow(self.layers, self.sample)[-1][-1]

    @property
    def steps_per_call(self) -> int:
        """How many steps the peers take that can take many in one call: about a second's work."""
        return 64 if self.flops < 1e9 else 8

    @property
    def flops(self) -> int:
        """Operations of the products of a step: forward, weight and input gradients.

        The inputs of the network need no gradient, so its first layer has two products, not three.
        """
        counts = products(self.layers, self.sample)
        first = self.layers[0]
        spared = 0 if self.tokens else counts[0]
        if isinstance(first, Recurrent):
            spared = self.sample[0] * first.gates * first.hidden * first.inputs
        return 2 * self.batch * (3 * sum(counts) - spared)

    def weights(self, seed: int = 0) -> dict[str, np.ndarray]:
        """{"0.weight": (outputs, inputs), "0.bias": (outputs,), ...}, as `state_dict` has it."""
        return initial(self.layers, self.sample, seed)

    def data(self, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Inputs (8, batch, *sample) and targets (8, batch) or (8, batch, outputs).

        Where samples are tokens, the targets are the tokens that follow.

        Inputs and targets are cycled with periods 8 and 7: every input keeps meeting other targets.
        With fixed pairs a network learns them by heart, its gradients underflow, and what is
        measured is how a peer treats denormal numbers.
        """
        rng = np.random.default_rng(seed)
        if self.tokens:
            steps = (BATCHES, self.batch, self.sample[0] + 1)
            text = rng.integers(0, self.tokens, steps)
            return np.ascontiguousarray(text[..., :-1]), np.ascontiguousarray(text[..., 1:])
        x = rng.standard_normal((BATCHES, self.batch, *self.sample), dtype=np.float32)
        shape = (BATCHES, self.batch, self.outputs)
        if self.loss == "mse":
            return x, rng.standard_normal(shape, dtype=np.float32)
        return x, rng.integers(0, self.outputs, shape[:2])

    def many(self) -> tuple[np.ndarray, np.ndarray]:
        """The data of `steps_per_call` steps, stacked along a new first axis."""
        (x, y), order = self.data(), np.arange(self.steps_per_call)
        return x[order % BATCHES], y[order % LABELS]


def dense(*sizes: int, activation: str = "relu") -> tuple[object, ...]:
    """Linear layers with an activation after all but the last."""
    made: list[object] = []
    for inputs, outputs in pairwise(sizes):
        made += [Linear(inputs, outputs), Activation(activation)]
    return tuple(made[:-1])


def normed(
    inputs: int, outputs: int, window: int = 3, stride: int = 1, groups: int = 1
) -> tuple[object, ...]:
    """A convolution that keeps the size, normalised."""
    conv = Conv(inputs, outputs, window, stride, window // 2, groups)
    return conv, Norm(outputs)


def residual(widths: tuple[int, ...], depth: int) -> tuple[object, ...]:
    """Basic residual blocks, `depth` of each width; the size halves at each new width."""
    made, inputs = [], widths[0]
    for width in widths:
        for block in range(depth):
            stride = 2 if block == 0 and width != widths[0] else 1
            body = (
                *normed(inputs, width, stride=stride),
                Activation(),
                *normed(width, width),
            )
            changes = stride != 1 or inputs != width
            shortcut = normed(inputs, width, 1, stride) if changes else ()
            made.append(Residual(body, shortcut))
            inputs = width
    return tuple(made)


def separable(*blocks: tuple[int, int, int]) -> tuple[object, ...]:
    """Depthwise and pointwise convolutions: (inputs, outputs, stride) of each pair."""
    made: list[object] = []
    for inputs, outputs, stride in blocks:
        made += [*normed(inputs, inputs, 3, stride, inputs), Activation()]
        made += [*normed(inputs, outputs, 1), Activation()]
    return tuple(made)


_LENET = (
    *(Conv(1, 6, 5, padding=2, bias=True), Activation(), MaxPool(2, 2)),
    *(Conv(6, 16, 5, bias=True), Activation(), MaxPool(2, 2), Flatten()),
    *dense(400, 120, 84, 10),
)
_SMALL = (
    *(*normed(1, 32), Activation(), *normed(32, 64), Activation()),
    *(MaxPool(2, 2), Flatten(), *dense(64 * 14 * 14, 128, 10)),
)
_RESNET20 = (
    *(*normed(3, 16), Activation(), *residual((16, 32, 64), 3)),
    *(Mean(), Linear(64, 10)),
)
_RESNET18 = (
    *(Conv(3, 64, 7, 2, 3), Norm(64), Activation(), MaxPool(3, 2, 1)),
    *(*residual((64, 128, 256, 512), 2), Mean(), Linear(512, 200)),
)
_MOBILE = (
    *(*normed(3, 32, 3, 2), Activation()),
    *separable((32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1)),
    *(Mean(), Linear(256, 200)),
)


def decoder(width: int, heads: int, depth: int, tokens: int, steps: int) -> tuple[object, ...]:
    """A small language model of the transformer kind."""
    blocks = (Block(width, heads),) * depth
    ends = (LayerNorm(width), Linear(width, tokens, bias=False))
    return (Embedding(tokens, width, steps), *blocks, *ends)


_LSTM = (Embedding(96, 128), Recurrent("LSTM", 128, 256, 2), Linear(256, 96))
_GRU = (Recurrent("GRU", 8, 64), LastStep(), Linear(64, 1))
_LSTM_SMALL = (Recurrent("LSTM", 16, 64), LastStep(), Linear(64, 10))

WORKLOADS = {
    "tiny-mlp": Workload(dense(2, 16, 16, 2, activation="tanh"), (2,), 32, "sgd", 0.1),
    "tabular-mlp": Workload(dense(30, 64, 64, 2), (30,), 64, "adam", 1e-3),
    "mnist-mlp": Workload(dense(784, 512, 256, 10), (784,), 128, "adam", 1e-3),
    "wide-mlp": Workload(dense(1024, 4096, 4096, 1024), (1024,), 256, "sgd", 0.01, loss="mse"),
    "lenet5": Workload(_LENET, (1, 28, 28), 64, "momentum", 0.01),
    "small-cnn": Workload(_SMALL, (1, 28, 28), 64, "adam", 1e-3),
    "resnet20": Workload(_RESNET20, (3, 32, 32), 64, "momentum", 0.05),
    "resnet18": Workload(_RESNET18, (3, 64, 64), 16, "momentum", 0.01),
    "mobilenet": Workload(_MOBILE, (3, 64, 64), 16, "momentum", 0.01),
    "lstm-lm": Workload(_LSTM, (64,), 32, "adam", 1e-3, clip=1.0),
    "gru-forecast": Workload(_GRU, (48, 8), 64, "adam", 1e-3, loss="mse"),
    "lstm-small": Workload(_LSTM_SMALL, (100, 16), 32, "adam", 1e-3),
    "transformer-lm": Workload(decoder(128, 4, 4, 96, 128), (128,), 16, "adamw", 3e-4, decay=0.1),
    "transformer-long": Workload(
        decoder(256, 8, 2, 96, 1024), (1024,), 2, "adamw", 3e-4, decay=0.1
    ),
}

"""The peers: what is measured, one module for each library.

A module has `make(workload, **options)`, which returns the `Program` that trains the workload.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from workloads import LABELS, WORKLOADS, Workload


@dataclass
class Program:
    """A training loop, ready to run: call `i` is `step(x[i % len(x)], y[i % len(y)])`.

    `step` takes one training step, or `steps` of them, and returns the loss or losses, in any form
    that NumPy can read; it may return before they are computed. The batches are in the library's
    own arrays: loading data is not measured.
    """

    step: Callable[[Any, Any], Any]
    x: Sequence[Any]
    y: Sequence[Any]
    steps: int = 1
    comparable: bool = True  # whether its loss must agree: False for weights of its own


@dataclass(frozen=True)
class Peer:
    """A row of the table: a module of this folder, the options of its `make`, and where it runs."""

    title: str
    module: str
    options: dict[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = tuple(WORKLOADS)
    slow: bool = False  # compiles for ten seconds and more: `--quick` leaves it out
    extra: bool = False  # measured only when named

    def make(self, workload: Workload) -> Program:
        """The program that trains `workload`; imports the library."""
        return importlib.import_module(f"peers.{self.module}").make(workload, **self.options)


def batches(workload: Workload, convert: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
    """The data of single steps, each batch through `convert`: 8 inputs and 7 targets."""
    x, y = workload.data()
    return [convert(batch) for batch in x], [convert(batch) for batch in y[:LABELS]]


_CLASSIFIERS = ("tiny-mlp", "tabular-mlp", "mnist-mlp")
_IMAGES = tuple(name for name, workload in WORKLOADS.items() if workload.is_image)
_LAST = {"channels_last": True}

PEERS = {
    "retroprop": Peer("retroprop", "retroprop"),
    "retroprop-many": Peer("retroprop, many steps a call", "retroprop", {"many": True}),
    "retroprop-eager": Peer("retroprop, not compiled", "retroprop", {"eager": True}, extra=True),
    "torch": Peer("PyTorch eager, fused optimizer, all threads", "torch"),
    "torch-1t": Peer("PyTorch eager, fused optimizer, one thread", "torch", {"threads": 1}),
    "torch-compile": Peer("torch.compile, model", "torch", {"compiled": "model"}, slow=True),
    "torch-whole": Peer("torch.compile, whole step", "torch", {"compiled": "step"}, slow=True),
    "torch-cl": Peer("PyTorch eager, channels last", "torch", _LAST, only=_IMAGES),
    "torch-compile-cl": Peer(
        "torch.compile, model, channels last",
        "torch",
        {"compiled": "model", **_LAST},
        only=_IMAGES,
        slow=True,
    ),
    "torch-whole-cl": Peer(
        "torch.compile, whole step, channels last",
        "torch",
        {"compiled": "step", **_LAST},
        only=_IMAGES,
        slow=True,
    ),
    "jax": Peer("JAX jit", "jax"),
    "jax-scan": Peer("JAX lax.scan, many steps a call", "jax", {"scan": True}),
    "sklearn": Peer(
        "scikit-learn MLPClassifier.partial_fit, many batches a call", "sklearn", only=_CLASSIFIERS
    ),
}

"""Dense networks, built from a description kept with the run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from retroprop import nn
from retroprop.errors import ArgumentError, unknown

__all__ = ["ACTIVATIONS", "build", "check", "dense", "describe", "started"]

ACTIVATIONS = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "leaky_relu": nn.LeakyReLU,
    "mish": nn.Mish,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
_INITIALISERS = ("default", "auto", "he", "glorot")
LARGEST = 500_000_000  # weights of a layer; with gradient and optimizer state 8 GB


def describe(options: dict[str, Any], input_shape: Sequence[int], outputs: int) -> dict[str, Any]:
    """The description of a model: everything `build` needs, as JSON values.

    Raises:
        ArgumentError: an unknown model, activation or initialisation.
    """
    if options["model"] == "cnn":
        raise ArgumentError("model=cnn needs images; for other data use model=mlp")
    if options["model"] != "mlp":
        raise unknown("model", options["model"], ("mlp",))
    check(options)
    names = ("hidden", "activation", "init", "batch_norm", "dropout")
    chosen = {name: options[name] for name in names}
    return {**chosen, "input_shape": list(input_shape), "outputs": outputs}


def check(options: dict[str, Any]) -> None:
    """That activation and initialisation are known.

    Raises:
        ArgumentError: "unknown activation 'rellu'; did you mean 'relu'?"

    Example:
        >>> check({"activation": "relu", "init": "he"})
    """
    if options["activation"] not in ACTIVATIONS:
        raise unknown("activation", options["activation"], ACTIVATIONS)
    if options["init"] not in _INITIALISERS:
        raise unknown("init", options["init"], _INITIALISERS)


def build(description: dict[str, Any]) -> nn.Sequential:
    """The network of a description, freshly initialised from the random state.

    The last layer gives one logit per class, or one number per target.

    Example:
        >>> spec = {
        ...     "hidden": [8],
        ...     "activation": "relu",
        ...     "batch_norm": False,
        ...     "dropout": 0.0,
        ...     "input_shape": [4],
        ...     "outputs": 3,
        ... }
        >>> build(spec)[0].weight.shape
        (8, 4)
    """
    shape = description["input_shape"]
    features, layers = dense(description, math.prod(shape))
    layers.append(nn.Linear(features, description["outputs"]))
    if len(shape) > 1:
        layers.insert(0, nn.Flatten())
    made: nn.Sequential = started(nn.Sequential(*layers), description.get("init", "default"))
    return made


def dense(description: dict[str, Any], features: int) -> tuple[int, list[nn.Module]]:
    """Hidden layers of sizes `hidden`, each with its activation, and how many features come out.

    Raises:
        ArgumentError: a layer that is too large to train.

    Example:
        >>> spec = {"hidden": [8], "activation": "relu", "batch_norm": False, "dropout": 0.0}
        >>> features, layers = dense(spec, 4)
        >>> features, len(layers)
        (8, 2)
    """
    act = ACTIVATIONS[description["activation"]]
    layers: list[nn.Module] = []
    for size in description["hidden"]:
        if features * size > LARGEST:
            raise ArgumentError(
                f"a layer of {features} x {size} weights is too large",
                fix="choose a smaller hidden= (for images a smaller channels= or image_size=)",
            )
        layers.append(nn.Linear(features, size))
        if description["batch_norm"]:
            layers.append(nn.BatchNorm1d(size))
        layers.append(act())
        if description["dropout"]:
            layers.append(nn.Dropout(description["dropout"]))
        features = size
    return features, layers


def started(model: Any, how: str) -> Any:
    """The model with the initial weights that were asked for."""
    if how == "auto":
        return nn.init.auto_(model)
    if how != "default":
        fill = nn.init.kaiming_normal_ if how == "he" else nn.init.xavier_uniform_
        for name, param in model.named_parameters():
            if name.endswith("weight") and param.ndim > 1:
                fill(param)
            elif name.endswith("bias"):
                nn.init.zeros_(param)
    return model

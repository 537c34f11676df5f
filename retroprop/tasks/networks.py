"""The networks that the command line trains, built from a description kept with the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop import nn
from retroprop.errors import ArgumentError, unknown

__all__ = ["ACTIVATIONS", "build", "describe"]

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
INITIALISERS = ("default", "auto", "he", "glorot")
LARGEST = 500_000_000  # weights of a layer; with gradient and optimizer state 8 GB
_KINDS = ("cnn", "mlp")


def describe(options: dict[str, Any], input_shape: Sequence[int], outputs: int) -> dict[str, Any]:
    """The description of a model: everything `build` needs, as JSON values.

    Raises:
        ArgumentError: an unknown model or activation, or a cnn for data that are no images.
    """
    if options["model"] not in _KINDS:
        raise unknown("model", options["model"], _KINDS)
    if options["activation"] not in ACTIVATIONS:
        raise unknown("activation", options["activation"], ACTIVATIONS)
    if options["init"] not in INITIALISERS:
        raise unknown("init", options["init"], INITIALISERS)
    if options["model"] == "cnn" and len(input_shape) != 3:
        raise ArgumentError("model=cnn needs images; for other data use model=mlp")
    names = ("model", "hidden", "channels", "activation", "init", "batch_norm", "dropout")
    chosen = {name: options[name] for name in names}
    return {**chosen, "input_shape": list(input_shape), "outputs": outputs}


def build(description: dict[str, Any]) -> nn.Sequential:
    """The network of a description, freshly initialised from the random state.

    `mlp`: dense layers. `cnn`: blocks of convolution (3x3), batch norm, activation and 2x2 max
    pooling, then dense layers. The last layer gives one logit per class, or one number per target.

    Example:
        >>> spec = {
        ...     "model": "mlp",
        ...     "hidden": [8],
        ...     "channels": [],
        ...     "activation": "relu",
        ...     "batch_norm": False,
        ...     "dropout": 0.0,
        ...     "input_shape": [4],
        ...     "outputs": 3,
        ... }
        >>> build(spec)[0].weight.shape
        (8, 4)
    """
    act = ACTIVATIONS[description["activation"]]
    layers: list[nn.Module] = []
    shape = list(description["input_shape"])
    if description["model"] == "cnn":
        shape = _convolutions(layers, description, shape, act)
    features = 1
    for size in shape:
        features *= size
    if len(shape) > 1:
        layers.append(nn.Flatten())
    for size in description["hidden"]:
        if features * size > LARGEST:
            raise ArgumentError(
                f"a layer of {features} x {size} weights is too large",
                fix="choose a smaller hidden= (or channels=, image_size=)",
            )
        layers.append(nn.Linear(features, size))
        if description["batch_norm"]:
            layers.append(nn.BatchNorm1d(size))
        layers.append(act())
        if description["dropout"]:
            layers.append(nn.Dropout(description["dropout"]))
        features = size
    layers.append(nn.Linear(features, description["outputs"]))
    return _started(nn.Sequential(*layers), description.get("init", "default"))


def _started(model: nn.Sequential, how: str) -> nn.Sequential:
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


def _convolutions(
    layers: list[nn.Module], description: dict[str, Any], shape: list[int], act: Any
) -> list[int]:
    """Append the convolution blocks; returns the shape that comes out of them."""
    channels, height, width = shape
    for size in description["channels"]:
        bias = not description["batch_norm"]
        layers.append(nn.Conv2d(channels, size, 3, padding=1, bias=bias))
        if description["batch_norm"]:
            layers.append(nn.BatchNorm2d(size))
        layers.append(act())
        channels = size
        if min(height, width) >= 4:
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
    return [channels, height, width]

"""Slips of programmers, by name: what each does to a network, its data or its training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.train import Callback
from tests.health.zoo.data import Data

__all__ = ["CALLBACKS", "DATA", "LOSSES", "MODELS", "trained_parameters"]


# -- in the network ------------------------------------------------------------------------------


def _layers(model: nn.Module) -> list[Any]:
    return [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]


def _assign(param: rp.Tensor, values: np.ndarray[Any, Any]) -> None:
    with rp.no_grad():
        param.assign(rp.asarray(values.astype("f4")))


def _scale(layer: Any, factor: float) -> None:
    _assign(layer.weight, layer.weight.numpy() * factor)


class Detached(nn.Module):
    """Everything before the last layer is cut off from the gradient, as by a stray `.numpy()`."""

    def __init__(self, model: nn.Sequential) -> None:
        layers = list(model.children())
        self.body, self.head = nn.Sequential(*layers[:-1]), layers[-1]

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        return self.head(self.body(x).detach())


class Unused(nn.Module):
    """A layer that is made but never called."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.extra = model, nn.Linear(16, 16)

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        return self.model(x)


def _frozen(model: nn.Module) -> nn.Module:
    """All but the last layer, as after fine-tuning."""
    for param in list(model.parameters())[:-2]:
        param.requires_grad_(False)
    return model


def _dead(model: nn.Module) -> nn.Module:
    for layer in _layers(model)[:-1]:
        nn.init.constant_(layer.bias, -6.0)
    return model


def _half_dead(model: nn.Module) -> nn.Module:
    layer = _layers(model)[0]
    half = layer.bias.shape[0] * 3 // 4
    _assign(layer.bias, np.where(np.arange(layer.bias.shape[0]) < half, -9.0, 0.0))
    return model


def _saturated(model: nn.Module) -> nn.Module:
    for layer in _layers(model)[:-1]:
        _scale(layer, 15.0)
    return model


def _mixed(model: nn.Module) -> nn.Module:
    """One layer of huge weights and one of tiny ones that undo them."""
    layers = _layers(model)
    _scale(layers[0], 1000.0)
    _scale(layers[-1], 0.001)
    return model


def _collapsed(model: nn.Module) -> nn.Module:
    """A last bias that makes one class certain."""
    bias = _layers(model)[-1].bias
    _assign(bias, np.where(np.arange(bias.shape[0]) == 0, 30.0, 0.0))
    return model


MODELS: dict[str, Callable[[Any], nn.Module]] = {
    "detached": Detached,
    "unused": Unused,
    "frozen": _frozen,
    "dead": _dead,
    "half dead": _half_dead,
    "saturated": _saturated,
    "mixed": _mixed,
    "collapsed": _collapsed,
}


# -- in the training -----------------------------------------------------------------------------


def trained_parameters(model: nn.Module, flaw: str) -> Iterator[Any]:
    """What the optimizer is given."""
    parameters = list(model.parameters())
    return iter(parameters[-2:] if flaw == "forgotten" else parameters)


class StaysInEval(Callback):
    """Looks at the model between steps, in eval mode, and does not put it back."""

    def on_step(self, trainer: rp.Trainer, loss: float) -> None:
        trainer.model.eval()


CALLBACKS: dict[str, type[Callback]] = {"eval": StaysInEval}


def squared_error(prediction: rp.Tensor, target: rp.Tensor) -> rp.Tensor:
    """Written by hand: (batch, 1) minus (batch,) is (batch, batch)."""
    return rp.mean(rp.square(prediction - target))


def cross_entropy(prediction: rp.Tensor, target: rp.Tensor) -> rp.Tensor:
    """Ours, which would refuse probabilities, made to take them."""
    return nn.functional.cross_entropy(prediction, target, check_logits=False)


LOSSES: dict[str, Any] = {"broadcast": squared_error, "softmax": cross_entropy}


# -- in the data ---------------------------------------------------------------------------------


def _constant(data: Data) -> Data:
    """Columns that say nothing, as a faulty sensor gives them."""
    x, x_test = data.x.copy(), data.x_test.copy()
    x[:, :3], x_test[:, :3] = 1.0, 1.0
    return data._replace(x=x, x_test=x_test)


def _leak(data: Data) -> Data:
    """The answer among the inputs; it is not there when it counts."""
    x, x_test = data.x.copy(), data.x_test.copy()
    x[:, 0], x_test[:, 0] = data.y.reshape(-1), 0.0
    return data._replace(x=x, x_test=x_test)


def _imbalance(data: Data) -> Data:
    """Almost all examples of one class."""
    keep = np.arange(len(data.y))
    label = data.y.reshape(-1)
    rare = keep[label != 0][:6]
    keep = np.concatenate([rare, keep[label == 0]])
    return data._replace(x=data.x[keep], y=data.y[keep])


def _scrambled(data: Data) -> Data:
    """Targets that were shuffled without their inputs."""
    return data._replace(y=np.random.default_rng(5).permutation(data.y))


def _one_wide(data: Data) -> Data:
    """A column in other units than the rest: metres among kilometres."""
    x, x_test = data.x.copy(), data.x_test.copy()
    x[:, 0], x_test[:, 0] = 5000 * x[:, 0], 5000 * x_test[:, 0]
    return data._replace(x=x, x_test=x_test)


def _holes(data: Data) -> Data:
    """A few numbers that are missing."""
    x = data.x.copy()
    x[::97, 1] = np.nan
    return data._replace(x=x)


def _from_one(data: Data) -> Data:
    """Classes counted from 1."""
    return data._replace(y=data.y + 1)


def _twice(data: Data) -> Data:
    """Most rows more than once, as after joining a table with itself."""
    rows = np.arange(len(data.y)) % (len(data.y) // 8)
    return data._replace(x=data.x[rows], y=data.y[rows])


def _flat(data: Data) -> Data:
    """Targets (examples,) where predictions are (examples, 1)."""
    return data._replace(y=data.y[:, 0], y_test=data.y_test[:, 0])


DATA: dict[str, Callable[[Data], Data]] = {
    "broadcast": _flat,
    "constant": _constant,
    "leak": _leak,
    "imbalance": _imbalance,
    "scrambled": _scrambled,
    "one wide": _one_wide,
    "holes": _holes,
    "from one": _from_one,
    "twice": _twice,
}

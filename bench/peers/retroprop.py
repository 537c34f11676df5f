"""retroprop itself: `rp.compile` of the whole step; one step a call, or many."""

from __future__ import annotations

from typing import Any

import layers
from workloads import Workload

import retroprop as rp
from peers import Program, batches
from retroprop import nn, optim
from retroprop.nn import functional as F


class Residual(nn.Module):
    """relu(body(x) + shortcut(x))."""

    def __init__(self, layer: layers.Residual):
        super().__init__()
        self.body, self.shortcut = network(layer.body), network(layer.shortcut)

    def forward(self, x: Any) -> Any:
        """The sum of both ways."""
        return F.relu(self.body(x) + self.shortcut(x))


class Mean(nn.Module):
    """The mean over height and width."""

    def forward(self, x: Any) -> Any:
        """One number for each channel."""
        return rp.mean(x, axis=(2, 3))


def network(described: Any) -> Any:
    """The modules of a description."""
    return nn.Sequential(*map(module, described))


def module(layer: Any) -> Any:
    """The module of a layer."""
    match layer:
        case layers.Linear():
            return nn.Linear(layer.inputs, layer.outputs)
        case layers.Conv():
            sizes = (layer.inputs, layer.outputs, layer.window, layer.stride, layer.padding)
            return nn.Conv2d(*sizes, groups=layer.groups, bias=layer.bias)
        case layers.Norm():
            return nn.BatchNorm2d(layer.channels)
        case layers.Activation():
            return {"relu": nn.ReLU, "tanh": nn.Tanh}[layer.name]()
        case layers.MaxPool():
            return nn.MaxPool2d(layer.window, layer.stride, layer.padding)
        case layers.Mean():
            return Mean()
        case layers.Flatten():
            return nn.Flatten()
    return Residual(layer)


def optimizer_of(workload: Workload, parameters: Any) -> Any:
    """The optimizer of the workload."""
    if workload.optimizer == "adam":
        return optim.Adam(parameters, lr=workload.lr)
    momentum = 0.9 * (workload.optimizer == "momentum")
    return optim.SGD(parameters, lr=workload.lr, momentum=momentum)


def make(workload: Workload, *, many: bool = False, eager: bool = False) -> Program:
    """The training loop: one native call a step, `many` steps in it, or `eager`, as Python runs."""
    model = network(workload.layers)
    given = {name: rp.asarray(w) for name, w in workload.weights().items()}
    missing, extra = model.load_state_dict(given, strict=False)
    assert not extra, extra
    assert all("running" in name or "num_batches" in name for name in missing), missing
    optimizer = optimizer_of(workload, model.parameters())
    loss_of = {"cross_entropy": F.cross_entropy, "mse": F.mse_loss}[workload.loss]

    def step(x: Any, y: Any) -> Any:
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    if eager:
        return Program(lambda x, y: step(x, y).detach(), *batches(workload, rp.asarray))
    compiled = rp.compile(step)
    if many:
        x, y = workload.many()
        return Program(compiled.many, [rp.asarray(x)], [rp.asarray(y)], len(x))
    return Program(compiled, *batches(workload, rp.asarray))

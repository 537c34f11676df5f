"""PyTorch: eager with fused optimizers, the model compiled, or the whole step compiled."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import layers
import torch
import torch.nn.functional as F
from torch import nn
from workloads import Workload

from peers import Program, batches


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
        return x.mean((2, 3))


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


def make(
    workload: Workload, *, threads: int = 0, compiled: str = "", channels_last: bool = False
) -> Program:
    """The training loop; `threads=0` for all cores, `compiled` "" (eager), "model" or "step"."""
    torch.set_num_threads(threads or available_cores())
    model = network(workload.layers)
    given = {name: torch.from_numpy(w) for name, w in workload.weights().items()}
    missing, extra = model.load_state_dict(given, strict=False)
    assert not extra, extra
    assert all("running" in name or "num_batches" in name for name in missing), missing
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    loss_of = {"cross_entropy": F.cross_entropy, "mse": F.mse_loss}[workload.loss]

    def forward(x: Any, y: Any) -> Any:
        return loss_of(model(x), y)

    chosen = {"": eager_step, "model": compiled_model, "step": whole_step}[compiled]
    step = chosen(workload, list(model.parameters()), forward)

    def convert(array: Any) -> Any:
        tensor = torch.from_numpy(array)
        last = channels_last and tensor.ndim == 4
        return tensor.to(memory_format=torch.channels_last) if last else tensor

    return Program(step, *batches(workload, convert))


def available_cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def optimizer_of(workload: Workload, parameters: list[Any], **options: Any) -> Any:
    """The optimizer of the workload."""
    if workload.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=workload.lr, **options)
    momentum = 0.9 * (workload.optimizer == "momentum")
    return torch.optim.SGD(parameters, lr=workload.lr, momentum=momentum, **options)


def training_step(forward: Callable, update: Callable, optimizer: Any) -> Callable:
    """The step everybody writes."""

    def step(x: Any, y: Any) -> Any:
        loss = forward(x, y)
        loss.backward()
        update()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    return step


def eager_step(workload: Workload, parameters: list[Any], forward: Callable) -> Callable:
    """One operator after the other; the optimizer has one kernel for all parameters."""
    optimizer = optimizer_of(workload, parameters, fused=True)
    return training_step(forward, optimizer.step, optimizer)


def compiled_model(workload: Workload, parameters: list[Any], forward: Callable) -> Callable:
    """Forward and backward pass compiled, and the optimizer's step apart, as its manual says."""
    optimizer = optimizer_of(workload, parameters)

    def update() -> None:
        optimizer.step()

    return training_step(torch.compile(forward), torch.compile(update), optimizer)


def whole_step(workload: Workload, parameters: list[Any], forward: Callable) -> Callable:
    """The whole step in one graph, behind an experimental flag.

    The optimizers of PyTorch break a graph, so their formula is spelled out.
    """
    from torch._dynamo import config  # noqa: PLC0415  seconds that eager PyTorch does not need

    config.trace_autograd_ops = True
    means = [torch.zeros_like(p) for p in parameters]
    squares = [torch.zeros_like(p) for p in parameters]
    count, lr = torch.zeros(()), workload.lr

    def step(x: Any, y: Any) -> Any:
        loss = forward(x, y)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            count.add_(1)
            for p, g, m, v in zip(parameters, gradients, means, squares, strict=True):
                if workload.optimizer == "sgd":
                    p.sub_(lr * g)
                elif workload.optimizer == "momentum":
                    m.mul_(0.9).add_(g)
                    p.sub_(lr * m)
                else:
                    m.lerp_(g, 0.1)
                    v.lerp_(g * g, 0.001)
                    deviation = (v / (1 - 0.999**count)).sqrt() + 1e-8
                    p.sub_(lr / (1 - 0.9**count) * m / deviation)
        return loss.detach()

    return torch.compile(step, fullgraph=True)

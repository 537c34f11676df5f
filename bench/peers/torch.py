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


class Embedding(nn.Module):
    """Lines of a table for tokens, plus those for places."""

    def __init__(self, layer: layers.Embedding):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(layer.tokens, layer.width))
        self.places = nn.Parameter(torch.empty(layer.places, layer.width)) if layer.places else None

    def forward(self, x: Any) -> Any:
        """(batch, time) to (batch, time, width)."""
        found = F.embedding(x, self.weight)
        return found if self.places is None else found + self.places


class LastStep(nn.Module):
    """What came out of the last step."""

    def forward(self, x: Any) -> Any:
        """(batch, time, width) to (batch, width)."""
        return x[:, -1]


class Block(nn.Module):
    """A layer of a decoder."""

    def __init__(self, layer: layers.Block):
        super().__init__()
        d, self.heads = layer.width, layer.heads
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.fc1, self.fc2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x: Any) -> Any:
        """Attention, then the dense part."""
        batch, time, d = x.shape
        heads = self.qkv(self.ln1(x)).view(batch, time, 3, self.heads, d // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(a.transpose(1, 2).reshape(batch, time, d))
        return x + self.fc2(F.gelu(self.fc1(self.ln2(x)), approximate="tanh"))


class Recurrent(nn.Module):
    """LSTM or GRU, without the states."""

    def __init__(self, layer: layers.Recurrent):
        super().__init__()
        kind = {"LSTM": nn.LSTM, "GRU": nn.GRU}[layer.kind]
        inner = kind(layer.inputs, layer.hidden, layer.depth, batch_first=True)
        self.inner = inner
        self._register_load_state_dict_pre_hook(self._renamed)

    def _renamed(self, state: Any, prefix: str, *_: Any) -> None:
        for name in [name for name in state if name.startswith(prefix)]:
            state[f"{prefix}inner.{name[len(prefix) :]}"] = state.pop(name)

    def forward(self, x: Any) -> Any:
        """(batch, time, inputs) to (batch, time, hidden)."""
        return self.inner(x)[0]


def network(described: Any) -> Any:
    """The modules of a description."""
    return nn.Sequential(*map(module, described))


def module(layer: Any) -> Any:
    """The module of a layer."""
    match layer:
        case layers.Linear():
            return nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)
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
        case layers.LayerNorm():
            return nn.LayerNorm(layer.width)
        case layers.Embedding() | layers.Recurrent() | layers.Block():
            return {"Embedding": Embedding, "Recurrent": Recurrent, "Block": Block}[
                type(layer).__name__
            ](layer)
        case layers.LastStep():
            return LastStep()
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
        made = model(x)
        if y.ndim > 1 and workload.tokens:  # a class for each step
            made, y = made.flatten(0, 1), y.flatten()
        return loss_of(made, y)

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
    if workload.optimizer == "adamw":
        how = {"lr": workload.lr, "weight_decay": workload.decay}
        return torch.optim.AdamW(parameters, **how, **options)
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

    def update() -> None:
        if workload.clip:
            nn.utils.clip_grad_norm_(parameters, workload.clip)
        optimizer.step()

    return training_step(forward, update, optimizer)


def compiled_model(workload: Workload, parameters: list[Any], forward: Callable) -> Callable:
    """Forward and backward pass compiled, and the optimizer's step apart, as its manual says."""
    from torch._dynamo import config  # noqa: PLC0415  seconds that eager PyTorch does not need

    config.allow_rnn = True
    optimizer = optimizer_of(workload, parameters)

    def update() -> None:
        if workload.clip:
            nn.utils.clip_grad_norm_(parameters, workload.clip)
        optimizer.step()

    return training_step(torch.compile(forward), torch.compile(update), optimizer)


def whole_step(workload: Workload, parameters: list[Any], forward: Callable) -> Callable:
    """The whole step in one graph, behind an experimental flag.

    The optimizers of PyTorch break a graph, so their formula is spelled out.
    """
    from torch._dynamo import config  # noqa: PLC0415  seconds that eager PyTorch does not need

    config.trace_autograd_ops = config.allow_rnn = True
    means = [torch.zeros_like(p) for p in parameters]
    squares = [torch.zeros_like(p) for p in parameters]
    count, lr = torch.zeros(()), workload.lr

    def step(x: Any, y: Any) -> Any:
        loss = forward(x, y)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            count.add_(1)
            if workload.clip:
                norm = torch.sqrt(sum((g * g).sum() for g in gradients))
                scale = (workload.clip / (norm + 1e-6)).clamp(max=1.0)
                gradients = [g * scale for g in gradients]
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
                    p.mul_(1 - lr * workload.decay)
                    p.sub_(lr / (1 - 0.9**count) * m / deviation)
        return loss.detach()

    return torch.compile(step, fullgraph=True)

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


class Embedding(nn.Module):
    """Lines of a table for tokens, plus those for places."""

    def __init__(self, layer: layers.Embedding):
        super().__init__()
        self.weight = nn.Parameter(rp.zeros((layer.tokens, layer.width)))
        if layer.places:
            self.places = nn.Parameter(rp.zeros((layer.places, layer.width)))
        self.has_places = bool(layer.places)

    def forward(self, x: Any) -> Any:
        """(batch, time) to (batch, time, width)."""
        found = F.embedding(x, self.weight)
        return found + self.places if self.has_places else found


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
        heads = rp.reshape(self.qkv(self.ln1(x)), (batch, time, 3, self.heads, d // self.heads))
        q, k, v = rp.unstack(rp.permute_dims(heads, (2, 0, 3, 1, 4)))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(rp.reshape(rp.permute_dims(a, (0, 2, 1, 3)), (batch, time, d)))
        return x + self.fc2(F.gelu(self.fc1(self.ln2(x)), approximate="tanh"))


def recurrent(layer: layers.Recurrent) -> Any:
    """LSTM or GRU, without the states."""
    kind = {"LSTM": nn.LSTM, "GRU": nn.GRU}[layer.kind]

    class Outputs(kind):
        def forward(self, x: Any) -> Any:
            return super().forward(x)[0]

    return Outputs(layer.inputs, layer.hidden, layer.depth, batch_first=True)


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
        case layers.Embedding() | layers.Block():
            return {"Embedding": Embedding, "Block": Block}[type(layer).__name__](layer)
        case layers.Recurrent():
            return recurrent(layer)
        case layers.LastStep():
            return LastStep()
    return Residual(layer)


def optimizer_of(workload: Workload, parameters: Any) -> Any:
    """The optimizer of the workload."""
    if workload.optimizer == "adam":
        return optim.Adam(parameters, lr=workload.lr)
    if workload.optimizer == "adamw":
        return optim.AdamW(parameters, lr=workload.lr, weight_decay=workload.decay)
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
        made = model(x)
        if y.ndim > 1 and workload.tokens:  # a class for each step
            made, y = rp.reshape(made, (-1, made.shape[-1])), rp.reshape(y, (-1,))
        loss = loss_of(made, y)
        loss.backward()
        if workload.clip:
            nn.utils.clip_grad_norm_(list(model.parameters()), workload.clip)
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

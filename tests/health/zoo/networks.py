"""The networks of the zoo, from their specs."""

from __future__ import annotations

from typing import Any

import retroprop as rp
from retroprop import nn
from tests.health.zoo.data import Data
from tests.health.zoo.spec import Spec

__all__ = ["build"]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
}
_TOKENS = {"topics": 60, "order": 10}
_CELLS = {"rnn": nn.RNN, "relu rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def build(spec: Spec, data: Data) -> nn.Module:
    """A network with its first weights, drawn from the random state."""
    if spec.model == "mlp":
        model = _dense(spec, data.x.shape[1], data.outputs)
    elif spec.model == "cnn":
        model = _convolutions(spec, data.x.shape[1:], data.outputs)
    elif spec.model in _CELLS:
        model = Reader(spec, data.x.shape[2], data.outputs)
    else:
        kinds = {"bag": Bag, "attention": Attention}
        rows = spec.vocabulary or _TOKENS[spec.data]
        model = kinds[spec.model](spec, rows, data.x.shape[1], data.outputs)
    _start(model, spec)
    lasts = {"softmax": nn.Softmax(-1), "sigmoid": nn.Sigmoid(), "relu": nn.ReLU()}
    return nn.Sequential(model, lasts[spec.last]) if spec.last in lasts else model


# -- layers in a row -----------------------------------------------------------------------------


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, inner: nn.Module) -> None:
        self.inner = inner

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        return x + self.inner(x)


def _dense(spec: Spec, inputs: int, outputs: int) -> nn.Module:
    layers: list[nn.Module] = []
    for number in range(spec.depth - 1):
        block: list[nn.Module] = [nn.Linear(inputs if number == 0 else spec.width, spec.width)]
        if spec.norm != "none":
            block.append({"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[spec.norm](spec.width))
        block.append(ACTIVATIONS[spec.activation]())
        if spec.dropout:
            block.append(nn.Dropout(spec.dropout))
        whole = spec.residual and number > 0
        layers += [Residual(nn.Sequential(*block))] if whole else block
    return nn.Sequential(*layers, nn.Linear(spec.width if layers else inputs, outputs))


def _convolutions(spec: Spec, shape: tuple[int, ...], outputs: int) -> nn.Module:
    channels, side = shape[0], shape[1]
    layers: list[nn.Module] = []
    for number in range(spec.depth - 1):
        layers.append(nn.Conv2d(channels, spec.width, 3, padding=1))
        if spec.norm == "batch":
            layers.append(nn.BatchNorm2d(spec.width))
        layers.append(ACTIVATIONS[spec.activation]())
        if number < 2 and side >= 4:
            layers.append(nn.MaxPool2d(2))
            side //= 2
        if spec.dropout:
            layers.append(nn.Dropout2d(spec.dropout))
        channels = spec.width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, outputs))


# -- sequences -----------------------------------------------------------------------------------


class Reader(nn.Module):
    """A recurrent network, and a linear layer on its last output."""

    def __init__(self, spec: Spec, features: int, outputs: int) -> None:
        options: dict[str, Any] = {"num_layers": spec.depth - 1, "batch_first": True}
        if spec.model == "relu rnn":
            options["nonlinearity"] = "relu"
        self.cell = _CELLS[spec.model](features, spec.width, **options)
        self.head = nn.Linear(spec.width, outputs)

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        y, _ = self.cell(x)
        return self.head(y[:, -1])


class Bag(nn.Module):
    """The mean of the vectors of tokens, and layers on it."""

    def __init__(self, spec: Spec, rows: int, length: int, outputs: int) -> None:
        self.table = nn.EmbeddingBag(rows, spec.width)
        self.layers = _dense(spec, spec.width, outputs)

    def forward(self, tokens: rp.Tensor) -> rp.Tensor:
        return self.layers(self.table(tokens))


class Attention(nn.Module):
    """Tokens and their places, blocks of attention and layers, and the mean over places."""

    def __init__(self, spec: Spec, rows: int, length: int, outputs: int) -> None:
        self.tokens, self.places = nn.Embedding(rows, spec.width), nn.Embedding(length, spec.width)
        options: dict[str, Any] = {"dropout": spec.dropout, "batch_first": True}
        self.blocks = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(spec.width, 2, 2 * spec.width, **options)
                for _ in range(spec.depth - 1)
            )
        )
        self.head = nn.Linear(spec.width, outputs)

    def forward(self, tokens: rp.Tensor) -> rp.Tensor:
        x = self.tokens(tokens) + self.places(rp.arange(tokens.shape[1]))
        return self.head(rp.mean(self.blocks(x), axis=1))


# -- first weights -------------------------------------------------------------------------------


def _start(model: nn.Module, spec: Spec) -> None:
    """Start the weights of the layers that are no recurrent ones, and the memory of those."""
    inits = {
        "he": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
        "glorot": nn.init.xavier_uniform_,
        "lecun": nn.init.lecun_normal_,
        "orthogonal": nn.init.orthogonal_,
        "zeros": nn.init.zeros_,
        "equal": lambda w: nn.init.constant_(w, 0.1),
        "wide": lambda w: nn.init.normal_(w, std=1.0),
        "narrow": lambda w: nn.init.normal_(w, std=0.001),
    }
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    if spec.init == "auto":
        nn.init.auto_(model)
    elif spec.init != "torch":
        for layer in layers:
            last = layer is layers[-1] and spec.init == "he"  # no ReLU comes after it
            inits["glorot" if last else spec.init](layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    if spec.memory:
        for name, weight in model.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(weight, gain=spec.memory)

"""Forty networks and more that learn as they should: no rule may complain about them."""

from __future__ import annotations

from tests.health.zoo.spec import Spec, spec

__all__ = ["HEALTHY"]

HEALTHY: list[Spec] = [
    # Dense layers: data, depth, activations.
    spec("blobs"),
    spec("blobs", depth=2, width=16, optimizer="sgd", lr=0.1),
    spec("blobs", depth=2, activation="sigmoid", init="glorot", lr=0.01),
    spec("blobs", depth=5, activation="gelu"),
    spec("rings", lr=0.01),
    spec("rings", depth=4, activation="tanh", init="glorot", optimizer="sgd", lr=0.1, momentum=0.9),
    spec("rings", activation="silu", optimizer="adamw", lr=0.01, weight_decay=0.01),
    spec("spirals", depth=4, width=48, lr=0.01, steps=500),
    spec("spirals", depth=5, activation="elu", lr=5e-3, steps=500),
    spec("moons", optimizer="rmsprop", lr=3e-3),
    spec("moons", depth=2, activation="tanh", optimizer="sgd", lr=0.1, momentum=0.9),
    spec("moons", last="sigmoid", loss="binary_cross_entropy", lr=0.01),
    spec("waves", lr=5e-3),
    spec("waves", activation="tanh", init="lecun", optimizer="sgd", lr=0.05, momentum=0.9),
    spec("waves", loss="huber", depth=4, optimizer="nadam"),
    spec("friedman", lr=5e-3),
    spec("friedman", loss="l1", width=64, lr=3e-3, schedule="cosine"),
    spec("noise", depth=2, width=8, lr=3e-3, steps=200, examples=1024),
    spec("iris", depth=2, width=16, lr=0.01),
    spec("iris", depth=1, optimizer="sgd", lr=0.1),
    spec("wine", lr=3e-3, steps=120),
    spec("wine", depth=2, width=16, activation="tanh", optimizer="sgd", lr=0.05, steps=120),
    # Many layers, kept alive by initialisation, norms or shortcuts.
    spec("blobs", depth=12, lr=1e-3),
    spec("blobs", depth=10, norm="batch"),
    spec("rings", depth=10, residual=True, norm="layer", init="lecun", lr=2e-3),
    spec("blobs", depth=8, norm="layer", activation="gelu"),
    spec("blobs", depth=8, activation="sigmoid", norm="batch", init="glorot"),
    # Optimizers, schedules, dropout, decay, clipping.
    spec("blobs", optimizer="adagrad", lr=0.03),
    spec("blobs", optimizer="lion", lr=5e-4),
    spec("blobs", optimizer="radam", lr=5e-3),
    spec("blobs", optimizer="adamax", lr=5e-3),
    spec("rings", schedule="warmup", lr=0.01),
    spec("rings", optimizer="sgd", lr=0.2, schedule="one_cycle", momentum=0.9),
    spec("blobs", dropout=0.2, width=64),
    spec("blobs", norm="batch", dropout=0.1, optimizer="sgd", lr=0.1, weight_decay=1e-4),
    spec("rings", clip_grad_norm=5.0, lr=0.01),
    spec("blobs", batch_size=8),
    spec("blobs", batch_size=256, lr=0.01),
    # Images.
    spec("fashion", width=64, examples=2000, steps=250),
    spec("fashion", norm="batch", examples=2000, optimizer="sgd", lr=0.1, steps=250),
    spec("fashion", "cnn", width=8, examples=2000, lr=5e-3, steps=200),
    spec("bars", "cnn", width=8, lr=5e-3, steps=200),
    spec("bars", "cnn", depth=4, width=8, norm="batch", lr=5e-3, steps=150),
    spec("bars", "cnn", width=8, optimizer="sgd", lr=0.02, momentum=0.9, steps=200),
    # Sequences and tokens.
    spec("trends", "rnn", depth=2, lr=5e-3, init="torch"),
    spec("trends", "lstm", depth=2, lr=0.01, init="torch"),
    spec("trends", "gru", depth=2, lr=0.01, init="torch", clip_grad_norm=5.0),
    spec("first", "gru", depth=2, lr=0.01, init="torch"),
    spec("first", "rnn", depth=2, lr=5e-3, memory=1.0, init="torch"),
    spec("fashion", "gru", depth=2, examples=1500, lr=0.01, init="torch", steps=200),
    spec("topics", "bag", depth=2, width=16, lr=0.01),
    spec("topics", "bag", depth=3, width=24, optimizer="adamw", lr=5e-3, dropout=0.2),
    spec("topics", "attention", depth=2, width=16, lr=3e-3, steps=250),
    spec("order", "attention", depth=2, width=16, lr=5e-3, steps=250),
]

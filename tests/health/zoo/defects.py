"""Networks with one planted defect each, next to the healthy training that they are made from.

A line is: the rule that should see it and others that are right about it too, the healthy twin, and
what is changed.
"""

from __future__ import annotations

from tests.health.zoo.spec import Case, defect, spec

__all__ = ["DEFECTS"]

_BLOBS = spec("blobs")
_SLOW = spec("blobs", optimizer="sgd", lr=0.1)
_RINGS = spec("rings", lr=0.01)
_WAVES = spec("waves", lr=5e-3)
_MOONS = spec("moons", lr=0.01)
_FRIEDMAN = spec("friedman", lr=5e-3)
_FASHION = spec("fashion", width=48, examples=1024, steps=200)
_BARS = spec("bars", "cnn", width=8, lr=5e-3, steps=200)
_GRU = spec("trends", "gru", depth=2, lr=0.01, init="torch")
_LSTM = spec("trends", "lstm", depth=2, lr=0.01, init="torch")
_RNN = spec("first", "rnn", depth=2, length=50, lr=3e-3, memory=1.0, init="torch", steps=400)
_RELU = spec("first", "relu rnn", depth=2, length=20, lr=2e-3, memory=1.4, init="torch")
_BAG = spec("topics", "bag", depth=2, width=16, lr=0.01)
_HEADS = spec("topics", "attention", depth=2, width=16, lr=3e-3, steps=250)
_DEEP = spec("blobs", depth=10, lr=1e-3)
_DEEPER = spec("blobs", depth=24, optimizer="sgd", lr=0.02)

# What else is right about weights that blow up, about a step that is far too long, ...
_WILD = (
    "not_finite initial_scale initial_loss learning_rate_too_high dead_relu always_clipping "
    "mixed_scales"
)
_LONG = (
    "not_finite loss_stuck dead_relu growing_weights class_collapse saturated_units "
    "exploding_gradient exploding_in_time"
)
_SHORT = "loss_stuck underfitting"

DEFECTS: list[Case] = [
    # -- depth -------------------------------------------------------------------------------
    defect("vanishing_gradient initial_scale loss_stuck", _DEEP, activation="sigmoid"),
    defect("vanishing_gradient initial_scale loss_stuck", _DEEPER, init="glorot"),
    defect("vanishing_gradient initial_scale loss_stuck", _DEEPER, init="torch"),
    defect("vanishing_gradient initial_scale loss_stuck", _DEEP, init="narrow"),
    defect(
        "vanishing_gradient initial_scale loss_stuck",
        spec("rings", depth=8, lr=3e-3),
        activation="sigmoid",
        init="torch",
    ),
    defect(
        "vanishing_gradient initial_scale loss_stuck",
        spec("wine", depth=20, lr=0.05, optimizer="sgd", activation="tanh", init="glorot"),
        init="torch",
    ),
    defect(
        "vanishing_gradient initial_scale loss_stuck",
        spec("fashion", depth=9, examples=1024, lr=1e-3, steps=250),
        activation="sigmoid",
    ),
    defect(
        "vanishing_gradient initial_scale loss_stuck",
        spec("bars", "cnn", depth=8, width=8, lr=3e-3, steps=200),
        activation="sigmoid",
        init="torch",
    ),
    defect(f"exploding_gradient {_WILD}", _DEEP, init="wide"),
    defect(f"exploding_gradient {_WILD}", _DEEP, init="wide", activation="leaky_relu"),
    defect(f"exploding_gradient {_WILD}", spec("rings", depth=12, lr=2e-3), init="wide"),
    defect(f"exploding_gradient {_WILD}", spec("friedman", depth=8, lr=2e-3), init="wide"),
    defect(
        f"exploding_gradient {_WILD}",
        spec("fashion", depth=10, examples=1024, lr=1e-3, steps=250),
        init="wide",
    ),
    # -- time --------------------------------------------------------------------------------
    defect("vanishing_in_time loss_stuck", _RNN, memory=0.3),
    defect("vanishing_in_time loss_stuck", _RNN, memory=0.0),
    defect("vanishing_in_time loss_stuck", _RELU, memory=0.4),
    defect(
        "vanishing_in_time loss_stuck",
        spec("first", "rnn", depth=3, length=50, lr=3e-3, memory=1.0, init="torch"),
        memory=0.3,
    ),
    defect(f"exploding_in_time {_WILD} {_LONG}", _RELU, memory=4.0),
    defect(
        f"exploding_in_time {_WILD} {_LONG}",
        spec("trends", "relu rnn", depth=2, length=24, lr=3e-3, memory=1.4, init="torch"),
        memory=4.0,
    ),
    defect(
        f"exploding_in_time {_WILD} {_LONG}",
        spec("fashion", "relu rnn", depth=2, lr=3e-3, memory=1.4, steps=200),
        memory=4.0,
    ),
    # -- units -------------------------------------------------------------------------------
    defect(
        "saturated_units initial_loss mixed_scales",
        spec("blobs", depth=6, activation="tanh", init="glorot"),
        flaw="saturated",
    ),
    defect(
        "saturated_units initial_loss mixed_scales",
        spec("rings", depth=5, activation="tanh", init="glorot", optimizer="sgd", lr=0.1),
        flaw="saturated",
    ),
    defect(
        "saturated_units initial_loss mixed_scales",
        spec("bars", "cnn", width=8, activation="tanh", init="glorot", lr=5e-3, steps=200),
        flaw="saturated",
    ),
    defect(
        "saturated_units unscaled_inputs",
        spec("waves", activation="tanh", init="glorot", lr=5e-3),
        inputs="large",
    ),
    defect("dead_relu loss_stuck initial_scale", _BLOBS, flaw="dead"),
    defect("dead_relu loss_stuck initial_scale", _RINGS, flaw="dead"),
    defect("dead_relu", _BLOBS, flaw="half dead"),
    defect("dead_relu", _FRIEDMAN, flaw="half dead"),
    defect("dead_relu", _BARS, flaw="half dead"),
    # -- steps -------------------------------------------------------------------------------
    defect(f"learning_rate_too_high {_LONG}", _BLOBS, lr=1.0),
    defect(f"learning_rate_too_high {_LONG}", _SLOW, lr=30.0),
    defect(f"learning_rate_too_high {_LONG}", spec("rings", activation="tanh", lr=0.01), lr=0.7),
    defect(f"learning_rate_too_high {_LONG}", spec("friedman", optimizer="sgd", lr=0.05), lr=3.0),
    defect(f"learning_rate_too_high {_LONG}", _FASHION, lr=0.3),
    defect(
        f"learning_rate_too_high {_LONG}",
        spec("wine", optimizer="sgd", lr=0.1, steps=120),
        lr=10.0,
    ),
    defect(f"learning_rate_too_high {_LONG}", _GRU, lr=20.0),
    defect(f"learning_rate_too_high {_LONG}", _BAG, lr=5.0),
    defect(f"learning_rate_too_high {_LONG}", _BARS, lr=1.0),
    defect(f"learning_rate_too_low {_SHORT}", _BLOBS, lr=1e-7),
    defect(f"learning_rate_too_low {_SHORT}", _SLOW, lr=1e-6),
    defect(f"learning_rate_too_low {_SHORT}", _RINGS, lr=1e-7),
    defect(f"learning_rate_too_low {_SHORT}", _FASHION, optimizer="sgd", lr=1e-6),
    defect(f"learning_rate_too_low {_SHORT}", _LSTM, lr=1e-7),
    defect(f"learning_rate_too_low {_SHORT}", _HEADS, lr=1e-7),
    defect(f"learning_rate_too_low {_SHORT}", _WAVES, lr=1e-7),
    defect("always_clipping learning_rate_too_low", _SLOW, clip_grad_norm=1e-3),
    defect("always_clipping learning_rate_too_low", _RINGS, clip_grad_norm=1e-3, optimizer="sgd"),
    defect(
        "always_clipping learning_rate_too_low",
        spec("trends", "gru", depth=2, optimizer="sgd", lr=0.3, momentum=0.9, init="torch"),
        clip_grad_norm=1e-4,
    ),
    defect(
        "noisy_gradient learning_rate_too_high",
        spec("noise", depth=2, width=8, optimizer="sgd", lr=0.1, examples=1024, batch_size=64),
        batch_size=1,
    ),
    defect(
        "noisy_gradient learning_rate_too_high",
        spec("noise", depth=2, width=8, lr=3e-3, examples=1024, steps=200),
        batch_size=1,
        lr=0.03,
    ),
    # -- what is learnt ----------------------------------------------------------------------
    defect(
        "overfitting",
        spec("noise", depth=2, width=8, examples=1024, lr=3e-3),
        examples=64,
        width=128,
        lr=0.01,
    ),
    defect("overfitting", _FASHION, examples=96, steps=300),
    defect(
        "overfitting loss_stuck",
        spec("blobs", examples=128, lr=3e-3),
        flaw="scrambled",
        width=256,
        lr=0.01,
        steps=400,
    ),
    defect("underfitting loss_stuck", _RINGS, depth=1),
    defect("underfitting loss_stuck", spec("spirals", depth=4, width=48, lr=0.01), width=1),
    defect("underfitting", _WAVES, depth=1, optimizer="sgd", lr=0.1),
    defect("underfitting loss_stuck", _FASHION, depth=2, width=1, lr=0.01),
    defect("class_collapse initial_loss", spec("blobs", lr=1e-3, steps=500), flaw="collapsed"),
    defect("class_collapse initial_loss", spec("rings", lr=1e-3, steps=800), flaw="collapsed"),
    defect("class_collapse class_imbalance", spec("rings", lr=3e-3), flaw="imbalance"),
    defect("embedding_rows_unused", _BAG, vocabulary=250),
    defect("embedding_rows_unused", _HEADS, vocabulary=200),
    defect("mixed_scales initial_loss", _BLOBS, flaw="mixed"),
    defect("mixed_scales initial_loss", _FASHION, flaw="mixed"),
    defect("mixed_scales initial_loss", _WAVES, flaw="mixed"),
    defect("growing_weights learning_rate_too_high overfitting", _BLOBS, lr=0.1, flaw="scrambled"),
    defect("growing_weights learning_rate_too_high", _SLOW, lr=3.0, momentum=0.9),
    # -- before the first step: the program ----------------------------------------------------
    defect("softmax_before_cross_entropy", _BLOBS, last="softmax", flaw="softmax"),
    defect("softmax_before_cross_entropy", _BARS, last="softmax"),
    defect("softmax_before_cross_entropy", _GRU, last="softmax", flaw="softmax"),
    defect("sigmoid_before_logits", _MOONS, last="sigmoid"),
    defect("sigmoid_before_logits", spec("moons", depth=2, activation="tanh"), last="sigmoid"),
    defect("batch_of_one failing_pass", spec("blobs", norm="batch"), batch_size=1),
    defect("batch_of_one failing_pass", spec("rings", norm="batch", lr=0.01), batch_size=1),
    defect("left_in_eval", spec("blobs", norm="batch"), flaw="eval"),
    defect("left_in_eval", spec("rings", norm="batch", dropout=0.1, lr=0.01), flaw="eval"),
    defect("left_in_eval", spec("blobs", width=64, dropout=0.3), flaw="eval"),
    defect("no_gradient", spec("rings", depth=4, lr=0.01), flaw="detached"),
    defect("no_gradient", _BLOBS, flaw="unused"),
    defect("no_gradient", _BARS, flaw="detached"),
    defect("not_optimized", _RINGS, flaw="forgotten"),
    defect("not_optimized", _GRU, flaw="forgotten"),
    defect("frozen_at_random", _RINGS, flaw="frozen"),
    defect("frozen_at_random", _BARS, flaw="frozen"),
    defect("loss_broadcast", _WAVES, flaw="broadcast"),
    defect("loss_broadcast", _FRIEDMAN, flaw="broadcast"),
    defect("forgotten_zero_grad learning_rate_too_high", _SLOW, flaw="adding"),
    defect("forgotten_zero_grad learning_rate_too_high", _RINGS, flaw="adding"),
    defect("symmetric_start loss_stuck dead_relu initial_scale", _BLOBS, init="zeros"),
    defect("symmetric_start", _BLOBS, init="equal"),
    defect("symmetric_start loss_stuck", spec("rings", activation="tanh", lr=0.01), init="equal"),
    defect("initial_loss initial_scale", spec("blobs", optimizer="sgd", lr=0.01), init="wide"),
    # -- before the first step: the data -----------------------------------------------------
    defect(
        "unscaled_inputs initial_loss loss_stuck", spec("wine", lr=3e-3, steps=120), inputs="raw"
    ),
    defect("unscaled_inputs initial_loss loss_stuck", _FASHION, inputs="raw"),
    defect("unscaled_inputs initial_loss loss_stuck", _RINGS, inputs="large"),
    defect("unscaled_inputs initial_loss loss_stuck", _BLOBS, flaw="one wide"),
    defect("constant_columns", _BLOBS, flaw="constant"),
    defect("constant_columns", _FRIEDMAN, flaw="constant"),
    defect("leaked_target", _BLOBS, flaw="leak"),
    defect("leaked_target", _FRIEDMAN, flaw="leak"),
    defect("class_imbalance class_collapse", spec("blobs", lr=3e-3), flaw="imbalance"),
    defect("not_finite_inputs not_finite initial_loss", _BLOBS, flaw="holes"),
    defect("wrong_labels failing_pass", _BLOBS, flaw="from one"),
    defect("duplicated_rows", _FRIEDMAN, flaw="twice"),
]

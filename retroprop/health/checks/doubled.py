"""A softmax or sigmoid that is applied twice: by the model, and again by its loss.

Both are found in the program itself, whatever the layers are called and wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterator

from retroprop.health.checks.case import Case
from retroprop.health.finding import Finding
from retroprop.ir import Node, Value

__all__ = ["sigmoid_before_logits", "softmax_before_cross_entropy"]

# What only moves or retypes numbers stands between an activation and its loss without changing it.
_MOVES = frozenset(
    "reshape permute_dims squeeze expand_dims broadcast_to cast concatenate take_slice "
    "flip pad expand negative where".split()
)


def softmax_before_cross_entropy(case: Case) -> Iterator[Finding]:
    """The cross-entropy is given the result of a softmax, and applies its own to it.

    The loss of C classes then cannot fall below log(e + C - 1) - 1, and its gradient is small where
    the model is sure, right or wrong.

    Source: Goodfellow, Bengio, Courville 2016, "Deep Learning", 6.2.2.
    """
    for node in _nodes(case):
        scores = _scores(node)
        kind = "" if scores is None else _softmax(_source(scores))
        if kind == "softmax":
            yield Finding(
                "softmax_before_cross_entropy",
                "the output of a softmax goes into a cross-entropy, which applies one itself",
                "a softmax of a softmax is nearly flat: the gradient is weak and the loss stays "
                "high",
                "remove the softmax at the end of the model (predict with it, train without it)",
                0.8,
            )
            return
        if kind == "log_softmax":
            yield Finding(
                "softmax_before_cross_entropy",
                "the output of a log_softmax goes into a cross-entropy, which applies one itself",
                "a log_softmax of a log_softmax is the same again: harmless, and wasted work",
                "remove the log_softmax, or take F.nll_loss",
                0.1,
            )
            return


def sigmoid_before_logits(case: Case) -> Iterator[Finding]:
    """The output of a sigmoid is taken for a logit: it is squashed into [0.5, 0.73].

    Source: Goodfellow, Bengio, Courville 2016, "Deep Learning", 6.2.2.
    """
    for node in _nodes(case):
        if node.op.name == "softplus":
            source = _source(node.operands[0])
            if source.node is not None and source.node.op.name == "sigmoid":
                yield Finding(
                    "sigmoid_before_logits",
                    "the output of a sigmoid goes into a binary cross-entropy of logits",
                    "it applies a sigmoid itself: no prediction can leave [0.5, 0.73]",
                    "remove the sigmoid at the end of the model, or take F.binary_cross_entropy",
                    0.9,
                )
                return


def _nodes(case: Case) -> list[Node]:
    return [] if case.look.graph is None else list(case.look.graph.nodes)


def _source(value: Value) -> Value:
    """Where a value comes from, past what only moves or negates it."""
    while value.node is not None and value.node.op.name in _MOVES:
        name, operands = value.node.op.name, value.node.operands
        value = operands[1] if name == "where" else operands[0]
    return value


def _made_by(value: Value, op: str) -> Node | None:
    """The node behind a value if it is this op."""
    return value.node if value.node is not None and value.node.op.name == op else None


def _scores(node: Node) -> Value | None:
    """What a log of a sum of exponentials is taken of: the scores that a cross-entropy is given."""
    if node.op.name != "log":
        return None
    summed = _made_by(node.operands[0], "sum")
    powers = _made_by(summed.operands[0], "exp") if summed else None
    shifted = _made_by(powers.operands[0], "subtract") if powers else None
    largest = _made_by(shifted.operands[1], "max") if shifted else None
    if shifted is None or largest is None or largest.operands[0] is not shifted.operands[0]:
        return None
    return shifted.operands[0]


def _softmax(value: Value) -> str:
    """Whether a value is a softmax or its logarithm, by what computes it."""
    if divided := _made_by(value, "divide"):
        shares, total = divided.operands
        summed = _made_by(total, "sum")
        if _made_by(shares, "exp") and summed and summed.operands[0] is shares:
            return "softmax"
    if taken := _made_by(value, "subtract"):
        normaliser = _made_by(taken.operands[1], "log")
        summed = _made_by(normaliser.operands[0], "sum") if normaliser else None
        powers = _made_by(summed.operands[0], "exp") if summed else None
        if powers and powers.operands[0] is taken.operands[0]:
            return "log_softmax"
    if logarithm := _made_by(value, "log"):
        return "log_softmax" if _softmax(logarithm.operands[0]) == "softmax" else ""
    return ""

"""Losses over classes: hand values, tails, second derivatives; PyTorch's are in the torch test."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop.errors import ArgumentError, DTypeError, ShapeError
from retroprop.nn import functional as F

X = np.random.default_rng(0).normal(0.0, 2.0, (4, 3))
LABELS = np.array([0, 2, 1, 1])
SOFT = np.random.default_rng(1).dirichlet([1.0, 1.0, 1.0], 4)
HALVES = np.random.default_rng(2).uniform(0.1, 0.9, (4, 3))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.cross_entropy(x, LABELS),
        lambda x: F.cross_entropy(x, LABELS, np.array([0.5, 1.0, 2.0]), label_smoothing=0.1),
        lambda x: F.cross_entropy(x, SOFT, reduction="none"),
        lambda x: F.nll_loss(x, LABELS, reduction="sum"),
        lambda x: F.binary_cross_entropy(F.sigmoid(x), HALVES),
        lambda x: F.binary_cross_entropy_with_logits(x, HALVES, pos_weight=np.array([2.0] * 3)),
        lambda x: F.kl_div(x, HALVES),
        lambda x: F.kl_div(x, np.log(HALVES), log_target=True, reduction="batchmean"),
    ],
)
def test_gradients_to_second_order(function: Any) -> None:
    assert rp.gradcheck(function, [X])


def test_targets_have_gradients_too() -> None:
    assert rp.gradcheck(F.cross_entropy, [X, SOFT])
    assert rp.gradcheck(F.binary_cross_entropy, [HALVES, HALVES[::-1].copy()])
    assert rp.gradcheck(F.kl_div, [X, HALVES])


def test_uniform_logits_cost_the_logarithm_of_the_classes() -> None:
    loss = F.cross_entropy(rp.zeros((5, 10)), np.arange(5))
    assert loss.item() == pytest.approx(math.log(10), rel=1e-6)


def test_indices_agree_with_their_one_hot_probabilities() -> None:
    one_hot = np.eye(3)[LABELS]
    for smoothing in (0.0, 0.3):
        by_index = F.cross_entropy(X, LABELS, label_smoothing=smoothing).item()
        by_row = F.cross_entropy(X, one_hot, label_smoothing=smoothing).item()
        assert by_index == pytest.approx(by_row, rel=1e-13)


def test_cross_entropy_is_nll_of_log_softmax() -> None:
    left = F.cross_entropy(X, LABELS, reduction="none").numpy()
    right = F.nll_loss(F.log_softmax(rp.asarray(X), 1), LABELS, reduction="none").numpy()
    np.testing.assert_allclose(left, right, rtol=1e-13)


def test_a_vocabulary_of_50000_learns_what_the_formula_says() -> None:
    """A table of so many rows, and so many classes; one token twice, one target left out."""
    count, features = 50_000, 3
    rng = np.random.default_rng(0)
    tokens, targets = rng.integers(0, count, (2, 2, 4))
    tokens[0, 0], tokens[1, 3], targets[1, 1] = count - 1, tokens[0, 1], -100
    table = rp.tensor(rng.normal(size=(count, features)), requires_grad=True)
    weight = rp.tensor(rng.normal(size=(count, features)), requires_grad=True)

    def step(tokens: Any, targets: Any) -> list[Any]:
        table.grad = weight.grad = None
        logits = F.linear(F.embedding(tokens, table), weight)
        loss = F.cross_entropy(logits.reshape((-1, count)), targets.reshape((-1,)))
        loss.backward()
        return [loss, table.grad, weight.grad]

    rows, classes = tokens.reshape(-1), targets.reshape(-1)
    read = table.detach().numpy()[rows]
    scores = read @ weight.detach().numpy().T
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    slope = raised / raised.sum(axis=1, keepdims=True)
    counted = classes >= 0
    loss = -np.log(slope[counted, classes[counted]]).mean()
    slope[counted, classes[counted]] -= 1
    slope *= counted[:, None] / counted.sum()
    into_table = np.zeros((count, features))
    np.add.at(into_table, rows, slope @ weight.detach().numpy())
    for way in (step, rp.compile(step, strict=True)):
        found = way(rp.asarray(tokens), rp.asarray(targets))
        for one, expected in zip(found, (loss, into_table, slope.T @ read), strict=True):
            np.testing.assert_allclose(one.detach().numpy(), expected, rtol=1e-9, atol=1e-13)


def test_an_impossible_class_costs_infinity_and_no_nan() -> None:
    x = rp.tensor([[-math.inf, 0.0, 1.0]], requires_grad=True)
    assert F.cross_entropy(x, np.array([0])).item() == math.inf
    F.cross_entropy(x, np.array([1])).backward()
    assert np.isfinite(x.grad.numpy()).all()


@given(st.floats(-1e4, 1e4), st.floats(0.0, 1.0))
def test_logits_and_probabilities_agree(score: float, target: float) -> None:
    x, t = rp.asarray(np.array([score])), np.array([target])
    with_logits = F.binary_cross_entropy_with_logits(x, t).item()
    assert with_logits >= 0.0
    if abs(score) < 30:
        assert F.binary_cross_entropy(F.sigmoid(x), t).item() == pytest.approx(with_logits, 1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_digits_are_kept_in_both_tails(dtype: str) -> None:
    x = rp.tensor(np.array([-30.0, 30.0], dtype), requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, np.array([0.0, 1.0], dtype), reduction="none")
    np.testing.assert_allclose(loss.detach().numpy(), math.exp(-30), rtol=1e-5)
    loss.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [math.exp(-30), -math.exp(-30)], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_wrong_certainty_costs_100(dtype: str) -> None:
    p = rp.tensor(np.array([0.0, 1.0, 0.0, 1.0], dtype), requires_grad=True)
    t = np.array([1.0, 0.0, 0.0, 1.0], dtype)
    loss = F.binary_cross_entropy(p, t, reduction="none")
    assert loss.tolist() == [100.0, 100.0, 0.0, 0.0]
    loss.sum().backward()
    gradient = p.grad.numpy()
    assert np.isfinite(gradient).all()
    assert gradient[0] < -1e4 < 1e4 < gradient[1]
    assert gradient[2:].tolist() == [1.0, -1.0]


def test_the_logarithm_is_exact_near_one() -> None:
    p = rp.asarray(np.array([1e-9], np.float32))
    assert F.binary_cross_entropy(p, np.zeros(1, np.float32)).item() == pytest.approx(1e-9)


def test_pos_weight_counts_the_positives() -> None:
    x, t = rp.asarray(np.array([0.0, 0.0])), np.array([1.0, 0.0])
    loss = F.binary_cross_entropy_with_logits(x, t, pos_weight=np.array(3.0), reduction="none")
    np.testing.assert_allclose(loss.numpy(), [3 * math.log(2), math.log(2)])


def test_kl_of_equals_is_zero_and_batchmean_is_the_divergence() -> None:
    assert F.kl_div(np.log(SOFT), SOFT, reduction="sum").item() == pytest.approx(0.0, abs=1e-12)
    q = SOFT[::-1].copy()
    expected = (SOFT * np.log(SOFT / q)).sum(axis=1).mean()
    assert F.kl_div(np.log(q), SOFT, reduction="batchmean").item() == pytest.approx(expected)
    t = rp.tensor([0.0, 1.0], requires_grad=True)
    F.kl_div(rp.asarray([-1.0, -1.0]), t).backward()
    assert np.isfinite(t.grad.numpy()).all()


MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.cross_entropy(X, LABELS, label_smoothing=1.5), ArgumentError, "label_smoothing"),
    (lambda: F.cross_entropy(X, X), ArgumentError, r"target must be in \[0, 1\]"),
    (lambda: F.cross_entropy(X, SOFT[:, :2]), ShapeError, "needs class indices of shape"),
    (lambda: F.nll_loss(X, SOFT), ShapeError, "needs class indices of shape"),
    (lambda: F.kl_div(X, LABELS), ShapeError, "differ in shape"),
    (lambda: F.kl_div(X, np.ones((4, 3), int)), DTypeError, "target must be floating"),
    (
        lambda: F.binary_cross_entropy_with_logits(X, HALVES, pos_weight=np.ones(4)),
        ShapeError,
        r"pos_weight \(4,\) does not broadcast to input \(batch 4, features 3\)",
    ),
    (lambda: F.binary_cross_entropy(HALVES, HALVES, np.ones((2, 4, 3))), ShapeError, "weight"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

"""CTC against its definition, by enumerating all alignments; and its arguments."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from retroprop.nn import functional as F


def collapsed(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """Repeated labels become one, then blanks vanish."""
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


def likelihood(p: Any, target: tuple[int, ...], blank: int) -> float:
    """Probability of a target: the sum over all paths that collapse to it."""
    time, classes = p.shape
    paths = itertools.product(range(classes), repeat=time)
    return math.fsum(
        math.prod(p[t, label] for t, label in enumerate(path))
        for path in paths
        if collapsed(path, blank) == target
    )


def probabilities(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), shape[:-1])


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("target", [(), (1,), (1, 1), (1, 3), (3, 1, 3), (1, 1, 1)])
def test_the_sum_over_all_alignments(target: tuple[int, ...], blank: int) -> None:
    p = probabilities(0, 5, 4)
    expected = -math.log(likelihood(p, target, blank))
    labels = rp.asarray(np.array(target, np.int64))
    loss = F.ctc_loss(np.log(p), labels, 5, len(target), blank, "sum")
    assert loss.shape == ()
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@given(st.integers(0, 10**6), st.data())
def test_a_batch_of_different_lengths(seed: int, data: Any) -> None:
    frames = data.draw(st.lists(st.integers(0, 4), min_size=3, max_size=3))
    counts = data.draw(st.lists(st.integers(0, 2), min_size=3, max_size=3))
    p = probabilities(seed, 4, 3, 3)
    labels = np.random.default_rng(seed).integers(1, 3, (3, 2))
    losses = F.ctc_loss(np.log(p), labels, frames, counts, reduction="none").numpy()
    for row in range(3):
        target = tuple(labels[row, : counts[row]].tolist())
        found = likelihood(p[: frames[row], row], target, 0)
        expected = -math.log(found) if found else math.inf
        assert losses[row] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_gradients_to_second_order() -> None:
    p = probabilities(1, 4, 2, 3)

    def loss(x: Any) -> Any:
        return F.ctc_loss(x, np.array([[1, 1], [2, 0]]), [4, 3], [2, 1])

    assert rp.gradcheck(loss, [np.log(p)])


def test_gradient_is_minus_the_share_of_alignments() -> None:
    """d loss / d log p(t, k) = -P(k at frame t | target): each frame that counts sums to -1."""
    x = rp.tensor(np.log(probabilities(2, 6, 1, 4)), requires_grad=True)
    F.ctc_loss(x, np.array([[1, 3]]), [4], [2], reduction="sum").backward()
    np.testing.assert_allclose(x.grad.numpy()[:, 0].sum(axis=1), [-1, -1, -1, -1, 0, 0], atol=1e-12)


def test_a_class_without_probability() -> None:
    p = np.array([[[0.5, 0.5, 0.0]], [[0.5, 0.5, 0.0]]])
    with np.errstate(divide="ignore"):
        x = rp.tensor(np.log(p), requires_grad=True)
    loss = F.ctc_loss(x, np.array([[1]]), [2], [1], reduction="sum")
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(0.75))
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("zero", [False, True])
def test_an_impossible_target(zero: bool) -> None:
    x = rp.tensor(np.log(probabilities(3, 2, 2, 3)), requires_grad=True)
    loss = F.ctc_loss(
        x, np.array([[1, 1], [1, 2]]), [2, 2], [2, 2], reduction="none", zero_infinity=zero
    )
    assert loss.numpy()[0] == (0.0 if zero else math.inf)
    loss.backward(rp.ones(2, dtype=rp.float64))
    assert not x.grad.numpy()[:, 0].any()
    assert np.isfinite(x.grad.numpy()).all()


def test_what_stands_in_the_padding_does_not_matter() -> None:
    x = np.log(probabilities(4, 5, 2, 4))
    one = F.ctc_loss(x, np.array([[1, 2], [3, 0]]), [5, 5], [2, 1]).item()
    for filling in (-1, 3, 99):
        assert F.ctc_loss(x, np.array([[1, 2], [3, filling]]), [5, 5], [2, 1]).item() == one
    assert F.ctc_loss(x, np.array([1, 2, 3]), [5, 5], [2, 1]).item() == pytest.approx(one)


def test_the_mean_divides_by_target_lengths_first() -> None:
    x, labels = np.log(probabilities(5, 5, 2, 4)), np.array([[1, 2], [3, 0]])
    each = F.ctc_loss(x, labels, [5, 4], [2, 1], reduction="none").numpy()
    mean = F.ctc_loss(x, labels, [5, 4], [2, 1]).item()
    assert mean == pytest.approx((each[0] / 2 + each[1]) / 2)


def test_half_precision_is_summed_in_single() -> None:
    x = np.log(probabilities(6, 30, 1, 4)).astype(np.float16)
    loss = F.ctc_loss(x, np.array([[1, 2, 3]]), [30], [3], reduction="sum")
    wide = F.ctc_loss(x.astype(np.float64), np.array([[1, 2, 3]]), [30], [3], reduction="sum")
    assert loss.dtype == rp.float16
    assert loss.item() == pytest.approx(wide.item(), rel=2e-3)


def test_a_long_sequence_learns_its_target() -> None:
    """Plain gradient descent on the logits drives the loss of a target towards 0."""
    logits = rp.tensor(np.zeros((40, 1, 4)), requires_grad=True)
    labels = np.array([[1, 2, 2, 3]])
    losses = []
    for _ in range(12):
        logits.grad = None
        loss = F.ctc_loss(F.log_softmax(logits, 2), labels, [40], [4], reduction="sum")
        loss.backward()
        losses.append(loss.item())
        with rp.no_grad():
            logits.assign(logits - 2.0 * logits.grad)
    assert losses[-1] < 0.15 * losses[0]


X = np.log(probabilities(7, 5, 2, 4))
TARGETS = np.array([[1, 2], [3, 1]])
MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.ctc_loss(X[None], TARGETS, [5, 5], [2, 2]), ShapeError, "time, batch, classes"),
    (lambda: F.ctc_loss(X, TARGETS, [6, 5], [2, 2]), ArgumentError, "input_lengths has 6 in row 0"),
    (
        lambda: F.ctc_loss(X, TARGETS, [5, 5], [2, 3]),
        ArgumentError,
        "target_lengths has 3 in row 1",
    ),
    (lambda: F.ctc_loss(X, TARGETS, [5], [2, 2]), ShapeError, r"input_lengths has shape \(1,\)"),
    (lambda: F.ctc_loss(X, TARGETS, [5.0, 5.0], [2, 2]), DTypeError, "input_lengths must be int"),
    (lambda: F.ctc_loss(X, TARGETS * 1.0, [5, 5], [2, 2]), DTypeError, "targets must be integers"),
    (
        lambda: F.ctc_loss(X, TARGETS[:1], [5, 5], [2, 2]),
        ShapeError,
        r"targets have shape \(1, 2\)",
    ),
    (lambda: F.ctc_loss(X, TARGETS + 1, [5, 5], [2, 2]), IndexRangeError, "class index 4"),
    (lambda: F.ctc_loss(X, TARGETS - 1, [5, 5], [2, 2]), ArgumentError, "class 0 stands in a targ"),
    (
        lambda: F.ctc_loss(X, TARGETS, [5, 5], [2, 2], 9),
        ArgumentError,
        "blank must be one of the 4",
    ),
    (
        lambda: F.ctc_loss(X, np.array([1, 2]), [5, 5], [2, 2]),
        ShapeError,
        "add up to 4, there are 2",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

"""Perplexity against hand values and scikit-learn's log loss."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retroprop import metrics
from retroprop.errors import ArgumentError


def test_an_even_guess_has_the_number_of_classes() -> None:
    assert metrics.perplexity(np.zeros((3, 7)), [0, 3, 6]) == pytest.approx(7)
    assert metrics.perplexity(np.full((3, 7), 1e6), [0, 3, 6]) == pytest.approx(7)


def test_certain_and_right_or_wrong() -> None:
    assert metrics.perplexity([[1000.0, 0.0]], [0]) == 1.0
    assert metrics.perplexity([[1000.0, 0.0]], [1]) == math.inf  # e^1000
    assert metrics.perplexity([[0.0, -np.inf]], [1]) == math.inf
    assert metrics.perplexity([[0.0, -np.inf]], [0]) == 1.0


def test_the_exponential_is_taken_once() -> None:
    metric = metrics.Perplexity()
    metric.update(np.log([[0.5, 0.5]]), [0])
    metric.update(np.log([[0.125, 0.875]]), [0])
    assert metric.compute() == pytest.approx(4.0)  # sqrt(2 * 8), not (2 + 8) / 2


def test_sequences_with_padding() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 5, 3))  # (batch, classes, time)
    target = np.array([[0, 1, -100], [4, -100, -100]])
    rows = np.stack([logits[0, :, 0], logits[0, :, 1], logits[1, :, 0]])
    assert metrics.perplexity(logits, target) == pytest.approx(metrics.perplexity(rows, [0, 1, 4]))


def test_it_is_the_exponential_of_scikit_learns_log_loss() -> None:
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    logits, true, weight = rng.normal(size=(90, 6)), rng.integers(0, 6, 90), rng.uniform(size=90)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    theirs = math.exp(reference.log_loss(true, chances, sample_weight=weight))
    assert metrics.perplexity(logits, true, weight) == pytest.approx(theirs, rel=1e-9)


def test_logits_are_needed() -> None:
    with pytest.raises(ArgumentError, match="logits"):
        metrics.perplexity([0.3, 0.2], [0, 1])

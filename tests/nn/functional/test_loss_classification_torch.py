"""Losses over classes against PyTorch: values and gradients over options, shapes, dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

REDUCTIONS = ["mean", "sum", "none"]
DTYPES = ["float32", "float64"]
CLASSES = 4
SHAPES = [(6, CLASSES), (CLASSES,), (2, CLASSES, 3), (2, CLASSES, 3, 2), (1, CLASSES, 1, 2, 2)]


def labels_for(shape: tuple[int, ...], ignored: int | None = None) -> np.ndarray[Any, Any]:
    rows = shape[:1] + shape[2:] if len(shape) > 1 else ()
    labels = np.random.default_rng(1).integers(0, CLASSES, rows)
    if ignored is not None and labels.size > 1:
        labels.reshape(-1)[1] = ignored
    return np.asarray(labels)


def logits_for(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(0.0, 2.0, shape)


def weights() -> np.ndarray[Any, Any]:
    return np.array([0.5, 1.0, 2.0, 0.25])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_cross_entropy_of_indices(shape: tuple[int, ...], reduction: str, dtype: str) -> None:
    agree(
        torch,
        lambda x, t: F.cross_entropy(x, t, reduction=reduction),
        lambda x, t: TF.cross_entropy(x, t, reduction=reduction),
        [logits_for(shape)],
        [labels_for(shape)],
        dtype=dtype,
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", [-100, 2, -1])
@pytest.mark.parametrize("shape", SHAPES[:4])
def test_cross_entropy_options(
    shape: tuple[int, ...], ignored: int, weighted: bool, smoothing: float, reduction: str
) -> None:
    options: dict[str, Any] = {
        "ignore_index": ignored, "reduction": reduction, "label_smoothing": smoothing,
    }  # fmt: skip
    own = weights() if weighted else None
    theirs = torch.tensor(weights()) if weighted else None
    agree(
        torch,
        lambda x, t: F.cross_entropy(x, t, own, **options),
        lambda x, t: TF.cross_entropy(x, t, theirs, **options),
        [logits_for(shape)],
        [labels_for(shape, ignored)],
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_cross_entropy_of_probabilities(
    shape: tuple[int, ...], weighted: bool, smoothing: float, reduction: str
) -> None:
    axis = 1 if len(shape) > 1 else 0
    target = np.random.default_rng(2).uniform(0.1, 1.0, shape)
    target /= target.sum(axis=axis, keepdims=True)
    options: dict[str, Any] = {"reduction": reduction, "label_smoothing": smoothing}
    own = weights() if weighted else None
    theirs = torch.tensor(weights()) if weighted else None
    agree(
        torch,
        lambda x, t: F.cross_entropy(x, t, own, **options),
        lambda x, t: TF.cross_entropy(x, t, theirs, **options),
        [logits_for(shape), target],
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_far_out(dtype: str) -> None:
    x = np.array([[1e4, -1e4, 0.0, 1.0], [-100.0, 100.0, 50.0, 0.0], [0.0, 0.0, 0.0, 1e4]])
    agree(
        torch,
        lambda x, t: F.cross_entropy(x, t, reduction="none"),
        lambda x, t: TF.cross_entropy(x, t, reduction="none"),
        [x],
        [np.array([1, 0, 3])],
        dtype=dtype,
    )


def test_cross_entropy_when_all_are_ignored() -> None:
    agree(
        torch,
        lambda x, t: F.cross_entropy(x, t, reduction="sum"),
        lambda x, t: TF.cross_entropy(x, t, reduction="sum"),
        [logits_for((3, CLASSES))],
        [np.full(3, -100)],
    )


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8"])
def test_labels_of_any_integer_type(kind: str) -> None:
    x, labels = logits_for((6, CLASSES)), labels_for((6, CLASSES))
    agree(
        torch,
        lambda x: F.cross_entropy(x, labels.astype(kind)),
        lambda x: TF.cross_entropy(x, torch.tensor(labels)),
        [x],
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_nll(shape: tuple[int, ...], weighted: bool, reduction: str, dtype: str) -> None:
    own = weights().astype(dtype) if weighted else None
    theirs = torch.tensor(own) if weighted else None
    options: dict[str, Any] = {"ignore_index": 1, "reduction": reduction}
    agree(
        torch,
        lambda x, t: F.nll_loss(x, t, own, **options),
        lambda x, t: TF.nll_loss(x, t, theirs, **options),
        [-np.abs(logits_for(shape))],
        [labels_for(shape, 1 if len(shape) > 1 else None)],
        dtype=dtype,
    )


P = np.array([[0.2, 0.9, 0.5], [1e-6, 1.0 - 1e-6, 0.75]])
T = np.array([[0.0, 1.0, 0.3], [1.0, 0.0, 0.9]])
ROW = np.array([0.5, 2.0, 1.0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_binary(weighted: bool, reduction: str, dtype: str) -> None:
    own = ROW.astype(dtype) if weighted else None
    theirs = torch.tensor(own) if weighted else None
    agree(
        torch,
        lambda x: F.binary_cross_entropy(x, T.astype(dtype), own, reduction=reduction),
        lambda x: TF.binary_cross_entropy(
            x, torch.tensor(T.astype(dtype)), theirs, reduction=reduction
        ),
        [P],
        dtype=dtype,
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_binary_at_certainty(dtype: str) -> None:
    """Where it is wrong; where it is right PyTorch has the gradient 0, but 1 / (1 - p) is 1."""
    p, t = np.array([0.0, 1.0]), np.array([1.0, 0.0])
    agree(
        torch,
        lambda x: F.binary_cross_entropy(x, t.astype(dtype), reduction="none"),
        lambda x: TF.binary_cross_entropy(x, torch.tensor(t.astype(dtype)), reduction="none"),
        [p],
        dtype=dtype,
        tolerance=(1e-7, 0.0),  # PyTorch holds the 1e-12 in single precision
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("positive", [False, True])
def test_binary_with_logits(positive: bool, weighted: bool, reduction: str, dtype: str) -> None:
    x = np.array([[0.2, -3.0, 100.0], [-100.0, 0.0, 1e4]])
    own = ROW.astype(dtype) if weighted else None
    factor = np.array([3.0, 0.5, 1.0], dtype) if positive else None
    agree(
        torch,
        lambda x, t: F.binary_cross_entropy_with_logits(
            x, t, own, reduction=reduction, pos_weight=factor
        ),
        lambda x, t: TF.binary_cross_entropy_with_logits(
            x,
            t,
            None if own is None else torch.tensor(own),
            reduction=reduction,
            pos_weight=None if factor is None else torch.tensor(factor),
        ),
        [x, T],
        dtype=dtype,
    )


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div(log_target: bool, reduction: str, dtype: str) -> None:
    logits = logits_for((3, CLASSES))
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    target = np.abs(logits_for((CLASSES, 3)).T)
    options: dict[str, Any] = {"reduction": reduction, "log_target": log_target}
    agree(
        torch,
        lambda x, t: F.kl_div(x, t, **options),
        lambda x, t: TF.kl_div(x, t, **options),
        [log_p, np.log(target) if log_target else target],
        dtype=dtype,
    )


def test_kl_div_of_classes_without_probability() -> None:
    target = np.array([[0.0, 1.0], [0.5, 0.5]])
    agree(
        torch,
        lambda x: F.kl_div(x, target, reduction="sum"),
        lambda x: TF.kl_div(x, torch.tensor(target), reduction="sum"),
        [np.log(np.array([[0.3, 0.7], [0.4, 0.6]]))],
    )

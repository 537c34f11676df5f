"""Loss modules of numbers, classes and sequences: each calls its function with its options."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F
from retroprop.nn import loss

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
HALVES = RNG.uniform(0.1, 0.9, (4, 3))
LABELS, WEIGHT = np.array([0, 2, 1, 1]), np.array([0.5, 1.0, 2.0])
LOG_P = np.log(RNG.dirichlet(np.ones(4), (6, 2)))
SEQUENCES = (LOG_P, np.array([[1, 2], [3, 3]]), [6, 5], [2, 2])

CASES: list[tuple[Any, tuple[Any, ...], Any]] = [
    (nn.MSELoss(), (X, T), F.mse_loss),
    (nn.L1Loss(), (X, T), F.l1_loss),
    (nn.LogCoshLoss(), (X, T), F.log_cosh_loss),
    (nn.SmoothL1Loss(beta=0.4), (X, T), lambda *a: F.smooth_l1_loss(*a, beta=0.4)),
    (nn.HuberLoss(delta=0.4), (X, T), lambda *a: F.huber_loss(*a, delta=0.4)),
    (nn.QuantileLoss(0.2), (X, T), lambda *a: F.quantile_loss(*a, 0.2)),
    (
        nn.PoissonNLLLoss(False, True, eps=0.1),
        (HALVES, LABELS[:, None] + np.ones((4, 3))),
        lambda *a: F.poisson_nll_loss(*a, False, True, eps=0.1),
    ),
    (
        nn.GaussianNLLLoss(full=True, eps=0.3),
        (X, T, HALVES),
        lambda *a: F.gaussian_nll_loss(*a, True, 0.3),
    ),
    (
        nn.CrossEntropyLoss(WEIGHT, ignore_index=1, label_smoothing=0.1),
        (X, LABELS),
        lambda *a: F.cross_entropy(*a, WEIGHT, ignore_index=1, label_smoothing=0.1),
    ),
    (
        nn.NLLLoss(WEIGHT, ignore_index=1),
        (X, LABELS),
        lambda *a: F.nll_loss(*a, WEIGHT, ignore_index=1),
    ),
    (nn.BCELoss(WEIGHT), (HALVES, HALVES[::-1]), lambda *a: F.binary_cross_entropy(*a, WEIGHT)),
    (
        nn.BCEWithLogitsLoss(WEIGHT, pos_weight=WEIGHT),
        (X, HALVES),
        lambda *a: F.binary_cross_entropy_with_logits(*a, WEIGHT, pos_weight=WEIGHT),
    ),
    (
        nn.KLDivLoss(log_target=True),
        (X, np.log(HALVES)),
        lambda *a: F.kl_div(*a, log_target=True),
    ),
    (nn.CTCLoss(), SEQUENCES, F.ctc_loss),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("module", "arguments", "function"), CASES)
def test_a_module_is_its_function(
    module: Any, arguments: Any, function: Any, reduction: str
) -> None:
    single = copy.copy(module)
    single.reduction = reduction
    tensors = [rp.asarray(each) for each in arguments]
    if reduction == "mean":
        np.testing.assert_allclose(single(*tensors).numpy(), function(*tensors).numpy())
    else:
        losses = single(*tensors).numpy()
        assert losses.shape == (() if reduction == "sum" else losses.shape)
        assert (losses.ndim > 0) is (reduction == "none")


def test_every_module_is_here() -> None:
    assert {type(module).__name__ for module, _, _ in CASES} | {"Loss"} == set(loss.__all__)


@pytest.mark.parametrize(("module", "arguments", "function"), CASES)
def test_a_reduction_is_checked_when_the_loss_is_made(
    module: Any, arguments: Any, function: Any
) -> None:
    with pytest.raises(ArgumentError, match="unknown reduction 'avg'"):
        type(module)(reduction="avg")


def test_weights_are_saved_and_loaded() -> None:
    made = nn.CrossEntropyLoss(WEIGHT)
    assert list(made.state_dict()) == ["weight"]
    assert list(made.parameters()) == []
    other = nn.CrossEntropyLoss(np.ones(3))
    other.load_state_dict(made.state_dict())
    assert other(rp.asarray(X), rp.asarray(LABELS)).item() == pytest.approx(
        made(rp.asarray(X), rp.asarray(LABELS)).item()
    )


def test_batchmean_belongs_to_kl_div_alone() -> None:
    assert nn.KLDivLoss(reduction="batchmean")(rp.asarray(X), rp.asarray(HALVES)).shape == ()
    with pytest.raises(ArgumentError, match="unknown reduction 'batchmean'"):
        nn.MSELoss(reduction="batchmean")


def test_an_error_names_the_loss() -> None:
    with pytest.raises(ShapeError, match=r"in layer model: MSELoss\(\)"):
        nn.MSELoss()(rp.ones((4, 1)), rp.ones(4))


def test_probabilities_let_through_on_purpose() -> None:
    p = F.softmax(rp.asarray(X), 1)
    with pytest.raises(ArgumentError, match="holds probabilities"):
        nn.CrossEntropyLoss()(p, LABELS)
    assert nn.CrossEntropyLoss(check_logits=False)(p, LABELS).item() > 0

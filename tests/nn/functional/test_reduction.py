"""How losses become one number."""

from __future__ import annotations

import math

import pytest

import retroprop as rp
from retroprop.errors import ArgumentError
from retroprop.nn import functional as F

LOSSES = {
    "mse_loss": ([[1.0]], [[2.0]]),
    "l1_loss": ([[1.0]], [[2.0]]),
    "smooth_l1_loss": ([[1.0]], [[2.0]]),
    "huber_loss": ([[1.0]], [[2.0]]),
    "log_cosh_loss": ([[1.0]], [[2.0]]),
    "quantile_loss": ([[1.0]], [[2.0]]),
    "poisson_nll_loss": ([[1.0]], [[2.0]]),
    "gaussian_nll_loss": ([[1.0]], [[2.0]], [[1.0]]),
    "cross_entropy": ([[1.0, 2.0]], [1]),
    "nll_loss": ([[-1.0, -2.0]], [1]),
    "binary_cross_entropy": ([[0.5]], [[1.0]]),
    "binary_cross_entropy_with_logits": ([[0.5]], [[1.0]]),
    "kl_div": ([[-1.0]], [[0.5]]),
    "hinge_loss": ([[0.5]], [[1.0]]),
    "soft_margin_loss": ([[0.5]], [[1.0]]),
    "hinge_embedding_loss": ([[0.5]], [[1.0]]),
    "multi_margin_loss": ([[1.0, 2.0]], [0]),
    "multilabel_soft_margin_loss": ([[1.0, 2.0]], [[0, 1]]),
    "margin_ranking_loss": ([0.5], [1.0], [1]),
    "cosine_embedding_loss": ([[0.5, 1.0]], [[1.0, 0.0]], [1]),
    "triplet_margin_loss": ([[0.5]], [[1.0]], [[1.25]]),
    "info_nce_loss": ([[0.5, 1.0]], [[1.0, 0.0]], [[-1.0, 0.5]]),
    "arcface_loss": ([[0.5, 0.1]], [0]),
    "sigmoid_focal_loss": ([[0.5]], [[1.0]]),
    "softmax_focal_loss": ([[1.0, 2.0]], [0]),
    "dice_loss": ([[0.5, 1.0]], [[1.0, 0.0]]),
    "iou_loss": ([[0.0, 0.0, 2.0, 1.0]], [[0.0, 0.0, 1.0, 1.0]]),
    "giou_loss": ([[0.0, 0.0, 2.0, 1.0]], [[0.0, 0.0, 1.0, 1.0]]),
    "diou_loss": ([[0.0, 0.0, 2.0, 1.0]], [[0.0, 0.0, 1.0, 1.0]]),
    "ciou_loss": ([[0.0, 0.0, 2.0, 1.0]], [[0.0, 0.0, 1.0, 1.0]]),
    "ctc_loss": ([[[-1.0, -0.5]]], [[1]], [1], [1]),
}


def test_every_loss_is_here() -> None:
    plain = ("cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div")
    known = {name for name in vars(F) if name.endswith("_loss") or name in plain}
    assert known == set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
def test_one_example_has_one_loss(name: str) -> None:
    arguments = [rp.asarray(each) for each in LOSSES[name]]
    function = getattr(F, name)
    losses = function(*arguments, reduction="none")
    total, mean = (function(*arguments, reduction=each) for each in ("sum", "mean"))
    assert total.shape == mean.shape == ()
    assert losses.shape[:1] == (1,)
    assert total.item() == pytest.approx(losses.numpy().sum())
    assert mean.item() == pytest.approx(losses.numpy().mean())
    assert total.item() != 0.0


@pytest.mark.parametrize("name", LOSSES)
def test_a_misspelt_reduction_is_corrected(name: str) -> None:
    arguments = [rp.asarray(each) for each in LOSSES[name]]
    with pytest.raises(ArgumentError, match="unknown reduction 'meen'; did you mean 'mean'"):
        getattr(F, name)(*arguments, reduction="meen")


def test_the_mean_over_nothing_is_nan() -> None:
    assert math.isnan(F.mse_loss(rp.zeros((0, 2)), rp.zeros((0, 2))).item())
    assert F.mse_loss(rp.zeros((0, 2)), rp.zeros((0, 2)), reduction="sum").item() == 0.0

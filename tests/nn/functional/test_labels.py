"""Class indices made ready: what is ignored counts nothing, whatever stands in its row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ShapeError
from retroprop.nn import functional as F

X = np.random.default_rng(0).normal(size=(4, 3))
FUNCTIONS = [F.cross_entropy, F.nll_loss, F.softmax_focal_loss]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("ignored", [-100, 255, 1])
def test_ignored_rows_count_nothing(function: Any, ignored: int) -> None:
    labels = np.array([0, ignored, 2, ignored])
    kept = labels != ignored
    options = {"ignore_index": ignored}
    for reduction in ("mean", "sum"):
        whole = function(rp.asarray(X), labels, reduction=reduction, **options)
        part = function(rp.asarray(X[kept]), labels[kept], reduction=reduction, **options)
        assert whole.item() == pytest.approx(part.item(), rel=1e-14)
    each = function(rp.asarray(X), labels, reduction="none", **options).numpy()
    assert (each[~kept] == 0.0).all()
    assert (each[kept] != 0.0).all()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_ignored_row_may_hold_anything(function: Any) -> None:
    bad = X.copy()
    bad[1] = [-np.inf, 0.0, 1.0]
    x = rp.tensor(bad, requires_grad=True)
    function(x, np.array([0, -100, 2, 1])).backward()
    assert np.isfinite(x.grad.numpy()).all()
    assert not x.grad.numpy()[1].any()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_mean_is_weighted(function: Any) -> None:
    weight, labels = np.array([1.0, 2.0, 5.0]), np.array([0, 1, 2, 2])
    each = function(rp.asarray(X), labels, reduction="none").numpy()
    mean = function(rp.asarray(X), labels, weight=weight).item()
    assert mean == pytest.approx((each * weight[labels]).sum() / weight[labels].sum())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_weights_have_one_number_for_each_class(function: Any) -> None:
    with pytest.raises(ShapeError, match=r"weight has shape \(2,\).* has 3 classes"):
        function(rp.asarray(X), np.array([0, 1, 2, 2]), weight=np.ones(2))
    with pytest.raises(ShapeError, match="input is a single number"):
        function(rp.asarray(1.0), np.array(0))

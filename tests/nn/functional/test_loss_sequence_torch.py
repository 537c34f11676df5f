"""CTC against PyTorch: values, and gradients with respect to what stands before log_softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

TIME, BATCH, CLASSES = 9, 3, 5
LOGITS = np.random.default_rng(0).normal(0.0, 2.0, (TIME, BATCH, CLASSES))
TARGETS = np.array([[1, 2, 2, 3], [4, 4, 1, 1], [3, 1, 1, 1]])
FRAMES, COUNTS = np.array([9, 7, 5]), np.array([4, 2, 1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_padded_targets(reduction: str, dtype: str) -> None:
    others = [TARGETS, FRAMES, COUNTS]
    agree(
        torch,
        lambda x, *rest: F.ctc_loss(F.log_softmax(x, 2), *rest, reduction=reduction),
        lambda x, *rest: TF.ctc_loss(TF.log_softmax(x, 2), *rest, reduction=reduction),
        [LOGITS],
        others,
        dtype=dtype,
    )


def test_targets_one_after_the_other() -> None:
    flat = np.concatenate([row[:n] for row, n in zip(TARGETS, COUNTS, strict=True)])
    agree(
        torch,
        lambda x, *rest: F.ctc_loss(F.log_softmax(x, 2), *rest),
        lambda x, *rest: TF.ctc_loss(TF.log_softmax(x, 2), *rest),
        [LOGITS],
        [flat, FRAMES, COUNTS],
    )


@pytest.mark.parametrize("blank", [0, 4, 2])
def test_blank_of_any_number(blank: int) -> None:
    targets = np.where(blank == TARGETS, (TARGETS + 1) % CLASSES, TARGETS)
    targets = np.where(targets == blank, (targets + 1) % CLASSES, targets)
    agree(
        torch,
        lambda x, *rest: F.ctc_loss(F.log_softmax(x, 2), *rest, blank=blank),
        lambda x, *rest: TF.ctc_loss(TF.log_softmax(x, 2), *rest, blank=blank),
        [LOGITS],
        [targets, FRAMES, COUNTS],
    )


def test_without_a_batch() -> None:
    agree(
        torch,
        lambda x: F.ctc_loss(F.log_softmax(x, 1), rp.asarray([1, 2, 2]), 9, 3),
        lambda x: TF.ctc_loss(
            TF.log_softmax(x, 1), torch.tensor([1, 2, 2]), torch.tensor(9), torch.tensor(3)
        ),
        [LOGITS[:, 0]],
    )


def test_an_empty_target_is_all_blanks() -> None:
    agree(
        torch,
        lambda x, *rest: F.ctc_loss(F.log_softmax(x, 2), *rest),
        lambda x, *rest: TF.ctc_loss(TF.log_softmax(x, 2), *rest),
        [LOGITS],
        [TARGETS, FRAMES, np.array([0, 2, 1])],
    )


@pytest.mark.parametrize("zero", [False, True])
def test_targets_that_do_not_fit(zero: bool) -> None:
    """Two equal labels need a blank between them: four frames cannot hold 1 2 2 3."""
    others = [TARGETS, np.array([4, 7, 5]), COUNTS]

    def ours(x: Any, *rest: Any) -> Any:
        return F.ctc_loss(F.log_softmax(x, 2), *rest, reduction="none", zero_infinity=zero)

    def theirs(x: Any, *rest: Any) -> Any:
        return TF.ctc_loss(TF.log_softmax(x, 2), *rest, reduction="none", zero_infinity=zero)

    if zero:
        agree(torch, ours, theirs, [LOGITS], others)
        return
    x = rp.tensor(LOGITS, requires_grad=True)
    loss = ours(x, *others)
    expected = theirs(torch.tensor(LOGITS), *(torch.tensor(each) for each in others))
    np.testing.assert_allclose(loss.detach().numpy(), expected.numpy(), rtol=1e-10)
    loss.backward(rp.ones(3, dtype=rp.float64))
    gradient = x.grad.numpy()
    assert np.isfinite(gradient).all()
    assert not gradient[:, 0].any()

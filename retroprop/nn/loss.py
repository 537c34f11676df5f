"""Losses as modules: of numbers, classes and sequences. The formulas stand in `nn.functional`.

Names and arguments are PyTorch's; those that stand behind its `size_average` and `reduce`, which
are gone, are given by name. Losses of margins, embeddings and boxes are in `nn.loss_margin`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.core.tensor import Tensor
from retroprop.nn.functional import loss_classification as classes
from retroprop.nn.functional import loss_regression as numbers
from retroprop.nn.functional._reduction import check_reduction
from retroprop.nn.functional.loss_sequence import ctc_loss
from retroprop.nn.options import Optioned
from retroprop.nn.parameter import Buffer

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LogCoshLoss",
    "Loss",
    "MSELoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "QuantileLoss",
    "SmoothL1Loss",
]


class Loss(Optioned):
    """Base of all losses: one that is called with predictions and targets and has a `reduction`.

    Attributes:
        reduction: "mean", "sum" or "none".
    """

    reductions: tuple[str, ...] = ()  # those that a loss knows beyond the three

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction(reduction, also=self.reductions)
        self.reduction = reduction


def as_buffer(weight: Any) -> Buffer | None:
    """Weights of a loss as a buffer, so that they are saved with it as PyTorch saves them."""
    return None if weight is None else Buffer(weight)


class MSELoss(Loss):
    """Mean squared error: (input - target)^2.

    Args:
        reduction: "mean", "sum" or "none".

    Example:
        >>> MSELoss()(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
        2.0
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        return numbers.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """Mean absolute error: |input - target|."""

    def forward(self, input: Any, target: Any) -> Tensor:
        return numbers.l1_loss(input, target, reduction=self.reduction)


class LogCoshLoss(Loss):
    """log(cosh(input - target)): squared near 0, absolute far."""

    def forward(self, input: Any, target: Any) -> Tensor:
        return numbers.log_cosh_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """Absolute error with a tip rounded up to `beta`."""

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Tensor:
        return numbers.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """Squared error / 2 up to `delta`, on in a straight line beyond."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Tensor:
        return numbers.huber_loss(input, target, self.reduction, self.delta)


class QuantileLoss(Loss):
    """Pinball loss of one quantile, or of several: then the input has a last axis of them."""

    always_shown = ("quantile",)

    def __init__(self, quantile: float | Sequence[float] = 0.5, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.quantile = quantile if isinstance(quantile, int | float) else tuple(quantile)

    def forward(self, input: Any, target: Any) -> Tensor:
        return numbers.quantile_loss(input, target, self.quantile, reduction=self.reduction)


class PoissonNLLLoss(Loss):
    """Negative log-likelihood of counts; with `log_input` from the logarithm of the mean."""

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        *,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, log_input: Any, target: Any) -> Tensor:
        return numbers.poisson_nll_loss(
            log_input,
            target,
            self.log_input,
            self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(Loss):
    """Negative log-likelihood of a normal distribution: called with mean, target, variance."""

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Any, target: Any, var: Any) -> Tensor:
        return numbers.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class CrossEntropyLoss(Loss):
    """Cross-entropy of class indices or probabilities under the softmax of the logits.

    Args:
        weight:          (classes,) factors of the classes.
        ignore_index:    rows with this class index count nothing.
        reduction:       "mean", "sum" or "none".
        label_smoothing: share of the target that is spread over all classes.
        check_logits:    raise when a batch of logits looks like probabilities.

    Example:
        >>> loss = CrossEntropyLoss()(Tensor([[2.0, 0.0], [0.0, 0.0]]), Tensor([0, 1]))
        >>> round(loss.item(), 3)
        0.41
    """

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        check_logits: bool = True,
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight = as_buffer(weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing
        self.check_logits = check_logits

    def forward(self, input: Any, target: Any) -> Tensor:
        return classes.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
            check_logits=self.check_logits,
        )


class NLLLoss(Loss):
    """Negative log-likelihood of class indices, from log-probabilities."""

    def __init__(
        self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight, self.ignore_index = as_buffer(weight), ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:
        options: dict[str, Any] = {"ignore_index": self.ignore_index}
        return classes.nll_loss(input, target, self.weight, reduction=self.reduction, **options)


class BCELoss(Loss):
    """Cross-entropy of two classes, from probabilities."""

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = as_buffer(weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return classes.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(Loss):
    """Cross-entropy of two classes, from raw scores; `pos_weight`: how much class 1 counts."""

    def __init__(
        self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight, self.pos_weight = as_buffer(weight), as_buffer(pos_weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return classes.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class KLDivLoss(Loss):
    """Divergence of the target from log-probabilities; `reduction` may be "batchmean" too."""

    reductions = ("batchmean",)

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Tensor:
        return classes.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class CTCLoss(Loss):
    """Loss of unaligned sequences: called with log-probabilities, targets, both lengths."""

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction=reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any
    ) -> Tensor:
        options = (self.blank, self.reduction, self.zero_infinity)
        return ctc_loss(log_probs, targets, input_lengths, target_lengths, *options)

"""Losses as modules: of margins, embeddings, masks and boxes. The formulas stand in
`nn.functional`.

Names and arguments are PyTorch's where it has the loss; those that stand behind its `size_average`
and `reduce`, which are gone, are given by name. As modules all of them take the mean by default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from retroprop import ops
from retroprop.array.creation import zeros
from retroprop.core.tensor import Tensor
from retroprop.errors import ShapeError
from retroprop.nn.functional import loss_detection as detection
from retroprop.nn.functional import loss_margin as margins
from retroprop.nn.functional import loss_ranking as ranking
from retroprop.nn.functional._checks import floating
from retroprop.nn.functional.distance import normalize
from retroprop.nn.init import xavier_uniform_
from retroprop.nn.loss import Loss, as_buffer
from retroprop.nn.parameter import Parameter

__all__ = [
    "ArcFace",
    "CIoULoss",
    "CosineEmbeddingLoss",
    "DIoULoss",
    "DiceLoss",
    "GIoULoss",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "InfoNCELoss",
    "IoULoss",
    "MarginRankingLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SigmoidFocalLoss",
    "SoftMarginLoss",
    "SoftmaxFocalLoss",
    "TripletMarginLoss",
]


class SoftMarginLoss(Loss):
    """log(1 + exp(-target * input)), targets 1 and -1."""

    def forward(self, input: Any, target: Any) -> Tensor:
        return margins.soft_margin_loss(input, target, reduction=self.reduction)


class HingeLoss(Loss):
    """max(0, margin - target * input), targets 1 and -1.

    Example:
        >>> HingeLoss()(Tensor([2.0, 0.5]), Tensor([1, -1])).item()
        0.75
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        return margins.hinge_loss(input, target, self.margin, reduction=self.reduction)


class HingeEmbeddingLoss(HingeLoss):
    """A distance where the target is 1, what is missing to the margin where it is -1."""

    def forward(self, input: Any, target: Any) -> Tensor:
        return margins.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MultiMarginLoss(Loss):
    """By how much wrong classes come within a margin of the right one."""

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.p, self.margin, self.weight = p, margin, as_buffer(weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return margins.multi_margin_loss(
            input, target, self.p, self.margin, self.weight, reduction=self.reduction
        )


class MultiLabelSoftMarginLoss(Loss):
    """Cross-entropy of many yes-or-no labels, from raw scores."""

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = as_buffer(weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return margins.multilabel_soft_margin_loss(
            input, target, self.weight, reduction=self.reduction
        )


class MarginRankingLoss(Loss):
    """Which of two shall rank higher, by a margin: called with both and targets 1 or -1."""

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        return ranking.margin_ranking_loss(
            input1, input2, target, self.margin, reduction=self.reduction
        )


class CosineEmbeddingLoss(Loss):
    """Angles between pairs: small where the target is 1, large where it is -1."""

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        return ranking.cosine_embedding_loss(
            input1, input2, target, self.margin, reduction=self.reduction
        )


class TripletMarginLoss(Loss):
    """The positive closer to the anchor than the negative, by a margin."""

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        *,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        options = (self.margin, self.p, self.eps, self.swap)
        return ranking.triplet_margin_loss(
            anchor, positive, negative, *options, reduction=self.reduction
        )


class InfoNCELoss(Loss):
    """Which candidate belongs to each query, by cosine: contrastive learning."""

    def __init__(
        self, temperature: float = 0.1, *, symmetric: bool = False, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.temperature, self.symmetric = temperature, symmetric

    def forward(self, query: Any, positive: Any, negatives: Any = None) -> Tensor:
        options: dict[str, Any] = {"symmetric": self.symmetric, "reduction": self.reduction}
        return ranking.info_nce_loss(query, positive, negatives, self.temperature, **options)


class ArcFace(Loss):
    """ArcFace: learned centres of classes on a sphere, and the loss that separates them.

    Args:
        features:    size of the embeddings.
        classes:     number of classes.
        scale:       factor of the cosines.
        margin:      radians.
        easy_margin: add the margin only where the angle is below 90 degrees.
        reduction:   "mean", "sum" or "none".
        dtype:       of the centres; float32 by default.

    Attributes:
        weight: (classes, features); only the directions count.

    Shape: embeddings (batch, features), class indices (batch,) -> one number, or (batch,) with
        "none".

    Example:
        >>> head = ArcFace(3, 5)
        >>> (
        ...     head(Tensor([[1.0, 0.0, 0.0]]), Tensor([4])).shape,
        ...     head.cosine(Tensor([[1.0, 0.0, 0.0]])).shape,
        ... )
        ((), (1, 5))

    Source: Deng et al. 2019, arXiv:1801.07698.
    """

    always_shown = ("features", "classes", "scale", "margin")

    def __init__(
        self,
        features: int,
        classes: int,
        scale: float = 64.0,
        margin: float = 0.5,
        *,
        easy_margin: bool = False,
        reduction: str = "mean",
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction=reduction)
        self.features, self.classes = features, classes
        self.scale, self.margin, self.easy_margin = scale, margin, easy_margin
        self.dtype = dtype
        self.weight = Parameter(zeros((classes, features), dtype=dtype))
        xavier_uniform_(self.weight)

    def cosine(self, input: Any) -> Tensor:
        """Cosines of embeddings and centres, (batch, classes): the scores to classify by."""
        (x,) = floating("ArcFace", input=input)
        if x.ndim != 2 or x.shape[1] != self.features:
            raise ShapeError(f"ArcFace expects (batch, {self.features} features), got {x.shape}")
        centres = ops.permute_dims(normalize(self.weight, dim=-1), (1, 0))
        return ops.matmul(normalize(x, dim=-1), centres)

    def forward(self, input: Any, target: Any) -> Tensor:
        options: dict[str, Any] = {"easy_margin": self.easy_margin, "reduction": self.reduction}
        cosine = self.cosine(input)
        return ranking.arcface_loss(cosine, target, self.scale, self.margin, **options)


class SigmoidFocalLoss(Loss):
    """Cross-entropy of two classes, from raw scores, in which what is easy counts little."""

    always_shown = ("alpha", "gamma")

    def __init__(self, alpha: float = 0.25, gamma: float = 2.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.alpha, self.gamma = alpha, gamma

    def forward(self, inputs: Any, targets: Any) -> Tensor:
        options = (self.alpha, self.gamma, self.reduction)
        return detection.sigmoid_focal_loss(inputs, targets, *options)


class SoftmaxFocalLoss(Loss):
    """Cross-entropy over classes, from logits, in which what is easy counts little."""

    always_shown = ("gamma",)

    def __init__(
        self,
        gamma: float = 2.0,
        weight: Any = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.gamma, self.weight, self.ignore_index = gamma, as_buffer(weight), ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:
        options: dict[str, Any] = {
            "ignore_index": self.ignore_index,
            "reduction": self.reduction,
        }
        return detection.softmax_focal_loss(input, target, self.gamma, self.weight, **options)


class DiceLoss(Loss):
    """How little two masks overlap, for each example and class, from probabilities."""

    def __init__(self, smooth: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.smooth = smooth

    def forward(self, input: Any, target: Any) -> Tensor:
        return detection.dice_loss(input, target, self.smooth, reduction=self.reduction)


class IoULoss(Loss):
    """1 - intersection over union of boxes (..., 4) given as x1, y1, x2, y2."""

    _function: ClassVar[Callable[..., Tensor]] = staticmethod(detection.iou_loss)

    def __init__(self, *, reduction: str = "mean", eps: float = 1e-7) -> None:
        super().__init__(reduction=reduction)
        self.eps = eps

    def forward(self, boxes1: Any, boxes2: Any) -> Tensor:
        return self._function(boxes1, boxes2, self.reduction, self.eps)


class GIoULoss(IoULoss):
    """1 - generalised IoU: also tells boxes apart that do not meet."""

    _function = staticmethod(detection.giou_loss)


class DIoULoss(IoULoss):
    """1 - IoU + the distance of the centres, relative to the box that encloses both."""

    _function = staticmethod(detection.diou_loss)


class CIoULoss(IoULoss):
    """The DIoU loss + a term that compares the aspect ratios."""

    _function = staticmethod(detection.ciou_loss)

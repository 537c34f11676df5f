"""What is minimised: focal loss of the classes, GIoU of the boxes, cross-entropy of centre-ness."""

from __future__ import annotations

from typing import Any

import numpy as np

import retroprop as rp
from retroprop.nn import functional

__all__ = ["DetectionLoss"]


class DetectionLoss:
    """The three losses of FCOS, each over what it is for.

        [sum focal(class) + w sum_found centre GIoU / mean_found centre + sum_found bce(centre)]
        / places with a box

    Args:
        box: weight w of the boxes.

    Call: outputs (batch, places, classes + 5), and (batch, places or more, 6) as `targets.targets`
    makes them; rows below those of the places are not looked at.

    Example:
        >>> outputs = rp.zeros((1, 1, 6))
        >>> targets = rp.asarray([[[0.0, 1.0, 1.0, 1.0, 1.0, 1.0]]])
        >>> round(DetectionLoss()(outputs, targets).item(), 3)
        1.776

    Source: focal loss Lin et al. 2017, arXiv:1708.02002; GIoU Rezatofighi et al. 2019,
    arXiv:1902.09630; weights by centre-ness as in FCOS, Tian et al. 2019, arXiv:1904.01355.
    """

    def __init__(self, box: float = 2.0) -> None:
        self.box = box

    def __call__(self, outputs: Any, wanted: Any) -> rp.Tensor:
        truth = wanted[:, : outputs.shape[1]]
        classes = outputs.shape[-1] - 5
        label, centre = truth[..., 0:1], truth[..., 5]
        found = rp.astype(rp.greater_equal(truth[..., 0], 0.0), outputs.dtype)
        count = rp.maximum(rp.sum(found), 1.0)
        each = rp.asarray(np.arange(classes, dtype=np.float32))
        hot = rp.astype(rp.equal(label, each), outputs.dtype)
        focal = functional.sigmoid_focal_loss(outputs[..., :classes], hot, reduction="sum")

        reach = rp.softplus(outputs[..., classes : classes + 4])
        overlap = functional.giou_loss(_corners(reach), _corners(truth[..., 1:5]))
        box = rp.sum(overlap * centre * found) / rp.maximum(rp.sum(centre * found), 1e-3)

        middle = outputs[..., classes + 4]
        unsure = rp.softplus(middle) - middle * centre  # cross-entropy with logits
        total: rp.Tensor = (focal + rp.sum(unsure * found)) / count + self.box * box
        return total


def _corners(distances: Any) -> rp.Tensor:
    """Distances left, top, right, bottom as the box around the place, which is the origin."""
    return rp.concat([-distances[..., :2], distances[..., 2:]], axis=-1)

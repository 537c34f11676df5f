"""The network from a photo to a point on a sphere, and the losses that put people apart there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.nn import functional

__all__ = ["Block", "Embedder", "FaceLoss"]

_TEMPERATURE = 0.1  # of the loss on people the network has no centres of
_FAR = 4.0  # more than two cosines can differ by


class Block(nn.Module):
    """Two convolutions beside a shortcut; with a stride the picture gets smaller.

    Shape: (batch, inputs, height, width) -> (batch, outputs, height / stride, width / stride).

    Example:
        >>> Block(4, 8, 2)(rp.zeros((1, 4, 6, 6))).shape
        (1, 8, 3, 3)

    Source: He et al. 2016, arXiv:1512.03385.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        """What the convolutions add to the shortcut."""
        return functional.relu(self.body(x) + self.shortcut(x))


class Embedder(nn.Module):
    """A small residual network from photos to embeddings of length 1.

    Args:
        shape:    (height, width, channels) of a photo.
        channels: of the stages, each half as large as the one before.
        features: size of an embedding.
        people:   how many have a learned centre, for ArcFace; 0 for none.
        dropout:  share of the values before the last layer dropped in training.
        mirror:   the embedding of a photo is the mean of its own and of its mirror image's.

    Shape: uint8 photos (batch, height, width, channels). In training the cosines to the centres of
        people come too, (embeddings, cosines), or without centres the embeddings of pairs:
        (batch, 2, height, width, channels) -> (batch, 2, features). Else (batch, features).

    Example:
        >>> network = Embedder((8, 8, 1), [4, 8], 16).eval()
        >>> network(rp.zeros((5, 8, 8, 1), dtype=rp.uint8)).shape
        (5, 16)
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        channels: Sequence[int],
        features: int,
        people: int = 0,
        *,
        dropout: float = 0.0,
        mirror: bool = True,
    ) -> None:
        super().__init__()
        self.shape, self.mirror = shape, mirror
        height, width, planes = shape
        stages: list[nn.Module] = []
        for wide in channels:
            stages.append(Block(planes, wide, 2))
            height, width, planes = -(-height // 2), -(-width // 2), wide
        self.stages = nn.Sequential(*stages)
        # No pooling over the whole picture: where in a face something is says who it is.
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(planes * height * width, features, bias=False),
            nn.BatchNorm1d(features),
        )
        self.centres = nn.ArcFace(features, people) if people else None

    def embed(self, photos: rp.Tensor) -> rp.Tensor:
        """Unit-length embeddings of photos (batch, height, width, channels)."""
        x = rp.permute_dims(rp.astype(photos, self.head[2].weight.dtype), (0, 3, 1, 2))
        # Every photo by its own brightness and contrast: light says nothing of who it is.
        middle = rp.mean(x, axis=(1, 2, 3), keepdims=True)
        spread = rp.sqrt(rp.mean((x - middle) ** 2, axis=(1, 2, 3), keepdims=True) + 1.0)
        return functional.normalize(self.head(self.stages((x - middle) / spread)), dim=-1)

    def forward(self, photos: rp.Tensor) -> Any:
        """Embeddings; in training, with what the loss needs."""
        if photos.ndim == 5:
            count = photos.shape[0]
            each = rp.reshape(photos, (count * 2, *photos.shape[2:]))
            return rp.reshape(self.embed(each), (count, 2, -1))
        if self.training:
            found = self.embed(photos)
            return found if self.centres is None else (found, self.centres.cosine(found))
        if not self.mirror:
            return self.embed(photos)
        both = self.embed(photos) + self.embed(rp.flip(photos, axis=2))
        return functional.normalize(both, dim=-1)


class FaceLoss:
    """What training lowers: ArcFace or triplets; of people without centres, how mixed up they are.

        triplet:  max(0, margin + nearest other - farthest own)     by cosine, hardest of the batch
        unseen:   -log of the share of the own among all others      softmax of cosine / 0.1

    Args:
        margin: radians for ArcFace; of the cosine for triplets.
        scale:  ArcFace: factor of the cosines.

    The form of the prediction says which: (embeddings, cosines), pairs (batch, 2, features), or
    embeddings alone. Targets are (batch,) numbers of people.

    Example:
        >>> loss = FaceLoss(0.3, 16.0)
        >>> apart = rp.asarray([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> loss(apart, rp.asarray([0, 0, 1, 1])).item() < 0.001
        True

    Source: Deng et al. 2019, arXiv:1801.07698; Hermans et al. 2017, arXiv:1703.07737 (hardest of
        the batch); Goldberger et al. 2004 (neighbourhood components analysis).
    """

    __name__ = "faces"

    def __init__(self, margin: float, scale: float) -> None:
        self.margin, self.scale = margin, scale

    def __call__(self, prediction: Any, target: rp.Tensor, reduction: str = "mean") -> rp.Tensor:
        """The loss of a batch, or of each example of it with reduction="none"."""
        if isinstance(prediction, tuple):
            return functional.arcface_loss(
                prediction[1], target, self.scale, self.margin, reduction=reduction
            )
        each = self._triplets(prediction, target) if prediction.ndim == 3 else None
        each = self._unseen(prediction, target) if each is None else each
        return rp.mean(each) if reduction == "mean" else each

    def _triplets(self, pairs: rp.Tensor, target: rp.Tensor) -> rp.Tensor:
        count, _, features = pairs.shape
        flat = rp.reshape(pairs, (count * 2, features))
        cosine, same, _ = _against(flat, rp.repeat(target, 2))
        # A photo is its own nearest, so it is never the farthest of its person.
        own = rp.min(cosine + _FAR * (1 - same), axis=1)
        other = rp.max(cosine - _FAR * same, axis=1)
        return rp.mean(rp.reshape(functional.relu(self.margin + other - own), (count, 2)), axis=1)

    def _unseen(self, found: rp.Tensor, target: rp.Tensor) -> rp.Tensor:
        cosine, same, itself = _against(found, target)
        share = rp.exp((cosine - 1) / _TEMPERATURE) * (1 - itself)
        own = rp.sum(share * same, axis=1)
        everyone = rp.sum(share, axis=1)
        # Whoever has no other photo in the batch counts nothing.
        alone = rp.astype(rp.sum(same * (1 - itself), axis=1) < 0.5, own.dtype)
        return -rp.log((own + 1e-12) / (everyone + 1e-12)) * (1 - alone)


def _against(found: rp.Tensor, target: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor, rp.Tensor]:
    """Cosines of all embeddings of a batch with each other; where they are of one person, and where
    a photo meets itself, as ones.
    """
    cosine = rp.matmul(found, rp.permute_dims(found, (1, 0)))
    row, column = rp.expand_dims(target, axis=1), rp.expand_dims(target, axis=0)
    same = rp.astype(row == column, found.dtype)
    return cosine, same, rp.Tensor(np.eye(found.shape[0], dtype=np.float32))

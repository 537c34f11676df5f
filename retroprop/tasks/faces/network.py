"""The network from a photo to a point on a sphere, and the losses that put people apart there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.nn import functional
from retroprop.tasks.faces.spread import Evening

__all__ = ["Block", "Embedder", "FaceLoss", "Member"]

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


class Member(nn.Module):
    """One of the networks whose embeddings are put together.

    Args:
        shape:    (height, width, channels) of a photo.
        channels: of the stages, each half as large as the one before.
        features: size of an embedding.
        people:   how many have a learned centre, for ArcFace; 0 for none.
        dropout:  share of the values before the last layer dropped in training.

    Shape: (batch, channels, height, width) -> (batch, features) of length 1.

    Example:
        >>> Member((8, 8, 1), [4, 8], 16)(rp.ones((5, 1, 8, 8))).shape
        (5, 16)
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        channels: Sequence[int],
        features: int,
        people: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
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
        self.middle = nn.Buffer(rp.zeros((features,)))
        self.evening = nn.Buffer(rp.eye(features))

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        """Embeddings as they are learned."""
        return functional.normalize(self.head(self.stages(x)), dim=-1)

    def evened(self, found: rp.Tensor) -> rp.Tensor:
        """Embeddings after the change that was set by `Embedder.even`."""
        return functional.normalize(rp.matmul(found - self.middle, self.evening), dim=-1)


class Embedder(nn.Module):
    """Small residual networks from photos to embeddings of length 1.

    Args:
        shape:    (height, width, channels) of a photo.
        channels: of the stages, each half as large as the one before.
        features: size of the embedding of each member.
        people:   how many have a learned centre, for ArcFace; 0 for none.
        members:  how many networks there are: each learns by itself, and the similarity of two
                  photos is the mean of theirs.
        dropout:  share of the values before the last layer dropped in training.
        mirror:   the embedding of a photo is the mean of its own and of its mirror image's.

    Shape: uint8 photos (batch, height, width, channels) -> (batch, members * features). In training
        the cosines to the centres of people come too, (embeddings, (batch, members, people)).
        Of several photos at a time the embeddings come as they are learned, each member's by
        itself, without mirror images and evening:
        (batch, several, height, width, channels) -> (batch, several, members, features).

    Example:
        >>> network = Embedder((8, 8, 1), [4, 8], 16, members=3).eval()
        >>> network(rp.zeros((5, 8, 8, 1), dtype=rp.uint8)).shape
        (5, 48)
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        channels: Sequence[int],
        features: int,
        people: int = 0,
        *,
        members: int = 1,
        dropout: float = 0.0,
        mirror: bool = True,
    ) -> None:
        super().__init__()
        self.mirror = mirror
        made = [Member(shape, channels, features, people, dropout) for _ in range(members)]
        self.members = nn.ModuleList(made)

    def even(self, changes: Sequence[Evening]) -> None:
        """Set how the embeddings of each member are changed, except for those it learns by."""
        for member, change in zip(self.members, changes, strict=True):
            member.middle.assign(rp.asarray(change.middle, dtype=member.middle.dtype))
            member.evening.assign(rp.asarray(change.matrix, dtype=member.evening.dtype))

    def seen(self, photos: rp.Tensor) -> rp.Tensor:
        """Photos (batch, height, width, channels) as the members take them."""
        x = rp.permute_dims(rp.astype(photos, self.members[0].middle.dtype), (0, 3, 1, 2))
        # Every photo by its own brightness and contrast: light says nothing of who it is.
        middle = rp.mean(x, axis=(1, 2, 3), keepdims=True)
        spread = rp.sqrt(rp.mean((x - middle) ** 2, axis=(1, 2, 3), keepdims=True) + 1.0)
        return (x - middle) / spread

    def forward(self, photos: rp.Tensor) -> Any:
        """Embeddings; in training, with what the loss needs."""
        if photos.ndim == 5:
            count, several = photos.shape[:2]
            x = self.seen(rp.reshape(photos, (count * several, *photos.shape[2:])))
            each = rp.stack([member(x) for member in self.members], axis=1)
            return rp.reshape(each, (count, several, *each.shape[1:]))
        x = self.seen(photos)
        found = [member(x) for member in self.members]
        if self.training:
            if any(member.centres is None for member in self.members):
                return _joined(found)
            near = [m.centres.cosine(x) for m, x in zip(self.members, found, strict=True)]
            return _joined(found), rp.stack(near, axis=1)
        if self.mirror:
            turned = rp.flip(x, axis=3)
            found = [
                functional.normalize(x + member(turned), dim=-1)
                for member, x in zip(self.members, found, strict=True)
            ]
        return _joined([m.evened(x) for m, x in zip(self.members, found, strict=True)])


def _joined(found: Sequence[rp.Tensor]) -> rp.Tensor:
    """Embeddings of members as one, of length 1: the cosine of two is the mean of the members'."""
    return rp.concat(found, axis=-1) / len(found) ** 0.5


class FaceLoss:
    """What training lowers: ArcFace or triplets; of people without centres, how mixed up they are.

        triplet:  max(0, margin + nearest other - farthest own)     by cosine, hardest of the batch
        unseen:   -log of the share of the own among all others      softmax of cosine / 0.1

    Args:
        margin: radians for ArcFace; of the cosine for triplets.
        scale:  ArcFace: factor of the cosines.

    The form of the prediction says which: (embeddings, cosines (batch, members, people)), pairs
    (batch, 2, members, features), or embeddings alone; the mean over the members. Targets are
    (batch,) numbers of people.

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
            each = self._centred(prediction[1], target)
        elif prediction.ndim == 4:
            by_member = [
                self._triplets(prediction[:, :, member], target)
                for member in range(prediction.shape[2])
            ]
            each = rp.mean(rp.stack(by_member), axis=0)
        else:
            each = self._unseen(prediction, target)
        return rp.mean(each) if reduction == "mean" else each

    def _centred(self, cosine: rp.Tensor, target: rp.Tensor) -> rp.Tensor:
        count, members, people = cosine.shape
        flat, who = rp.reshape(cosine, (count * members, people)), rp.repeat(target, members)
        each = functional.arcface_loss(flat, who, self.scale, self.margin, reduction="none")
        return rp.mean(rp.reshape(each, (count, members)), axis=1)

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

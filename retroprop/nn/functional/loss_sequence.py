"""CTC: the loss of a sequence of labels when nobody says which frame belongs to which label."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes, ops
from retroprop.array.creation import arange, asarray
from retroprop.array.manipulation import stack
from retroprop.core.faces import astype
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, ShapeError
from retroprop.nn.functional._checks import floating, is_known, label_range
from retroprop.nn.functional._reduction import check_reduction, reduced

__all__ = ["ctc_loss"]

_NEVER = -1e30  # the logarithm of an impossible event: finite, so that no gradient becomes NaN


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification: -log of the summed probability of all alignments.

    An alignment gives each frame a label or a blank; repeated labels collapse to one, then blanks
    vanish.

    Args:
        log_probs:      (time, batch, classes) or (time, classes) floating: log-probabilities, as
                        log_softmax gives them.
        targets:        (batch, longest) integers, padded with anything; or all targets one after
                        the other, (sum of target_lengths,). Without a batch (length,).
        input_lengths:  (batch,) or (): frames of each sequence that count.
        target_lengths: (batch,) or (): labels of each target.
        blank:          the class that stands for no label.
        reduction:      "mean" (each loss over its target's length, then over the batch), "sum" or
                        "none".
        zero_infinity:  a target longer than its frames allow costs 0 instead of inf; its gradient
                        is 0 in either case.

    Returns:
        One number, or with "none" (batch,), or () without a batch.

    Raises:
        ArgumentError, ShapeError, DTypeError: lengths or targets that do not fit.
        IndexRangeError: a label is outside 0..classes-1.

    Gradient: of the sum over alignments, by the engine. PyTorch returns the gradient with respect
        to what stood before log_softmax in its place; behind log_softmax both agree.
    Numerics: in logarithms throughout, 16-bit input in float32.
    Cost: time steps of a few operations on (batch, 2 longest + 1).

    Example:
        >>> even = Tensor(np.log(np.full((2, 1, 2), 0.5, np.float32)))
        >>> round(ctc_loss(even, Tensor([[1]]), [2], [1], reduction="sum").item(), 4)
        0.2877

    Source: Graves et al. 2006, "Connectionist temporal classification", section 4.1.
    """
    check_reduction(reduction)
    (x,) = floating("ctc_loss", log_probs=log_probs)
    if x.ndim not in (2, 3):
        raise ShapeError(
            f"ctc_loss: log_probs is {x.shape}, it must be (time, batch, classes), "
            "or (time, classes) without a batch"
        )
    single = x.ndim == 2
    x = ops.reshape(x, (x.shape[0], 1, x.shape[1])) if single else x
    frames = _lengths("input_lengths", input_lengths, x.shape[1])
    counts = _lengths("target_lengths", target_lengths, x.shape[1])
    labels = _padded(asarray(targets), counts, x.shape[1], single)
    _check(x, labels, frames, counts, blank)
    wide = x if x.dtype.itemsize > 2 else astype(x, dtypes.float32)
    loss = -_log_likelihood(wide, labels, frames, counts, blank)
    never = ops.greater(loss, -0.1 * _NEVER)
    loss = ops.where(never, 0.0 if zero_infinity else float("inf"), loss)
    loss = ops.reshape(loss, ()) if single else loss
    if reduction == "mean":
        sizes = ops.reshape(ops.maximum(counts, 1), loss.shape)
        loss = loss / astype(sizes, loss.dtype)
    return astype(reduced(loss, reduction), x.dtype)


def _lengths(name: str, given: Any, batch: int) -> Tensor:
    """Lengths as (batch,) integers."""
    lengths = asarray(given)
    if not dtypes.is_integer(lengths.dtype):
        raise DTypeError(f"ctc_loss: {name} must be integers, they are {lengths.dtype}")
    if lengths.size != batch or lengths.ndim > 1:
        raise ShapeError(
            f"ctc_loss: {name} has shape {lengths.shape} for a batch of {batch}",
            fix="give one length for each sequence",
        )
    return astype(ops.reshape(lengths, (batch,)), dtypes.int64)


def _padded(targets: Tensor, counts: Tensor, batch: int, single: bool) -> Tensor:
    """Targets as (batch, longest), whichever way they came."""
    if not dtypes.is_integer(targets.dtype):
        raise DTypeError(f"ctc_loss: targets must be integers, they are {targets.dtype}")
    if single and targets.ndim == 1:
        return ops.reshape(targets, (1, targets.size))
    if targets.ndim == 2 and targets.shape[0] == batch:
        return targets
    if targets.ndim != 1:
        raise ShapeError(
            f"ctc_loss: targets have shape {targets.shape} for a batch of {batch}",
            fix=f"give ({batch}, longest target), or all targets one after the other on one axis",
        )
    if not is_known(targets, counts):
        raise ArgumentError(
            "ctc_loss: targets one after the other have sizes that only their values tell",
            fix="pad them to (batch, longest) in a program that is compiled",
        )
    sizes = counts.numpy()
    if (sizes < 0).any() or int(sizes.sum()) != targets.size:
        raise ShapeError(
            f"ctc_loss: target_lengths add up to {int(sizes.sum())}, "
            f"there are {targets.size} targets one after the other"
        )
    padded = np.zeros((batch, int(sizes.max(initial=0))), np.int64)
    padded[np.arange(padded.shape[1]) < sizes[:, None]] = targets.numpy()
    return Tensor(padded)


def _check(x: Tensor, labels: Tensor, frames: Tensor, counts: Tensor, blank: int) -> None:
    """Everything about the values that would end in a wrong number."""
    time, _, classes = x.shape
    if not 0 <= blank < classes:
        raise ArgumentError(f"ctc_loss: blank must be one of the {classes} classes, it is {blank}")
    if not is_known(labels, frames, counts):
        return
    for name, lengths, most, what in (
        ("input_lengths", frames, time, "frames"),
        ("target_lengths", counts, labels.shape[1], "labels"),
    ):
        for row, length in enumerate(lengths.numpy().tolist()):
            if not 0 <= length <= most:
                raise ArgumentError(
                    f"ctc_loss: {name} has {length} in row {row}, there are {most} {what}"
                )
    used = np.arange(labels.shape[1]) < counts.numpy()[:, None]
    values = np.where(used, labels.numpy(), -1)
    label_range("ctc_loss", Tensor(values), classes, ignore_index=-1)
    if (values == blank).any():
        raise ArgumentError(
            f"ctc_loss: class {blank} stands in a target, but it is the blank",
            fix="number the labels from 1 when blank=0",
        )


def _log_likelihood(
    x: Tensor, labels: Tensor, frames: Tensor, counts: Tensor, blank: int
) -> Tensor:
    """Log of the summed probability of all alignments, (batch,): the paper's forward variables.

    `alpha` holds, for each place in blank label blank label ... blank, the log-probability of all
    beginnings that end there. It has two more places in front, which are never reached, so that a
    step back is a slice.
    """
    time, batch, classes = x.shape
    if time == 0:
        certain = Tensor(0.0, x.dtype)
        return ops.where(ops.equal(counts, 0), certain, _NEVER)
    places, may_skip = _places(labels, classes, blank)
    length = places.shape[1]
    index = ops.broadcast_to(ops.reshape(places, (1, batch, length)), (time, batch, length))
    emitted = _frames(ops.take_along_axis(ops.maximum(x, _NEVER), index, axis=2))
    start = ops.less(arange(length), 2)
    alpha = _led(ops.where(start, emitted[0], _NEVER))
    alpha = ops.where(ops.reshape(ops.greater(frames, 0), (batch, 1)), alpha, _started(alpha))
    for step in range(1, time):
        stay, one, two = (_cut(alpha, 2 - back, length) for back in range(3))
        two = ops.where(may_skip, two, _NEVER)
        moved = ops.logaddexp(ops.logaddexp(stay, one), two) + emitted[step]
        running = ops.reshape(ops.greater(frames, step), (batch, 1))
        alpha = ops.where(running, _led(moved), alpha)
    last = ops.reshape(counts * 2 + 2, (batch, 1))
    ends = ops.take_along_axis(alpha, ops.concatenate(last, last - 1, axis=1), axis=1)
    return ops.logaddexp(ends[:, 0], ends[:, 1])


def _started(alpha: Tensor) -> Tensor:
    """Before the first frame: certainly at the first blank."""
    first = ops.equal(arange(alpha.shape[1]), 2)
    return ops.where(first, Tensor(0.0, alpha.dtype), _NEVER)


def _places(labels: Tensor, classes: int, blank: int) -> tuple[Tensor, Tensor]:
    """Blank label blank ... blank, and where the blank before a label may be skipped."""
    batch, longest = labels.shape
    valid = ops.logical_and(ops.greater_equal(labels, 0), ops.less(labels, classes))
    inside = astype(ops.where(valid, labels, blank), dtypes.int64)  # padding is any number
    pairs = stack([inside, _blanks(batch, longest, blank)], axis=2)
    places = ops.concatenate(
        _blanks(batch, 1, blank), ops.reshape(pairs, (batch, 2 * longest)), axis=1
    )
    led = ops.concatenate(_blanks(batch, 2, blank), places, axis=1)
    before = _cut(led, 0, 2 * longest + 1)
    may_skip = ops.logical_and(ops.not_equal(places, blank), ops.not_equal(places, before))
    return places, may_skip


def _blanks(batch: int, count: int, blank: int) -> Tensor:
    return Tensor(np.full((batch, count), blank, np.int64))


def _cut(x: Tensor, start: int, length: int) -> Tensor:
    columns = slice(start, start + length)
    return ops.take_slice(x, key=(slice(None), columns))


def _led(alpha: Tensor) -> Tensor:
    """alpha with its two places in front."""
    return ops.pad(alpha, widths=((0, 0), (2, 0)), value=_NEVER)


def _frames(x: Tensor) -> list[Tensor]:
    """The slices along axis 0, cut in halves again and again.

    The gradient of one slice is a whole array of zeros with that slice written in; cutting every
    slice off the whole would cost time^2 of it, halving costs time log(time).
    """
    if x.shape[0] == 1:
        return [ops.reshape(x, x.shape[1:])]
    middle = x.shape[0] // 2
    parts = (slice(0, middle), slice(middle, x.shape[0]))
    return [frame for part in parts for frame in _frames(ops.take_slice(x, key=(part,)))]

"""Which samples of a batch a part of an array belongs to.

Labels go the way that the numbers went: an op that moves elements moves the labels, one that
computes elements keeps them, one that mixes samples loses them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retroprop.health.provenance_search import ancestors
from retroprop.health.provenance_trace import Event, Given, Source

__all__ = ["samples_of"]

Array = np.ndarray[Any, Any]

_MOVES = (
    "reshape", "permute_dims", "take_slice", "flip", "broadcast_to", "split", "take",
    "take_along_axis",
)  # fmt: skip
_MIXED = -1


def samples_of(event: Event, wrong: Array, batch: int) -> tuple[int, ...]:
    """The samples to which elements of what an event made belong; () where that is nobody's.

    Args:
        wrong: which elements, of the shape that the event made.
        batch: how many samples there are.
    """
    labels = _Labels(batch).of(event)
    found = [label for label in labels if label is not None and label.shape == wrong.shape]
    if not found:
        return ()
    numbers = np.unique(found[0][wrong])
    return () if _MIXED in numbers else tuple(int(number) for number in numbers)


class _Labels:
    """The labels of everything that an event was computed from."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self._known: dict[int, tuple[Array | None, ...]] = {}

    def of(self, event: Event) -> tuple[Array | None, ...]:
        """Labels of the shape of each output of an event; None where it has none."""
        for one in ancestors(Source(event, 0, None)):
            operands = [self._of_source(source) for source in one.sources]
            made: Sequence[Array | None] = [None] * len(one.made)
            if any(label is not None for label in operands):
                made = _through(one, operands)
            self._known[one.number] = tuple(made)
        return self._known[event.number]

    def _of_source(self, source: Source) -> Array | None:
        if source.event is not None:
            return self._known[source.event.number][source.output]
        assert source.given is not None
        return self._of_given(source.given)

    def _of_given(self, given: Given) -> Array | None:
        shape = given.summary.shape
        if given.kind != "argument" or not shape or shape[0] != self.batch:
            return None
        rows = np.arange(self.batch).reshape(-1, *[1] * (len(shape) - 1))
        return np.broadcast_to(rows, shape)


def _through(event: Event, labels: Sequence[Array | None]) -> Sequence[Array | None]:
    op, shapes = event.op, [one.shape for one in event.made]
    if op.form == "elementwise":
        return [_met(labels, shapes[0])]
    if op.name in _MOVES and labels[0] is not None:
        return _moved(event, labels[0])
    if op.name == "concatenate":
        parts = [
            np.full(source.summary.shape, _MIXED) if label is None else label
            for source, label in zip(event.sources, labels, strict=True)
        ]
        return [np.concatenate(parts, axis=event.attributes["axis"])]
    if op.form == "reduce" and "axis" in event.attributes and labels[0] is not None:
        return [_reduced(labels[0], event.attributes, shape) for shape in shapes]
    return [_by_row(labels, shape) for shape in shapes]


def _met(labels: Sequence[Array | None], shape: tuple[int, ...]) -> Array:
    """Elements of several operands: the sample that they agree on, apart from what all share."""
    made: Array | None = None
    for label in labels:
        if label is None:
            continue
        spread = np.broadcast_to(label, shape)
        if made is None:
            made = spread
            continue
        agreed = np.where((made == spread) | (spread == _MIXED), made, _MIXED)
        made = np.where(made == _MIXED, spread, agreed)
    assert made is not None
    return made


def _moved(event: Event, label: Array) -> Sequence[Array | None]:
    attributes: Mapping[str, Any] = event.attributes
    operands = [event.integers.get(i, label) for i in range(len(event.sources))]
    moved = event.op.reference(*operands, **attributes)
    return moved if isinstance(moved, tuple) else [moved]


def _reduced(label: Array, attributes: Mapping[str, Any], shape: tuple[int, ...]) -> Array | None:
    axis = attributes["axis"]
    axis = tuple(axis) if isinstance(axis, list | tuple) else axis
    if not label.size:
        return None
    low, high = label.min(axis=axis), label.max(axis=axis)
    made = np.where(low == high, low, _MIXED)
    return made.reshape(shape) if made.size == np.prod(shape) else None


def _by_row(labels: Sequence[Array | None], shape: tuple[int, ...]) -> Array | None:
    """Any other op: row by row, where rows of an operand are samples."""
    for label in labels:
        if label is None or not label.ndim or not shape or len(label) != shape[0] or not label.size:
            continue
        rows = label.reshape(len(label), -1)
        if (rows == rows[:, :1]).all():
            return np.broadcast_to(rows[:, 0].reshape(-1, *[1] * (len(shape) - 1)), shape)
    return None

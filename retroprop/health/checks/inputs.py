"""Inputs that a network cannot use well: not finite, on very different scales, constant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from retroprop import tree
from retroprop.health.checks.case import Case, flat
from retroprop.health.finding import Finding

__all__ = ["constant_columns", "not_finite_inputs", "unscaled_inputs"]

_RATIO = 100.0  # between the deviations of two features
_LARGE = 30.0  # root mean square of a feature
_WIDE = 128  # features from which constant ones are no surprise: pixels, words


def not_finite_inputs(case: Case) -> Iterator[Finding]:
    """NaN or infinity in the inputs or targets: one of them makes the loss NaN."""
    for what, arrays in (("inputs", case.inputs), ("targets", case.targets)):
        for array in tree.flatten(arrays)[0]:
            if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
                continue
            wrong = ~np.isfinite(array)
            count = int(wrong.sum())
            if not count:
                continue
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            yield Finding(
                "not_finite_inputs",
                f"{count} of {array.size} numbers of the {what} are not finite, "
                f"{array[place]} at {place} first",
                "the loss and all gradients of a batch with one of them are NaN",
                "leave those examples out, or fill in: np.nan_to_num(x, nan=median)",
                1.0,
                evidence={"count": count, "first": list(place)},
            )
            return


def unscaled_inputs(case: Case) -> Iterator[Finding]:
    """The first layer reads features on very different, or very large, scales.

    It is what the first layer with weights is given that counts: a model that normalises its inputs
    itself is right.

    Source: LeCun, Bottou, Orr, Mueller 1998, "Efficient BackProp", 4.3.
    """
    feed = case.look.feed
    if feed is None or not (np.isfinite(feed.mean).all() and np.isfinite(feed.deviation).all()):
        return
    varies = feed.deviation > 1e-8 * np.maximum(np.abs(feed.mean), 1e-30)
    if not varies.any():
        return
    sizes = np.hypot(feed.mean, feed.deviation)[varies]
    ratio = float(sizes.max() / sizes.min())
    largest, numbers = float(sizes.max()), np.flatnonzero(varies)
    high, low = int(numbers[sizes.argmax()]), int(numbers[sizes.argmin()])
    if largest <= _LARGE and not (ratio > _RATIO and largest > 5.0):
        small = largest < 1.0 / _LARGE
        if not small:
            return
    words = f"feature {high} that {feed.name} reads is about {largest:.2g}"
    if ratio > _RATIO:
        words += f", feature {low} about {float(sizes.min()):.2g}"
    yield Finding(
        "unscaled_inputs",
        f"{words}; inputs of a network should be about 1",
        "the loss is steep along some weights and flat along others: no one learning rate fits",
        "x = (x - x.mean(0)) / x.std(0) with the numbers of the training part (bytes: x / 255), "
        "or nn.BatchNorm1d as the first layer",
        _weight(largest, ratio),
        where=(feed.name,),
        evidence={"largest": largest, "ratio": ratio},
    )


def _weight(largest: float, ratio: float) -> float:
    """A defect where a step of a usual size would throw the first layer about."""
    if largest < 1.0 / _LARGE:
        return 0.5
    return 0.8 if largest > 300.0 or (largest > _LARGE and ratio > _RATIO) else 0.6


def constant_columns(case: Case) -> Iterator[Finding]:
    """Features with one value only, which cannot tell examples apart."""
    names, constant, total = _constant(case)
    if not constant or (total >= _WIDE and constant < total):
        return
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    if constant == total:
        yield Finding(
            "constant_columns",
            f"all {total} inputs have one value only",
            "all examples look the same to the network",
            "look at how the inputs are made",
            1.0,
        )
        return
    yield Finding(
        "constant_columns",
        f"{constant} of {total} inputs have one value only: {shown}",
        "such a column says nothing about an example; often it is a slip in making the table",
        "leave it out, or look at how it is made",
        0.2,
        where=tuple(names),
        evidence={"constant": constant, "of": total},
    )


def _constant(case: Case) -> tuple[list[str], int, int]:
    """Names, how many, and of how many."""
    if case.columns:
        dropped = dict(case.options.get("dropped") or {})
        names = [name for name, why in dropped.items() if why.endswith("in every row")]
        total = len(case.columns) + len(names)
        names += [name for name, values in case.columns.items() if _is_constant(values)]
        return names, len(names), total
    x = flat(case.inputs)
    if x is None or len(x) < 2:
        return [], 0, 0
    still = np.flatnonzero((x == x[:1]).all(axis=0))
    return [f"feature {i}" for i in still[:20]], len(still), x.shape[1]


def _is_constant(values: Any) -> bool:
    if not len(values):
        return False
    if values.dtype.kind == "f":
        known = values[~np.isnan(values)]
        return len(known) == 0 or (len(known) == len(values) and bool((known == known[0]).all()))
    first = values[0]
    return all(value == first for value in values)

"""Labels: of the wrong kind, out of range, or nearly all of one class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retroprop.health.checks.case import Case, classes_of, kind_of_loss
from retroprop.health.finding import Finding

__all__ = ["class_imbalance", "wrong_labels"]

_RATIO = 10.0  # examples of the largest class for one of the smallest
_NEARLY_ALL = 0.95


def class_imbalance(case: Case) -> Iterator[Finding]:
    """Classes of very different sizes: the large ones win by being guessed.

    Source: Japkowicz, Stephen 2002, "The class imbalance problem: a systematic study".
    """
    classes = classes_of(case)
    if classes is None or len(classes) < 2 or classes.min() < 0:
        return
    counts = np.bincount(classes)
    present = np.flatnonzero(counts)
    if len(present) == 1:
        yield Finding(
            "class_imbalance",
            f"all {len(classes)} examples are of class {present[0]}",
            "there is nothing to tell apart: any model is right at once",
            "give examples of the other classes, or look at how labels are read",
            1.0,
        )
        return
    least, most = int(counts[present].min()), int(counts.max())
    share = most / len(classes)
    if most <= _RATIO * least or case.options.get("class_weight") == "balanced":
        return
    small = int(present[counts[present].argmin()])
    yield Finding(
        "class_imbalance",
        f"class {int(counts.argmax())} has {most} examples ({share:.0%}), class {small} has "
        f"{least}",
        f"always saying class {int(counts.argmax())} is right in {share:.0%}: accuracy tells "
        "little, and small classes are learnt last",
        "class_weight=balanced, and judge by F1 or balanced accuracy",
        0.5 if share > _NEARLY_ALL else 0.3,
        where=(f"class {small}",),
        fixes=({"class_weight": "balanced"},),
        evidence={"counts": {str(k): int(counts[k]) for k in present[:50]}},
    )


def wrong_labels(case: Case) -> Iterator[Finding]:
    """Labels that do not belong to the outputs: floating, negative, counted from 1, never seen."""
    shape, targets = case.look.outputs, case.target
    kind = kind_of_loss(case.loss)
    if targets is None:
        return
    if kind == "binary" and targets.size and targets.dtype.kind in "fiub":
        low, high = float(targets.min()), float(targets.max())
        if low < 0.0 or high > 1.0:
            mend = "(target + 1) / 2" if (low, high) == (-1.0, 1.0) else "targets in 0..1"
            yield _wrong(f"targets of two classes lie between {low:g} and {high:g}", mend)
        return
    outputs = _outputs(shape)
    if kind != "cross_entropy" or outputs is None or targets.shape[1:] == (shape or ())[1:] != ():
        return
    if targets.dtype.kind == "f":
        yield _wrong(f"class indices are {targets.dtype}", "y.astype(np.int64)")
        return
    low, high = int(targets.min()), int(targets.max())
    ignored = int(getattr(case.loss, "ignore_index", -100))
    if ignored < 0:
        kept = targets[targets != ignored]
        low = int(kept.min()) if kept.size else 0
    if low < 0 or high >= outputs:
        counted = low == 1 and high == outputs
        mend = "y - 1: they count from 1" if counted else f"labels in 0..{outputs - 1}, or widen it"
        yield _wrong(f"labels lie in {low}..{high}, the last layer has {outputs} outputs", mend)
    elif high < outputs - 1 and case.inputs is not None and len(targets) > 10 * outputs:
        yield Finding(
            "wrong_labels",
            f"the last layer has {outputs} outputs, labels only reach {high}",
            "no example is of the classes above it",
            f"{high + 1} outputs, unless such examples come later",
            0.2,
        )


def _outputs(shape: tuple[int, ...] | None) -> int | None:
    """How many classes the last layer knows."""
    return None if not shape else shape[min(1, len(shape) - 1)]


def _wrong(what: str, mend: str) -> Finding:
    why = "the loss cannot say how wrong an output is that does not belong to the label"
    return Finding("wrong_labels", what, why, mend, 0.9)

"""What a report shows of found boxes: how sure and how complete; the best and the worst images."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop.data.dataset import take
from retroprop.data.images import pillow
from retroprop.errors import MissingDependencyError
from retroprop.tasks.detection.boxes import area
from retroprop.tasks.detection.draw import COLOURS
from retroprop.tasks.detection.pictures import Pictures
from retroprop.tasks.detection.score import Found, Scores, Truth, match
from retroprop.train.charts import Series, line_chart
from retroprop.train.charts.svg import clean
from retroprop.train.png import data_uri
from retroprop.train.report.page import block, figure, section, table

__all__ = ["Outcome", "outcomes", "page_fields", "picture"]

Array = np.ndarray[Any, Any]

_HALF: Array = np.array([0.5])
_SIZES = ((0, 32, "up to 32"), (32, 96, "32 to 96"), (96, np.inf, "more than 96"))
_MOST_CURVES = 12


class Outcome(NamedTuple):
    """What came of one image at an IoU of 0.5, of the boxes with score enough.

    Attributes:
        right:  (found,) which of the boxes shown are right.
        seen:   (true,) which of the true boxes were found.
        shown:  numbers of the boxes that are shown.
    """

    right: Array
    seen: Array
    shown: Array

    @property
    def f1(self) -> float:
        """Harmonic mean of the shares of right boxes and of found ones."""
        total = len(self.right) + len(self.seen)
        return 2 * float(self.right.sum()) / total if total else 1.0


def outcomes(found: Sequence[Found], truth: Sequence[Truth], least: float) -> list[Outcome]:
    """What came of each image.

    Example:
        >>> box = np.array([[0.0, 0.0, 10.0, 10.0]])
        >>> one = Found(box, np.array([0.9]), np.array([1]))
        >>> outcomes([one], [Truth(box, np.array([1]))], 0.5)[0].f1
        1.0
    """
    made = []
    for one, real in zip(found, truth, strict=True):
        shown = np.flatnonzero(one.scores >= least)
        right, seen = np.zeros(len(shown), bool), np.zeros(len(real.labels), bool)
        for label in np.unique(real.labels).tolist():
            ours, true = one.labels[shown] == label, real.labels == label
            right[ours] = match(one.boxes[shown][ours], real.boxes[true], _HALF)[0]
            # Who was found is asked the other way round: right boxes and true ones, best first.
            seen[true] = match(real.boxes[true], one.boxes[shown][ours][right[ours]], _HALF)[0]
        made.append(Outcome(right, seen, shown))
    return made


def page_fields(
    part: Pictures,
    classes: Sequence[str],
    made: Scores,
    found: Sequence[Found],
    truth: Sequence[Truth],
    least: float,
) -> dict[str, Any]:
    """The sections of a report, and the result in words; shown are boxes of that score at least."""
    each = outcomes(found, truth, least)
    sections = _by_class(classes, made, found, truth, each) + _curves(classes, made)
    return {
        "said": _said(made, each, least),
        "sections": sections + _shots(part, classes, found, truth, each),
    }


def _said(made: Scores, each: Sequence[Outcome], least: float) -> tuple[str, list[str]]:
    seen = sum(int(one.seen.sum()) for one in each)
    true = sum(len(one.seen) for one in each)
    right = sum(int(one.right.sum()) for one in each)
    shown = sum(len(one.right) for one in each)
    first = (
        f"mean average precision at IoU 0.5. Of {true:,} objects in {len(each):,} images, "
        f"{seen:,} were found ({seen / max(1, true):.0%}); of {shown:,} boxes with a score of "
        f"at least {least:.2g}, {right / max(1, shown):.0%} are right."
    )
    rule = (
        "A box is right when its class is, and what it shares with a marked object is at least "
        "half of what both cover. What nobody marked counts as wrong, even where it is there."
    )
    more = f"Averaged over stricter overlaps from 0.5 to 0.95 too, the score is {made.map:.3f}."
    return f"{made.map50:.3f}", [first, rule, more]


def _by_class(
    classes: Sequence[str],
    made: Scores,
    found: Sequence[Found],
    truth: Sequence[Truth],
    each: Sequence[Outcome],
) -> str:
    rows = []
    for label, name in enumerate(classes):
        pairs = list(zip(each, found, truth, strict=True))
        right = sum(int(one.right[f.labels[one.shown] == label].sum()) for one, f, _ in pairs)
        shown = sum(int((f.labels[one.shown] == label).sum()) for one, f, _ in pairs)
        seen = sum(int(one.seen[t.labels == label].sum()) for one, _, t in pairs)
        count = int(made.counts[label])
        numbers = (
            made.ap[0, label],
            made.ap[:, label].mean(),
            made.recall[0, label],
            right / shown if shown else np.nan,
            seen / count if count else np.nan,
            _best(made.curves[label], count),
        )
        rows.append([clean(name), f"{count:,}", *map(_number, numbers)])
    head = ["class", "marked", "AP at 0.5", "AP 0.5 to 0.95", "recall, any score",
            "right of shown", "found", "best score"]  # fmt: skip
    lead = (
        "AP, average precision, is 1 when every object is found before anything wrong is. Shown "
        "are boxes from the score above on. The best score of a class is where right and found "
        "would have been balanced best: predict score=... takes it."
    )
    return section(
        "Class by class", lead, block(table(head, rows, right=range(1, 8))), _sizes(truth, each)
    )


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"


def _best(curve: tuple[Array, Array, Array], count: int) -> float:
    """The score of the largest F1."""
    recall, precision, scores = curve
    if not len(scores) or not count:
        return float("nan")
    return float(scores[int((recall * precision / np.maximum(recall + precision, 1e-9)).argmax())])


def _sizes(truth: Sequence[Truth], each: Sequence[Outcome]) -> str:
    """How many objects were found, by their size."""
    side = np.concatenate([np.sqrt(area(one.boxes)) for one in truth])
    seen = np.concatenate([one.seen for one in each])
    rows = []
    for low, high, words in _SIZES:
        inside = (side > low) & (side <= high)
        if inside.any():
            share = f"{seen[inside].mean():.3f}"
            rows.append([words, f"{int(inside.sum()):,}", f"{int(seen[inside].sum()):,}", share])
    head = ["size in pixels (root of the area)", "marked", "found", "share"]
    return block(table(head, rows, right=range(1, 4)), "By size") if rows else ""


def _curves(classes: Sequence[str], made: Scores) -> str:
    order = np.argsort(-made.counts, kind="stable")[:_MOST_CURVES]
    cards = ""
    for label in order.tolist():
        recall, precision, _ = made.curves[label]
        if not len(recall):
            continue
        best = np.maximum.accumulate(precision[::-1])[::-1]
        title = f"{classes[label]}: AP {made.ap[0, label]:.3f}"
        lines = [Series("precision", [0.0, *recall.tolist()], [float(best[0]), *best.tolist()])]
        chart = line_chart(lines, title=title, x_label="recall", y_label="precision")
        cards += figure(chart)
    lead = (
        "From left to right the score from which on boxes count falls: more objects are found "
        "(recall), and more of the boxes are wrong (precision falls). At IoU 0.5."
    )
    return section(
        "Precision against recall", lead, f'<div class="grid">{cards}</div>' if cards else ""
    )


def _shots(
    part: Pictures,
    classes: Sequence[str],
    found: Sequence[Found],
    truth: Sequence[Truth],
    each: Sequence[Outcome],
) -> str:
    marked = [k for k, one in enumerate(each) if len(one.seen)]
    order = sorted(marked, key=lambda k: (-each[k].f1, -len(each[k].seen)))
    best, worst = order[:3], order[3:][-3:][::-1]
    blocks = []
    for title, numbers in (("Best", best), ("Worst", worst)):
        cards = "".join(_shot(part, classes, found[k], truth[k], each[k], k) for k in numbers)
        blocks.append(block(cards, title) if cards else "")
    legend = " ".join(
        f'<span style="border-bottom:3px solid {_css(k)};margin-right:14px">{clean(name)}</span>'
        for k, name in enumerate(classes[: len(COLOURS)])
    )
    lead = "Left as marked, right as found; point at a box for its class and score."
    return section("Pictures", lead, f'<p class="more">{legend}</p>', *blocks)


def _shot(
    part: Pictures, classes: Sequence[str], one: Found, real: Truth, came: Outcome, k: int
) -> str:
    fitted = part.fits[k]
    height, width = fitted.size
    image = np.ascontiguousarray(take(part.x, slice(k, k + 1))[0][:height, :width])
    shown = Found(one.boxes[came.shown], one.scores[came.shown], one.labels[came.shown])
    tips = [f"{classes[label]} {value:.2f}"
            for value, label in zip(shown.scores, shown.labels, strict=True)]  # fmt: skip
    names = [classes[label] for label in real.labels]
    left = picture(image, real.boxes * fitted.scale, real.labels, names)
    right = picture(image, shown.boxes * fitted.scale, shown.labels, tips)
    words = (
        f"{part.ids[k]}: {int(came.seen.sum())} of {len(came.seen)} found, "
        f"{int((~came.right).sum())} of {len(came.right)} boxes wrong"
    )
    pair = f'<div style="display:grid;grid-template-columns:1fr 1fr;gap:8px">{left}{right}</div>'
    return (
        f'<figure style="margin-bottom:18px">{pair}<figcaption>{clean(words)}</figcaption></figure>'
    )


def picture(image: Array, boxes: Array, labels: Array, tips: Sequence[str]) -> str:
    """An image with boxes over it, as SVG.

    Example:
        >>> boxes = np.array([[1.0, 1.0, 4.0, 4.0]])
        >>> picture(np.zeros((5, 5, 3), np.uint8), boxes, np.array([0]), ["a < b"]).count(
        ...     "a &lt; b"
        ... )
        1
    """
    height, width = image.shape[:2]
    thick = max(width, height) / 200
    marks = "".join(
        f'<rect x="{x1:.1f}" y="{y1:.1f}" width="{x2 - x1:.1f}" height="{y2 - y1:.1f}" '
        f'fill="transparent" stroke="{_css(int(label))}" stroke-width="{thick:.1f}">'
        f"<title>{clean(tip)}</title></rect>"
        for (x1, y1, x2, y2), label, tip in zip(boxes.tolist(), labels, tips, strict=True)
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" style="width:100%;height:auto">'
        f'<image href="{_uri(image)}" width="{width}" height="{height}"/>{marks}</svg>'
    )


def _css(label: int) -> str:
    return "rgb({},{},{})".format(*COLOURS[label % len(COLOURS)])


def _uri(image: Array) -> str:
    """The image as JPEG where Pillow is there, which is a tenth of a PNG."""
    try:
        module = pillow().Image
    except MissingDependencyError:
        return data_uri(image)
    content = io.BytesIO()
    module.fromarray(image).save(content, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode("ascii")

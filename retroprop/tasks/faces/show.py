"""The report: how far apart same and different faces lie, and which were mixed up."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.tasks.faces import scores
from retroprop.tasks.faces.photos import Photos
from retroprop.train.charts import Series, bar_chart, line_chart
from retroprop.train.charts.svg import clean, clipped
from retroprop.train.png import data_uri, thumbnail
from retroprop.train.report.page import block, figure, section, table

__all__ = ["Seen", "error_chart", "roc_chart", "similarity_chart"]

_SHOWN = 6  # pairs of photos of each kind of mistake
_BINS = 25


class Seen:
    """Photos that were scored.

    Args:
        part:      the photos, with who is on them.
        points:    (photos, features) embeddings of length 1.
        threshold: the least similarity of one person, or None when it is not known.

    Raises:
        DataError: no two photos of one person, or none of two.

    Example:
        >>> part = Photos(
        ...     np.zeros((4, 2, 2, 1), np.uint8), np.array([0, 0, 1, 1]), names=["a", "b"]
        ... )
        >>> Seen(part, np.eye(2)[[0, 0, 1, 1]], 0.5).scores()["rank1"]
        1.0
    """

    def __init__(self, part: Photos, points: Any, threshold: float | None) -> None:
        self.part, self.threshold = part, threshold
        self.pairs = scores.pairs(points, part.y)
        self.roc = scores.roc(self.pairs.same, self.pairs.different)
        self.rank1, self.mistakes = scores.one_photo(points, part.y)
        pixels = scores.as_points(part.x)
        plain = scores.pairs(pixels, part.y)
        self.pixels_roc = scores.roc(plain.same, plain.different)
        self.pixels_rank1, _ = scores.one_photo(pixels, part.y)

    def scores(self) -> dict[str, float]:
        """Numbers by name."""
        found = {
            "rank1": self.rank1,
            "eer": scores.equal_error_rate(self.roc),
            "pixels_rank1": self.pixels_rank1,
            "pixels_eer": scores.equal_error_rate(self.pixels_roc),
        }
        if self.threshold is not None:
            accepted, refused = scores.rates(self.pairs.same, self.pairs.different, self.threshold)
            found |= {
                "threshold": self.threshold,
                "false_accepts": accepted,
                "false_rejects": refused,
            }
        return found

    def said(self) -> tuple[str, list[str]]:
        """The result in one number and sentences."""
        found = self.scores()
        people = len(self.part.people)
        named = (
            f"Of {people} people the network had never seen, it knew one photo each, and named "
            f"{found['rank1']:.1%} of their other photos rightly."
        )
        compared = (
            f"Comparing the pixels instead names {found['pixels_rank1']:.1%} rightly; chance "
            f"{1 / people:.1%}. Asked whether two photos show one person, with both kinds of "
            f"mistakes made equally often, it is wrong {found['eer']:.1%} of the time "
            f"(pixels: {found['pixels_eer']:.1%})."
        )
        if self.threshold is None:
            return f"{found['rank1']:.1%}", [named, compared]
        passed = (
            f"At the threshold chosen in training, {found['false_accepts']:.1%} of the pairs of "
            f"two people pass as one, and {found['false_rejects']:.1%} of the pairs of one "
            "person are refused."
        )
        return f"{found['rank1']:.1%}", [named, compared, passed]

    def sections(self) -> str:
        """The pictures, as markup."""
        apart = section(
            "How well faces are told apart",
            "Two photos are compared by the cosine of their embeddings, 1 for the same. All pairs "
            "of photos of people that were not learned from.",
            f'<div class="grid">{self._charts()}</div>',
        )
        return apart + section(
            "Worst mistakes",
            "The pairs of photos that were judged most wrongly.",
            self._pictured(
                self.pairs.different, self.pairs.different_at, -1, "Two people, similar"
            ),
            self._pictured(self.pairs.same, self.pairs.same_at, 1, "One person, not similar"),
            self._named(),
        )

    def _charts(self) -> str:
        people = len(self.part.people)
        named = bar_chart(
            ["this network", "nearest by pixels", "chance"],
            [self.rank1, self.pixels_rank1, 1 / people],
            title="Photos named rightly, from one photo each",
            high=1.0,
        )
        captions = {
            similarity_chart(self.pairs, self.threshold): "The less the two hills overlap, the "
            "better. What lies right of the line counts as the same person.",
            error_chart(self.roc, self.threshold): "A stricter threshold lets fewer strangers "
            "pass and refuses more right people.",
            roc_chart(self.roc, self.pixels_roc): "For every share of strangers that pass, the "
            "share of the right people that do. Towards the upper left is better.",
            named: f"One photo of each of {people} people is known; mean over which one it is.",
        }
        return "".join(figure(chart, caption) for chart, caption in captions.items())

    def _pictured(self, values: Any, at: Any, sign: int, title: str) -> str:
        """The pairs at one end, each person or couple once, as rows of two photos."""
        rows: list[list[str]] = []
        met: set[tuple[int, int]] = set()
        for index in np.argsort(sign * values, kind="stable").tolist():
            first, second = at[index].tolist()
            couple = (int(self.part.y[first]), int(self.part.y[second]))
            if couple not in met:
                met.add(couple)
                rows.append([*map(self._photo, (first, second)), f"{values[index]:.3f}"])
            if len(rows) == _SHOWN:
                break
        return block(table(["photo", "photo", "similarity"], rows, right=[2]), title)

    def _named(self) -> str:
        """Photos that were given to someone else, with the photo that won."""
        rows: list[list[str]] = []
        met: set[int] = set()
        for asked, nearest, _ in self.mistakes:
            if asked not in met:
                met.add(asked)
                rows.append([self._photo(asked), self._photo(nearest)])
        if not rows:
            return ""
        more = f" ({_SHOWN} of {len(rows)})" if len(rows) > _SHOWN else ""
        return block(table(["photo", "taken for"], rows[:_SHOWN]), f"Named wrongly{more}")

    def _photo(self, index: int) -> str:
        """A photo with its name."""
        image = thumbnail(self.part.x[index], 64)
        person, source = self.part.names[self.part.y[index]], self.part.ids[index]
        words = clipped(person if isinstance(source, str) else f"{person}, photo {source}", 40)
        return f'<img src="{data_uri(image)}" alt="" width="56"><br>{clean(words)}'


def similarity_chart(
    pairs: scores.Pairs, threshold: float | None, *, standalone: bool = False
) -> str:
    """How often pairs of one person and of two have each similarity.

    Example:
        >>> one = np.array([[0, 1]])
        >>> pairs = scores.Pairs(np.array([0.9]), np.array([0.1]), one, one)
        >>> similarity_chart(pairs, 0.5)[:4]
        '<svg'
    """
    low = min(float(pairs.same.min()), float(pairs.different.min()))
    edges = np.linspace(np.floor(low * 20) / 20, 1.0, _BINS + 1)
    middle = ((edges[1:] + edges[:-1]) / 2).tolist()
    lines = []
    for name, values in (("one person", pairs.same), ("two people", pairs.different)):
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        lines.append(Series(name, middle, (counts / len(values)).tolist()))
    mark = None if threshold is None else (threshold, "threshold")
    return line_chart(
        lines,
        title="Similarity of two photos",
        x_label="similarity",
        y_label="share of pairs",
        mark=mark,
        standalone=standalone,
    )


def error_chart(roc: scores.Roc, threshold: float | None, *, standalone: bool = False) -> str:
    """Both kinds of mistakes over the threshold.

    Example:
        >>> error_chart(scores.roc([0.9, 0.4], [0.5, 0.1]), None)[:4]
        '<svg'
    """
    at = _spread(roc.threshold)
    x = roc.threshold[at][::-1].tolist()
    lines = [
        Series("strangers that pass", x, roc.accepted_wrongly[at][::-1].tolist()),
        Series("right people refused", x, roc.refused_wrongly[at][::-1].tolist()),
    ]
    mark = None if threshold is None else (threshold, "chosen")
    return line_chart(
        lines,
        title="Mistakes at every threshold",
        x_label="threshold of similarity",
        y_label="share of pairs",
        mark=mark,
        standalone=standalone,
    )


def roc_chart(roc: scores.Roc, pixels: scores.Roc, *, standalone: bool = False) -> str:
    """The right people that pass, over the strangers that do: of the network and of pixels.

    Example:
        >>> curve = scores.roc([0.9, 0.4], [0.5, 0.1])
        >>> roc_chart(curve, curve)[:4]
        '<svg'
    """
    lines = []
    for name, curve in (("this network", roc), ("pixels", pixels)):
        at = _spread(curve.threshold)
        x = [0.0, *curve.accepted_wrongly[at].tolist(), 1.0]
        lines.append(Series(name, x, [0.0, *(1 - curve.refused_wrongly[at]).tolist(), 1.0]))
    return line_chart(
        lines,
        title="Right people let in, strangers let in (ROC)",
        x_label="share of strangers that pass",
        y_label="share of right people",
        standalone=standalone,
    )


def _spread(values: Any) -> Any:
    """A few hundred places along a curve."""
    return np.unique(np.linspace(0, len(values) - 1, 300).astype(np.int64))

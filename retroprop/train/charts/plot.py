"""What charts have in common: title, legend, grid, axes and notes, as a growing list of marks."""

from __future__ import annotations

from collections.abc import Sequence

from retroprop.train.charts.axes import Scale, label_ticks
from retroprop.train.charts.svg import clean, clipped, document, element, text_width

__all__ = ["Plot", "line", "text"]

_CHARACTER = 8.0  # pixels of one in a title


def text(content: str, x: float, y: float, **attributes: object) -> str:
    """Text at a place; `content` is escaped here.

    Example:
        >>> text("a < b", 1.0, 2.0)
        '<text x="1" y="2">a &lt; b</text>'
    """
    return element("text", clean(content), x=float(x), y=float(y), **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> str:
    """A straight line.

    Example:
        >>> line(0, 0, 1, 1, class_="grid")
        '<line x1="0" y1="0" x2="1" y2="1" class="grid"/>'
    """
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), **attributes)


class Plot:
    """A chart in the making.

    Args:
        width, height: in pixels.
        title: stands above it; cut where it is too long.

    Attributes:
        parts: the marks so far, as markup.
        top, right, bottom, left: pixels around the area of the marks.

    Example:
        >>> plot = Plot(100, 50, "A")
        >>> plot.nothing()
        >>> "nothing to show" in plot.drawn("Empty.", standalone=False)
        True
    """

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.top, self.right, self.bottom, self.left = 32.0, 18.0, 44.0, 14.0
        self.parts = [text(clipped(title, int(width / _CHARACTER)), 0, 14, class_="title")]

    def legend(self, labels: Sequence[str]) -> None:
        """A row of names under the title, each beside a piece of its line."""
        at = 0.0
        for index, label in enumerate(labels):
            name = clipped(label, 26)
            dash = "5 4" if index else None
            style = f"line s{index % 2}"
            self.parts.append(line(at, 32, at + 20, 32, class_=style, stroke_dasharray=dash))
            self.parts.append(text(name, at + 26, 36, class_="name"))
            at += 26 + text_width(name) + 18
        self.top += 18

    def frame(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        x_label: str,
        y_label: str,
        *,
        log_y: bool = False,
        whole_x: bool = False,
        whole_y: bool = False,
    ) -> tuple[Scale, Scale]:
        """Draw the grid and both axes from `x[0]` to `x[1]` and `y[0]` to `y[1]`."""
        if y_label:
            self.parts.append(text(clipped(y_label, 40), 0, self.top + 6))
            self.top += 18
        down = Scale(*y, self.height - self.bottom, self.top, log=log_y)
        self._vertical(down, whole_y)
        across = Scale(*x, self.left, self.width - self.right)
        self._horizontal(across, down.start, x_label, whole_x)
        return across, down

    def _vertical(self, down: Scale, whole: bool) -> None:
        ticks = down.ticks(5, whole=whole)
        texts = label_ticks(ticks)
        self.left = 10 + max((text_width(each) for each in texts), default=0.0)
        for tick, label in zip(ticks, texts, strict=True):
            at = down(tick)
            self.parts.append(line(self.left, at, self.width - self.right, at, class_="grid"))
            self.parts.append(text(label, self.left - 7, at + 4, text_anchor="end"))

    def _horizontal(self, across: Scale, floor: float, label: str, whole: bool) -> None:
        ticks = across.ticks(max(2, int((across.end - across.start) / 70)), whole=whole)
        for tick, each in zip(ticks, label_ticks(ticks), strict=True):
            at = across(tick)
            self.parts.append(line(at, floor, at, floor + 4, class_="axis"))
            self.parts.append(text(each, at, floor + 18, text_anchor="middle"))
        self.parts.append(line(across.start, floor, across.end, floor, class_="axis"))
        middle = (across.start + across.end) / 2
        if label:
            self.parts.append(text(label, middle, floor + 37, text_anchor="middle"))

    def mark(self, x: float, note: str) -> None:
        """A vertical line at pixel `x` with a note, on the side that has room."""
        bottom = self.height - self.bottom
        self.parts.append(line(x, self.top, x, bottom, class_="mark"))
        fits = x + 6 + text_width(note, 11) < self.width - self.right
        place = (x + 5, "start") if fits else (x - 5, "end")
        self.parts.append(text(note, place[0], self.top + 9, text_anchor=place[1]))

    def nothing(self) -> None:
        """Say that there is nothing to draw."""
        middle = self.width / 2
        self.parts.append(text("nothing to show", middle, self.height / 2, text_anchor="middle"))

    def drawn(self, description: str, standalone: bool) -> str:
        """The finished chart; a file of its own gets a margin."""
        inner, margin = "".join(self.parts), 0
        if standalone:
            margin = 16
            inner = element("g", inner, transform=f"translate({margin} {margin})")
        return document(
            self.width + 2 * margin,
            self.height + 2 * margin,
            inner,
            title=self.title,
            description=description,
            standalone=standalone,
        )

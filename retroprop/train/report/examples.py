"""Single examples of the data, as pictures or as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retroprop.train.charts.svg import clean, clipped
from retroprop.train.png import data_uri, thumbnail
from retroprop.train.report.material import ReportData
from retroprop.train.report.page import block, table

__all__ = ["example_rows", "example_shots", "shown_columns"]

_MOST_COLUMNS = 8
_LONGEST_CELL = 60


def example_shots(data: ReportData, which: Sequence[int], captions: Sequence[str]) -> str:
    """Thumbnails of some examples; a caption is markup.

    Example:
        >>> images = np.zeros((2, 4, 4), dtype=np.uint8)
        >>> data = ReportData(title="a", y_true=[0, 1], images=images)
        >>> example_shots(data, [1], ["one"]).count("<img")
        1
    """
    items = []
    for index, caption in zip(which, captions, strict=True):
        source = "" if data.sources is None else str(data.sources[index])
        where = f"<small>{clean(clipped(source, 40))}</small>" if source else ""
        name = clean(source or f"example {index}")
        picture = data_uri(thumbnail(data.images[index]))
        items.append(f'<li><img src="{picture}" alt="{name}">{caption}{where}</li>')
    return block(f'<ul class="shots">{"".join(items)}</ul>') if items else ""


def example_rows(
    data: ReportData,
    which: Sequence[int],
    head: Sequence[str],
    cells: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
) -> str:
    """A table of some examples: the `cells` given (markup), then the columns of the data."""
    columns = shown_columns(data)
    shown = columns[:_MOST_COLUMNS]
    source = [] if data.sources is None else ["from"]
    titles = [*head, *source, *(clipped(name, 24) for name in shown)]
    before = len(head) + len(source)
    lines = []
    for index, first in zip(which, cells, strict=True):
        came = [] if data.sources is None else [_source(data.sources[index])]
        lines.append([*first, *came, *(_cell(data, index, column) for column in range(len(shown)))])
    numeric = [k for k in range(before, len(titles)) if all(_reads_as_number(r[k]) for r in lines)]
    more = len(columns) - len(shown)
    words = f"and {more} more column{'s' if more > 1 else ''}"
    under = f'<p class="more">{words}</p>' if more > 0 else ""
    return block(table(titles, lines, right=[*right, *numeric]) + under) if lines else ""


def shown_columns(data: ReportData) -> list[str]:
    """The names of the columns of the rows, numbered where they have none.

    Example:
        >>> shown_columns(ReportData(title="a", y_true=[1], rows=[(3, 4)]))
        ['column 1', 'column 2']
    """
    if data.columns is not None:
        return [str(name) for name in data.columns]
    if not data.rows:
        return []
    first = data.rows[0]
    if isinstance(first, Mapping):
        return [str(name) for name in first]
    return [f"column {index + 1}" for index in range(len(first))]


def _source(text: str) -> str:
    return f'<td class="from">{clean(clipped(text, 40))}</td>'


def _reads_as_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


def _cell(data: ReportData, index: int, column: int) -> str:
    row: Any = data.rows[index] if data.rows is not None else ()
    if isinstance(row, Mapping):
        name = data.columns[column] if data.columns is not None else list(row)[column]
        value = row.get(name, "")
    else:
        value = row[column] if column < len(row) else ""
    if isinstance(value, float | np.floating):
        return clean(f"{float(value):.6g}")
    return clean(clipped(value, _LONGEST_CELL))

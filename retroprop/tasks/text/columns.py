"""Which column of a table holds the texts, and which their classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.data.table import RawColumn, RawTable
from retroprop.errors import DataError, nearest

__all__ = ["cells", "looks_like_texts", "running", "text_and_label", "text_column"]

TEXT_NAMES = (
    "text", "texts", "sentence", "review", "comment", "message", "tweet", "content", "body",
    "document", "utterance", "texto", "frase", "comentario", "mensaje",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "sentiment", "class", "category", "polarity", "target", "intent", "topic",
    "tag", "emotion", "stars", "rating", "y", "etiqueta", "sentimiento", "clase", "categoria",
)  # fmt: skip
_WORDS = 4  # of the middle text of a column of running text
_DISTINCT = 0.7  # share of its texts that are unlike all others
_MOST_CLASSES = 20
_MOST_OTHERS = 3  # columns besides text and class, of a table that is about its texts


def running(column: RawColumn) -> bool:
    """Whether a column is running text: several words, mostly distinct.

    Example:
        >>> from retroprop.data.table import RawColumn
        >>> running(RawColumn.from_cells(["it was not bad at all", "I would not come again"]))
        True
        >>> running(RawColumn.from_cells(["New York", "New York"]))
        False
    """
    if column.texts is None or not len(column):
        return False
    used = column.used()
    if len(used) < _DISTINCT * len(column):
        return False
    return float(np.median([len(text.split()) for text in used])) >= _WORDS


def _quoted(raw: RawTable) -> str:
    return ", ".join(f'"{name}"' for name in raw.names[:30])


def _checked(raw: RawTable, name: str, option: str) -> str:
    if name in raw.columns:
        return name
    close = nearest(name, raw.names)
    hint = f'; did you mean "{close}"?' if close else ""
    raise DataError(
        f'no column "{name}"{hint}',
        file=raw.source,
        fix=f"the columns are {_quoted(raw)}; {option} names one",
    )


def _named(raw: RawTable, names: tuple[str, ...], but: tuple[str, ...] = ()) -> str | None:
    lowered = {name.lower(): name for name in reversed(raw.names) if name not in but}
    return next((lowered[name] for name in names if name in lowered), None)


def text_column(raw: RawTable, given: str | None, but: tuple[str, ...] = ()) -> str:
    """The column with the texts: the one given, one of a telling name, or the wordiest.

    Raises:
        DataError: no such column, or none with running text.
    """
    if given is not None:
        return _checked(raw, given, "text=")
    texts = [name for name in raw.names if name not in but and running(raw.columns[name])]
    named = _named(raw, TEXT_NAMES, but)
    if named is not None and (named in texts or not texts):
        return named
    if not texts and any(running(raw.columns[name]) for name in but if name in raw.columns):
        raise DataError("holds running text, not classes", file=raw.source, column=but[0])
    if not texts:
        raise DataError(
            "no column with running text",
            file=raw.source,
            fix=f"name the column with the texts: text=NAME, one of {_quoted(raw)}",
        )
    return max(texts, key=lambda name: sum(map(len, raw.columns[name].used())))


def _few(column: RawColumn, least: int = 2) -> bool:
    used = [text for text in column.as_text().used() if text]
    return least <= len(used) <= max(2, min(_MOST_CLASSES, len(column) // 4))


def _label_column(raw: RawTable, target: str | None, text: str) -> tuple[str | None, str]:
    """The column with the classes, and how it was found."""
    if target is not None:
        return _checked(raw, target, "--target"), ""
    named = _named(raw, LABEL_NAMES, (text,))
    if named is not None:
        return named, "guessed from its name"
    few = [name for name in raw.names if name != text and _few(raw.columns[name])]
    if len(few) == 1:
        return few[0], "the only column with few distinct values"
    return None, ""


def text_and_label(
    raw: RawTable, text: str | None, target: str | None
) -> tuple[str, str, list[str]]:
    r"""The columns with texts and classes, and what there is to say about them.

    Raises:
        DataError: a column that is not there, one for both, or none that could be it.

    Example:
        >>> from retroprop.data import parse_csv
        >>> table = parse_csv("id,text,label\n1,not bad at all,yes\n2,never come here again,no\n")
        >>> text_and_label(table, None, None)[:2]
        ('text', 'label')
    """
    words = text_column(raw, text, () if target is None else (target,))
    label, why = _label_column(raw, target, words)
    if label is None:
        raise DataError(
            "which column holds the classes?",
            file=raw.source,
            fix=f"name it with --target NAME, one of {_quoted(raw)}",
        )
    if label == words:
        raise DataError("texts and classes are the same column", file=raw.source, column=label)
    notes = [] if text else [f'texts: "{words}"']
    notes += [f'classes: "{label}" ({why})'] if why else []
    others = [name for name in raw.names if name not in (words, label)]
    if others:
        listed = ", ".join(others[:20]) + ", ..." * (len(others) > 20)
        notes.append(f"other columns are not used: {listed}")
    return words, label, notes


def looks_like_texts(raw: RawTable, target: str | None) -> str:
    """Why a table is one of texts and their classes; "" when it is not.

    It has one column of running text, with most of its characters, a column of few distinct values,
    and hardly any other.

    Example:
        >>> cells = {"text": ["not bad at all", "never come here again"] * 4, "ok": [1, 0] * 4}
        >>> from retroprop.data import raw_table
        >>> cells["text"] = [f"{text} {place}" for place, text in enumerate(cells["text"])]
        >>> looks_like_texts(raw_table(cells), None)
        'the column "text" holds sentences and "ok" few distinct values'
    """
    texts = [name for name, column in raw.columns.items() if running(column)]
    if len(texts) != 1 or target == texts[0]:
        return ""
    text = texts[0]
    label, _ = _label_column(raw, target if target in raw.columns else None, text)
    if label is None or len(raw.columns) > 2 + _MOST_OTHERS:
        return ""
    if not _few(raw.columns[label], 1):  # the first rows of a sorted file are of one class
        return ""
    sizes = {name: _characters(column) for name, column in raw.columns.items()}
    if sizes[text] < 0.5 * sum(sizes.values()):
        return ""
    return f'the column "{text}" holds sentences and "{label}" few distinct values'


def _characters(column: RawColumn) -> int:
    plain = column.as_text()
    lengths = np.array([len(text) for text in plain.texts])
    return int(lengths[plain.codes].sum())


def cells(column: RawColumn) -> list[Any]:
    """The cells of a column as text, "" where there is none."""
    plain = column.as_text()
    return [plain.texts[code] for code in plain.codes]

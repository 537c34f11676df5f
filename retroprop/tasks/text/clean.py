"""What is left of texts before they are split: no empty ones, no repeats, classes that are some."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from retroprop.data.split import split
from retroprop.errors import DataError
from retroprop.tasks.text.source import Found

__all__ = ["cleaned", "indices", "limited", "uneven"]

_MOST_CLASSES = 20
_UNEVEN = 4.0  # the largest class against the smallest, from where on classes are weighted
_ORDER = {"test": 0, "validation": 1}  # a text that repeats is kept where it is measured


def cleaned(found: Found) -> Found:
    """The texts that can be learned from, with notes on the others.

    Raises:
        DataError: no texts, one class, or a column that does not hold classes.

    Example:
        >>> found = Found(["good", "bad", "", "good"], ["1", "0", "1", "1"], range(4))
        >>> kept = cleaned(found)
        >>> kept.texts, kept.notes
        (['good', 'bad'], ['1 empty text is left out', '1 repeated text is left out'])
    """
    found = _without(found, [not text.strip() for text in found.texts], "empty text")
    bare = [not label for label in found.labels]
    found = _without(found, bare, f'text without a value of "{found.target}"')
    if not len(found):
        raise DataError("no texts with a class", file=found.source)
    _check_classes(found)
    return _without_repeats(found)


def _without(found: Found, unwanted: list[bool], what: str) -> Found:
    count = sum(unwanted)
    if not count:
        return found
    found.notes.append(_left_out(count, what))
    return found.take(k for k, each in enumerate(unwanted) if not each)


def _left_out(count: int, what: str) -> str:
    if count == 1:
        return f"1 {what} is left out"
    return f"{count} {what.replace('text', 'texts', 1)} are left out"


def _check_classes(found: Found) -> None:
    counts = Counter(found.labels)
    place: dict[str, Any] = {"file": found.source, "column": found.target}
    if len(counts) == 1:
        raise DataError(f"a single class ({next(iter(counts))}): nothing to tell apart", **place)
    if len(counts) > max(_MOST_CLASSES, len(found) // 4) or len(counts) == len(found) > 2:
        raise DataError(
            f"{len(counts)} distinct values in {len(found)} rows: these are no classes",
            **place,
            fix="name the column with the classes: --target NAME",
        )
    trained = {
        label for label, part in zip(found.labels, found.parts, strict=True) if part not in _ORDER
    }
    missing = sorted(set(counts) - trained)
    if missing:
        raise DataError(f"classes without texts to train on: {', '.join(missing[:10])}", **place)


def _without_repeats(found: Found) -> Found:
    """Each text once: where it is tested, else where it comes first."""
    first: dict[str, int] = {}
    order = sorted(range(len(found)), key=lambda k: _ORDER.get(found.parts[k], 2))
    torn = 0
    for k in order:
        kept = first.setdefault(" ".join(found.texts[k].split()), k)
        torn += found.labels[kept] != found.labels[k]
    repeats = len(found) - len(first)
    if not repeats:
        return found
    found.notes.append(_left_out(repeats, "repeated text"))
    if torn:
        found.notes.append(f"{torn} of them stood in another class than the one that is kept")
    return found.take(sorted(first.values()))


def limited(found: Found, limit: int | None, seed: int) -> Found:
    """At most so many texts, drawn with the classes in their shares."""
    if limit is None or limit >= len(found):
        return found
    share = limit / len(found)
    chosen = split(len(found), (share, 1 - share), seed, stratify=np.array(found.labels))[0]
    found.notes.append(f"{len(chosen)} of {len(found)} texts are used (limit={limit})")
    return found.take(chosen.tolist())


def uneven(found: Found) -> str:
    """How uneven the classes are, in words; "" where that does not matter.

    Example:
        >>> uneven(Found([], ["a"] * 9 + ["b"], []))
        'classes are uneven: a 90%, b 10%'
    """
    counts = Counter(found.labels).most_common()
    if counts[0][1] < _UNEVEN * counts[-1][1]:
        return ""
    total = len(found.labels)
    shares = [f"{name} {count / total:.0%}" for name, count in counts]
    shown = shares if len(shares) <= 5 else [*shares[:2], "...", *shares[-2:]]
    return f"classes are uneven: {', '.join(shown)}"


def indices(found: Found, classes: list[str]) -> Any:
    """(texts,) int64 class of each text.

    Raises:
        DataError: a class that training did not have, by row.
    """
    index = {name: k for k, name in enumerate(classes)}
    strange = next((k for k, name in enumerate(found.labels) if name not in index), None)
    if strange is not None:
        where = found.ids[strange]
        raise DataError(
            f"class {found.labels[strange][:40]!r} was not there in training; "
            f"the classes are {', '.join(classes[:20])}",
            file=found.source,
            row=where if isinstance(where, int) else None,
            column=found.target,
        )
    return np.array([index[name] for name in found.labels], np.int64)

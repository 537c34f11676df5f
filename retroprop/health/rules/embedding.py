"""Tables most of whose rows are never looked up."""

from __future__ import annotations

from collections.abc import Iterator

from retroprop.health.finding import Finding
from retroprop.health.history import History

__all__ = ["embedding_rows_unused"]

_UNUSED = 0.5  # of the rows
_LOOKUPS = 20  # for each row that there is, before one counts as unused


def embedding_rows_unused(history: History) -> Iterator[Finding]:
    """More than half of the rows of a table were not looked up at any event.

    Words are rare by nature: with frequencies as 1/rank, 72 % of ten thousand words are missed when
    there is one lookup for each on average, 14 % with ten, 4 % with twenty: the rule asks for that.

    Source: Zipf 1949, "Human behavior and the principle of least effort".
    """
    for name in history.names("table"):
        seen = history.visited.get(name)
        if seen is None:
            continue
        lookups = len(history) * next(
            site.units for site in history.sites if site.kind == "table" and site.name == name
        )
        unused = 1.0 - float(seen.mean())
        if unused <= _UNUSED or lookups < _LOOKUPS * len(seen):
            continue
        used = int(seen.sum())
        yield Finding(
            "embedding_rows_unused",
            f"{unused:.0%} of the {len(seen)} rows of {name} were never looked up in {lookups} "
            "lookups",
            "the table is larger than the vocabulary of the data, or the data is read in part",
            f"nn.Embedding({used}, ...) with words numbered by frequency, or shared rare words",
            0.1,
            history.events[-1],
            (name,),
            ({"vocabulary": used},),
            {"unused": unused, "rows": len(seen), "lookups": lookups},
        )

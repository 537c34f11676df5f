"""The op records: what exists, one file per family. `catalog` holds the frozen table.

An op called on arrays computes at once with its NumPy reference; called on a Tensor it asks the
Tensor, which runs it and, where a gradient may be asked for, puts it on the tape.
"""

from __future__ import annotations

from typing import Any

from retroprop.ops.catalog import catalog

__all__ = ["catalog"]


def __getattr__(name: str) -> Any:
    try:
        return catalog[name]
    except KeyError:
        raise AttributeError(f"retroprop.ops has no op {name!r}") from None

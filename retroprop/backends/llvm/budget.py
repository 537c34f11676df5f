"""Keeping a program within so much memory, by computing some values twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from retroprop.errors import ArgumentError, RetropropError
from retroprop.passes.recompute import plans, recompute

if TYPE_CHECKING:
    from retroprop.ir import Graph

__all__ = ["size_of", "within"]

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def size_of(given: str | int) -> int:
    """A number of bytes, from one or from "512MB", "1.5 GiB", ...

    Raises:
        ArgumentError: it is neither.

    Example:
        >>> size_of("1.5 kB"), size_of("1MiB"), size_of(7)
        (1500, 1048576, 7)
    """
    if isinstance(given, int) and not isinstance(given, bool) and given > 0:
        return given
    found = (
        re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([A-Za-z]*)\s*", given)
        if isinstance(given, str)
        else None
    )
    if found is None or found[2].upper() not in _UNITS or not float(found[1]):
        raise ArgumentError(
            f"memory={given!r} is no size", fix='give bytes, or a text such as "512MB" or "2GiB"'
        )
    return int(float(found[1]) * _UNITS[found[2].upper()])


def within(graph: Graph, budget: int, peak_of: Callable[[Graph], int]) -> Graph:
    """The graph, with as little computed twice as keeps its working memory within a budget.

    Args:
        budget:  bytes.
        peak_of: the working memory that a graph needs when compiled.

    Raises:
        RetropropError: no plan needs so little; says how little is possible.
    """
    peak = least = peak_of(graph)
    if peak <= budget:
        return graph
    for let_go in plans(graph):
        candidate = recompute(graph, let_go)
        need = peak_of(candidate)
        if need <= budget:
            return candidate
        least = min(least, need)
    raise RetropropError(
        f"the step needs {peak / 1e6:.1f} MB of working memory, {least / 1e6:.1f} MB if much is "
        f"computed twice: it does not fit into {budget / 1e6:.1f} MB",
        fix="use smaller batches and accumulate gradients, or allow more memory",
    )

"""Where forecasts are made: origins of some series."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from retroprop.tasks.series.panel import Track

__all__ = ["Windows", "joined", "longer"]

Array = np.ndarray[Any, Any]


class Windows:
    """Where forecasts are made: origins of some series.

    Attributes:
        pairs: (series, (origins,) index of the first step that is forecast).

    Example:
        >>> len(Windows([]))
        0
    """

    def __init__(self, pairs: list[tuple[Track, Array]]) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return sum(len(at) for _, at in self.pairs)

    def thinned(self, most: int) -> Windows:
        """At most so many, evenly over time."""
        every = -(-len(self) // most) if len(self) else 1
        return Windows([(track, at[::-1][::every][::-1]) for track, at in self.pairs])


def longer(track: Track, steps: int) -> Track:
    """The series with unknown values after its end, for outcomes that are still to come."""
    extra = np.full(steps, math.nan)
    return replace(
        track,
        values=np.concatenate([track.values, extra]),
        known=np.concatenate([track.known, np.zeros(steps, bool)]),
    )


def joined(made: list[dict[str, Array]]) -> dict[str, Array]:
    """Inputs of several series, one after the other.

    Example:
        >>> joined([{"a": np.ones(2)}, {"a": np.zeros(1)}])["a"].tolist()
        [1.0, 1.0, 0.0]
    """
    return {name: np.concatenate([each[name] for each in made]) for name in made[0]}

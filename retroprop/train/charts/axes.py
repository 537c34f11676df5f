"""Axes: round numbers to put beside them, and where each value lies."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence

__all__ = ["SMALLEST", "Scale", "bounds", "label_ticks", "linear_ticks", "log_ticks", "readable"]

SMALLEST = sys.float_info.min  # on a logarithmic axis; numbers below have few digits
_LARGEST = sys.float_info.max


class Scale:
    """Maps values to pixels, linearly or by their logarithm.

    Args:
        low, high:  values at the ends, low < high; both > 0 for a logarithmic scale.
        start, end: pixels at the ends.
        log:        whether equal ratios take equal room.

    Example:
        >>> Scale(1, 100, 0, 200, log=True)(10)
        100.0
    """

    def __init__(
        self, low: float, high: float, start: float, end: float, *, log: bool = False
    ) -> None:
        self.low, self.high, self.start, self.end, self.log = low, high, start, end, log

    def __call__(self, value: float) -> float:
        if self.log:
            first = math.log(self.low)  # differences: a ratio of two floats may overflow
            share = (math.log(value) - first) / (math.log(self.high) - first)
        else:
            # Divided first: the width of the axis may be more than a float holds.
            share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return self.start + share * (self.end - self.start)

    def ticks(self, count: int = 5, *, whole: bool = False) -> list[float]:
        """About `count` round values on the axis."""
        if self.log:
            return log_ticks(self.low, self.high)
        return linear_ticks(self.low, self.high, count, whole=whole)


def bounds(
    values: Iterable[float], *, log: bool = False, margin: float = 0.05
) -> tuple[float, float] | None:
    """The ends of an axis that shows all finite `values`, with some margin; None without any.

    Example:
        >>> bounds([0.0, 1.0, float("nan")])
        (-0.05, 1.05)
    """
    shown = [v for v in values if math.isfinite(v) and (v >= SMALLEST or not log)]
    if not shown:
        return None
    low, high = min(shown), max(shown)
    if log:
        room = max(math.exp(margin * (math.log(high) - math.log(low))), 1.05)
        return max(low / room, 5e-324), min(high * room, _LARGEST)
    room = margin * (high / 2 - low / 2) * 2 or abs(low) * margin or 1.0
    return max(low - room, -_LARGEST), min(high + room, _LARGEST)


def linear_ticks(low: float, high: float, count: int = 5, *, whole: bool = False) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten between `low` and `high`, about `count`.

    Example:
        >>> linear_ticks(0.03, 1.02)
        [0.2, 0.4, 0.6, 0.8, 1.0]
        >>> linear_ticks(0.9, 3.1, whole=True)
        [1.0, 2.0, 3.0]
    """
    rough = (high / count) - (low / count)
    power = math.floor(math.log10(rough)) if rough > 0 else 0
    step = 10.0**power * next(m for m in (1, 2, 5, 10) if 10.0**power * m >= rough * 0.999)
    if whole:
        step = max(step, 1.0)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # From text: 3 * 0.1 is not 0.3, but "3e-1" is.
    mantissa, exponent = f"{step:.0e}".split("e")
    return [float(f"{i * int(mantissa)}e{exponent}") for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 times them where there are few, between `low` and `high`.

    Example:
        >>> log_ticks(0.5, 30)
        [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    """
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    decades = last - first
    factors = (1, 2, 5) if decades <= 2 else (1,)
    every = max(1, -(-decades // 6))
    powers = [power for power in range(first, last + 1) if power % every == 0]
    values = [float(f"{factor}e{power}") for power in powers for factor in factors]
    ticks = [v for v in values if v > 0 and low * (1 - 1e-9) <= v <= high * (1 + 1e-9)]
    return ticks if len(ticks) > 1 else linear_ticks(low, high, 4)


def label_ticks(ticks: Sequence[float]) -> list[str]:
    """The ticks as short texts, all of one kind.

    Example:
        >>> label_ticks([0.0, 0.5, 1.0])
        ['0', '0.5', '1']
        >>> label_ticks([0.0, 20000.0, 40000.0])
        ['0', '20k', '40k']
        >>> label_ticks([1e-5, 1e-4, 1e-3])
        ['1e-5', '1e-4', '1e-3']
    """
    largest = max((abs(tick) for tick in ticks), default=0.0)
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if limit <= largest < 1e12:
            size = 1e3 if unit == "k" else limit
            return [f"{tick / size:.6g}{unit}" if tick else "0" for tick in ticks]
    texts = [f"{tick:.6g}" for tick in ticks]
    return [_scientific(tick) for tick in ticks] if "e" in "".join(texts) else texts


def readable(value: float) -> str:
    """A number for people: three digits that count, thousands set apart.

    Example:
        >>> [readable(value) for value in (0.012345, 1.5, 48210.3, 1e-7, 3e20, float("nan"))]
        ['0.0123', '1.5', '48,210', '1e-07', '3e+20', 'nan']
    """
    size = abs(value)
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    return f"{value:,.0f}" if 99.95 <= size < 1e15 else f"{value:.3g}"


def _scientific(tick: float) -> str:
    mantissa, exponent = f"{tick:.5e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}" if tick else "0"

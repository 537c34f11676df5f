"""Functions that are also methods of Tensor, because people write them behind a dot."""

from __future__ import annotations

from retroprop.array import manipulation, statistics
from retroprop.core.tensor import Tensor

__all__: list[str] = []

_METHODS = (
    *(getattr(statistics, name) for name in ("sum", "prod", "mean", "var", "std", "clip", "diff")),
    *(getattr(statistics, name) for name in ("cumulative_sum", "cumulative_prod")),
    *(getattr(manipulation, name) for name in ("squeeze", "expand_dims", "flatten", "moveaxis")),
    *(getattr(manipulation, name) for name in ("swapaxes", "roll", "repeat", "tile", "unstack")),
)


def _reduction(function: object) -> object:
    """A reduction as a method takes its axis by position too: x.sum(0)."""

    def method(self: Tensor, axis: object = None, **options: object) -> object:
        return function(self, axis=axis, **options)  # type: ignore[operator]

    method.__doc__ = function.__doc__
    method.__name__ = function.__name__  # type: ignore[attr-defined]
    return method


def _install() -> None:
    for function in _METHODS:
        by_axis = function.__name__ in ("sum", "prod", "mean", "var", "std")
        setattr(Tensor, function.__name__, _reduction(function) if by_axis else function)


_install()

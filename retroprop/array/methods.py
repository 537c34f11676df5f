"""Functions that are also methods of Tensor, because people write them behind a dot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from retroprop.array import manipulation, statistics
from retroprop.core.tensor import Tensor
from retroprop.ops.movement import permute_dims

__all__: list[str] = []

_REDUCTIONS = ("sum", "prod", "mean", "var", "std")
_STATISTICS = ("clip", "cumulative_prod", "cumulative_sum", "diff")
_MANIPULATIONS = (
    *("expand_dims", "flatten", "moveaxis", "repeat", "roll", "squeeze"),
    *("swapaxes", "tile", "unstack"),
)


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction as a method takes its axis by position too: x.sum(0)."""

    def method(self: Tensor, axis: Any = None, **options: Any) -> Any:
        return function(self, axis=axis, **options)

    return method


def _sizes(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method that takes sizes one by one or together: x.reshape(2, -1), x.reshape((2, -1))."""

    def method(self: Tensor, *sizes: Any, **options: Any) -> Any:
        if not sizes:
            return function(self, **options)
        together = len(sizes) == 1 and isinstance(sizes[0], Sequence)
        return function(self, tuple(sizes[0]) if together else sizes, **options)

    return method


def _install() -> None:
    table: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
        "reshape": (_sizes(manipulation.reshape), manipulation.reshape),
        "permute_dims": (_sizes(permute_dims), permute_dims),
    }
    for name in _REDUCTIONS:
        function = getattr(statistics, name)
        table[name] = (_reduction(function), function)
    for module, names in ((statistics, _STATISTICS), (manipulation, _MANIPULATIONS)):
        table.update((name, (getattr(module, name),) * 2) for name in names)
    for name, (method, documented) in table.items():
        method.__name__, method.__doc__ = name, documented.__doc__
        setattr(Tensor, name, method)


_install()

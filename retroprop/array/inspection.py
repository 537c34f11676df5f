"""What the namespace can tell about itself: promotion, casting, capabilities."""

from __future__ import annotations

from typing import Any

from retroprop import dtypes
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError

__all__ = ["__array_namespace_info__", "can_cast", "result_type"]


def result_type(*arrays_and_dtypes: Any) -> Any:
    """The dtype in which these tensors, dtypes and Python scalars are combined.

    Example:
        >>> result_type(dtypes.int64, dtypes.float32, 2.5)
        dtype('float32')
    """
    scalars = [a for a in arrays_and_dtypes if type(a) in (bool, int, float, complex)]
    strong = [
        dtypes.canonical(getattr(a, "dtype", a))
        for a in arrays_and_dtypes
        if type(a) not in (bool, int, float, complex)
    ]
    if not strong:
        raise ArgumentError("result_type: give at least one tensor or dtype")
    result = dtypes.promote(*strong)
    for scalar in scalars:
        result = dtypes.promote(result, dtypes.scalar_type(scalar, result))
    return result


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether promotion alone leads from a dtype (or a tensor's) to another.

    Example:
        >>> can_cast(dtypes.int32, dtypes.int64), can_cast(dtypes.float64, dtypes.float32)
        (True, False)
    """
    source = from_.dtype if isinstance(from_, Tensor) else dtypes.canonical(from_)
    target = dtypes.canonical(to)
    return bool(dtypes.promote(source, target) == target)


_ALL = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "complex64", "complex128"),
)


class _Info:
    """Capabilities, default dtypes and devices, as the Array API asks for them."""

    def capabilities(self) -> dict[str, Any]:
        """What the standard leaves open: boolean indexing works, shapes may depend on data."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """The CPU."""
        return "cpu"

    def devices(self) -> list[str]:
        """The CPU alone."""
        return ["cpu"]

    def default_dtypes(self, *, device: str | None = None) -> dict[str, Any]:
        """The dtypes that creation functions choose."""
        return {
            "real floating": dtypes.float32,
            "complex floating": dtypes.complex64,
            "integral": dtypes.int64,
            "indexing": dtypes.int64,
        }

    def dtypes(self, *, device: str | None = None, kind: Any = None) -> dict[str, Any]:
        """Every dtype by name, or those of a kind."""
        table = {name: dtypes.canonical(name) for name in _ALL}
        if kind is None:
            return table
        return {name: d for name, d in table.items() if dtypes.isdtype(d, kind)}


def __array_namespace_info__() -> Any:
    """Capabilities, default dtypes and devices of this namespace.

    Example:
        >>> __array_namespace_info__().default_device()
        'cpu'
    """
    return _Info()

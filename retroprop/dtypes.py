"""Data types are NumPy's own dtype objects; this file holds their kinds and how they promote.

Promotion follows the Python Array API standard 2024.12, extended where it is silent:
    integer tensor + float tensor     -> the float's type (int64 + float32 is float32, never
    float64) bool tensor + any other           -> the other
    float16 + bfloat16                -> float32
    uint64 + a signed integer         -> an error: no integer type holds both
Python scalars are weak: they take the tensor's type, or its nearest type of their own kind.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from retroprop.errors import DTypeError, MissingDependencyError, unknown

__all__ = [
    "bool",
    "canonical",
    "complex64",
    "complex128",
    "default_float",
    "finfo",
    "float16",
    "float32",
    "float64",
    "iinfo",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_complex",
    "is_floating",
    "is_inexact",
    "is_integer",
    "isdtype",
    "kind",
    "promote",
    "scalar_type",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]

DType = np.dtype[Any]
_truth = bool

int8, int16, int32, int64 = (np.dtype(f"int{n}") for n in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (np.dtype(f"uint{n}") for n in (8, 16, 32, 64))
float16, float32, float64 = (np.dtype(f"float{n}") for n in (16, 32, 64))
complex64, complex128 = np.dtype("complex64"), np.dtype("complex128")
bool = np.dtype("bool")
default_float = float32
default_int = int64

_KINDS = {"b": "bool", "i": "signed integer", "u": "unsigned integer", "f": "real floating"}
_PYTHON = {_truth: bool, int: int64, float: float32, complex: complex64}


@lru_cache(maxsize=64)
def kind(dtype: DType) -> str:
    """The Array API kind of a dtype: "bool", "signed integer", ..., "complex floating".

    Example:
        >>> kind(float32), kind(uint8)
        ('real floating', 'unsigned integer')
    """
    if dtype.kind == "c":
        return "complex floating"
    if dtype.name in ("bfloat16", "float16"):
        return "real floating"
    if dtype.kind in _KINDS:
        return _KINDS[dtype.kind]
    raise DTypeError(
        f"dtype {dtype} is not a number type",
        fix="use numbers: encode text as integers, drop object arrays",
    )


def is_floating(dtype: DType) -> _truth:
    """True for real floating types, those that carry gradients."""
    return kind(dtype) == "real floating"


def is_complex(dtype: DType) -> _truth:
    """True for complex64 and complex128 (forward only)."""
    return dtype.kind == "c"


def is_inexact(dtype: DType) -> _truth:
    """True for real and complex floating types."""
    return kind(dtype) in ("real floating", "complex floating")


def is_integer(dtype: DType) -> _truth:
    """True for signed and unsigned integers, not for bool."""
    return dtype.kind in "iu"


def canonical(dtype: Any) -> DType:
    """The dtype object for a dtype, a name ("float32") or a Python type (float is float32).

    Example:
        >>> canonical("float64"), canonical(float), canonical(int)
        (dtype('float64'), dtype('float32'), dtype('int64'))
    """
    if isinstance(dtype, np.dtype):
        return dtype
    if dtype in _PYTHON:
        return _PYTHON[dtype]
    if dtype == "bfloat16":
        return bfloat16()
    try:
        found: DType = np.dtype(dtype)
    except TypeError:
        raise DTypeError(f"{dtype!r} is not a dtype", fix='write rp.float32 or "float32"') from None
    kind(found)
    return found


def bfloat16() -> DType:
    """The bfloat16 dtype, which the optional package ml_dtypes provides."""
    try:
        import ml_dtypes  # noqa: PLC0415  optional, loaded only when asked for
    except ImportError:
        raise MissingDependencyError("ml_dtypes", "half", "bfloat16") from None
    found: DType = np.dtype(ml_dtypes.bfloat16)
    return found


def isdtype(dtype: Any, kind: Any) -> _truth:
    """Whether a dtype is of a kind, as in the Array API.

    Args:
        dtype: a dtype.
        kind:  a dtype; one of "bool", "signed integer", "unsigned integer", "integral",
               "real floating", "complex floating", "numeric"; or a tuple of these.

    Example:
        >>> isdtype(float32, "real floating"), isdtype(int8, ("bool", "integral"))
        (True, True)
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if not isinstance(kind, str):
        return canonical(dtype) == canonical(kind)
    known = {*_KINDS.values(), "complex floating", *_GROUPS}
    if kind not in known:
        raise unknown("dtype kind", kind, known)
    return _kind(canonical(dtype)) in _GROUPS.get(kind, (kind,))


_kind = kind
_GROUPS = {
    "integral": ("signed integer", "unsigned integer"),
    "numeric": ("signed integer", "unsigned integer", "real floating", "complex floating"),
}


@lru_cache(maxsize=1024)
def promote(*dtypes: DType) -> DType:
    """The type in which tensors of these types are combined.

    Raises:
        DTypeError: "no integer type holds both uint64 and int64".

    Example:
        >>> promote(int64, float32), promote(float32, float64)
        (dtype('float32'), dtype('float64'))
    """
    result = dtypes[0]
    for dtype in dtypes[1:]:
        result = _promote_two(result, dtype)
    return result


def _promote_two(a: DType, b: DType) -> DType:
    if a == b:
        return a
    for one, other in ((a, b), (b, a)):
        if one == bool:
            return other
        if is_integer(one) and is_inexact(other):
            return other
    if {a.name, b.name} == {"float16", "bfloat16"}:
        return float32
    result = np.promote_types(a, b)
    if is_integer(a) and is_integer(b) and not is_integer(result):
        raise DTypeError(
            f"no integer type holds both {a} and {b}",
            fix=f"convert one of them first: rp.astype(x, rp.{b if b.kind == 'i' else a})",
        )
    return result


def scalar_type(scalar: object, dtype: DType) -> DType:
    """The type a Python scalar takes beside a tensor of type `dtype`.

    Example:
        >>> scalar_type(2, float64), scalar_type(0.5, int64)
        (dtype('float64'), dtype('float32'))
    """
    if isinstance(scalar, _truth):
        return dtype
    if isinstance(scalar, int):
        return default_int if dtype == bool else dtype
    if isinstance(scalar, float):
        return dtype if is_inexact(dtype) else default_float
    if is_complex(dtype):
        return dtype
    return complex128 if dtype == float64 else complex64


class _Info:
    """Numerical limits of one dtype; `bits, eps, max, min, smallest_normal, dtype`."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __repr__(self) -> str:
        return f"info({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


def finfo(dtype: Any) -> Any:
    """Limits of a floating type: bits, eps, max, min, smallest_normal, dtype.

    Example:
        >>> finfo(float32).bits
        32
    """
    dtype = canonical(getattr(dtype, "dtype", dtype))
    if not is_inexact(dtype):
        raise DTypeError(f"finfo: {dtype} is not a floating type", fix="use rp.iinfo for integers")
    if dtype.name == "bfloat16":
        import ml_dtypes  # noqa: PLC0415

        info: Any = ml_dtypes.finfo(dtype)
    else:
        info = np.finfo(dtype)
    limits = {n: float(getattr(info, n)) for n in ("eps", "max", "min", "smallest_normal")}
    real = {complex64: float32, complex128: float64}.get(dtype, dtype)
    return _Info(bits=int(info.bits), **limits, dtype=real)


def iinfo(dtype: Any) -> Any:
    """Limits of an integer type: bits, max, min, dtype.

    Example:
        >>> iinfo(int8).max
        127
    """
    dtype = canonical(getattr(dtype, "dtype", dtype))
    if not is_integer(dtype):
        raise DTypeError(f"iinfo: {dtype} is not an integer type", fix="use rp.finfo for floats")
    info = np.iinfo(dtype)
    return _Info(bits=info.bits, max=int(info.max), min=int(info.min), dtype=dtype)

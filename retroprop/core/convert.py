"""From whatever Python holds numbers in to arrays of a number type."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.errors import ShapeError

__all__ = ["as_array"]

Array = np.ndarray[Any, Any]


def as_array(data: Any, dtype: Any = None) -> Array:
    """An array of a number type; Python floats become float32, ints int64, Tensors lend theirs.

    Raises:
        DTypeError: text, objects, or another type that is no number.
        ShapeError: nested lists of unequal lengths.

    Example:
        >>> as_array([1.5, 2]).dtype, as_array(np.float64(1.5)).dtype
        (dtype('float32'), dtype('float64'))
    """
    array = _lent(data)
    if array is None:
        array = _from_python(data)
        if dtype is None and array.dtype.kind in "fc" and not hasattr(data, "__array__"):
            dtype = dtypes.float32 if array.dtype.kind == "f" else dtypes.complex64
    dtypes.kind(array.dtype)
    dtype = array.dtype if dtype is None else dtypes.canonical(dtype)
    return array if array.dtype == dtype else array.astype(dtype)


def _lent(data: Any) -> Array | None:
    """The array of a Tensor (known by its dispatch) or NumPy object; None for anything else."""
    if isinstance(data, np.ndarray | np.generic):
        return np.asarray(data)
    if not hasattr(type(data), "__op__"):
        return None
    return getattr(data, "_array", data)  # a Tensor's, or the symbol of a trace itself


def _from_python(data: Any) -> Array:
    """Lists of numbers and Tensors, or anything NumPy reads."""
    if isinstance(data, list | tuple) and any(_lent(item) is not None for item in data):
        data = [item if (lent := _lent(item)) is None else lent for item in data]
    try:
        return np.asarray(data)
    except ValueError as error:
        raise ShapeError(f"no tensor can be made of this: {error}") from None

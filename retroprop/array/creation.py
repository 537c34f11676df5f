"""Making tensors: from data, filled, counted, and triangles of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes, ops
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError

__all__ = [
    "arange",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "linspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tensor",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]

Shape = int | tuple[int, ...]


def asarray(
    obj: Any, /, *, dtype: Any = None, device: str | None = None, copy: bool | None = None
) -> Tensor:
    """A Tensor of anything array-like: numbers, nested lists, NumPy arrays, Tensors.

    Python floats become float32 and ints int64; arrays keep their dtype and share memory when they
    can.

    Args:
        obj:   what to convert; a Tensor is returned as it is unless dtype or copy ask for more.
        dtype: type of the result.
        copy:  True always copies; False raises an ArgumentError where a copy is needed.

    Example:
        >>> asarray([[1.0, 2.0]]).dtype
        dtype('float32')
    """
    check_device(device)
    dtype = None if dtype is None else dtypes.canonical(dtype)
    if isinstance(obj, Tensor):
        if dtype is None or dtype == obj.dtype:
            return obj.clone() if copy else obj
        if copy is False:
            raise ArgumentError(f"asarray: {obj.dtype} to {dtype} needs a copy, and copy=False")
        return obj.astype(dtype)
    made = Tensor(obj, dtype)
    shares = isinstance(obj, np.ndarray) and np.shares_memory(made._array, obj)
    if copy is False and not shares:
        raise ArgumentError(f"asarray: {type(obj).__name__} needs a copy, and copy=False")
    return Tensor(made._array.copy()) if copy and shares else made


def tensor(data: Any, dtype: Any = None, *, requires_grad: bool = False) -> Tensor:
    """A new Tensor that owns a copy of the data.

    Example:
        >>> tensor([1.0, 2.0], requires_grad=True)
        tensor([1., 2.], requires_grad=True)
    """
    source = data.detach() if isinstance(data, Tensor) else data
    return Tensor(Tensor(source, dtype)._array.copy(), requires_grad=requires_grad)


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A Tensor that shares memory with another library's array, through DLPack.

    Example:
        >>> import numpy as np
        >>> from_dlpack(np.ones(2, dtype=np.float32))
        tensor([1., 1.])
    """
    check_device(device)
    array = np.from_dlpack(x)
    return Tensor(array.copy() if copy else array)


def check_device(device: str | None) -> None:
    """The eager engine lives on the CPU alone."""
    if device not in (None, "cpu"):
        raise ArgumentError(f"no device {device!r}: this engine runs on the cpu")


def _filled(
    shape: Shape, value: Any, dtype: Any, device: str | None, requires_grad: bool
) -> Tensor:
    check_device(device)
    sizes = (shape,) if not isinstance(shape, tuple | list) else tuple(shape)
    if any(not hasattr(n, "__index__") or n.__index__() < 0 for n in sizes):
        raise ShapeError(f"{shape!r} is not a shape", fix="give non-negative integers")
    array = np.full(tuple(n.__index__() for n in sizes), value, dtypes.canonical(dtype))
    return Tensor(array, requires_grad=requires_grad)


def zeros(
    shape: Shape, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of zeros, float32 unless a dtype is given.

    Example:
        >>> zeros((1, 2))
        tensor([[0., 0.]])
    """
    return _filled(
        shape, 0, dtypes.default_float if dtype is None else dtype, device, requires_grad
    )


def ones(
    shape: Shape, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of ones, float32 unless a dtype is given.

    Example:
        >>> ones(2)
        tensor([1., 1.])
    """
    return _filled(
        shape, 1, dtypes.default_float if dtype is None else dtype, device, requires_grad
    )


def empty(
    shape: Shape, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor to be overwritten; it holds zeros, so that nothing depends on stale memory.

    Example:
        >>> empty((2, 0)).shape
        (2, 0)
    """
    return zeros(shape, dtype=dtype, device=device, requires_grad=requires_grad)


def full(
    shape: Shape,
    fill_value: bool | complex,
    *,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of one value, whose Python type gives the dtype unless one is given.

    Example:
        >>> full(2, 3.5), full(2, 7).dtype
        (tensor([3.5, 3.5]), dtype('int64'))
    """
    dtype = type(fill_value) if dtype is None else dtype
    return _filled(shape, fill_value, dtype, device, requires_grad)


def zeros_like(x: Tensor, /, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Zeros of the shape and dtype of x.

    Example:
        >>> zeros_like(asarray([1, 2]))
        tensor([0, 0])
    """
    return zeros(x.shape, dtype=x.dtype if dtype is None else dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Ones of the shape and dtype of x.

    Example:
        >>> ones_like(asarray([5, 6]))
        tensor([1, 1])
    """
    return ones(x.shape, dtype=x.dtype if dtype is None else dtype, device=device)


def empty_like(x: Tensor, /, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """A tensor to be overwritten, of the shape and dtype of x; it holds zeros.

    Example:
        >>> empty_like(asarray([1.5])).shape
        (1,)
    """
    return zeros_like(x, dtype=dtype, device=device)


def full_like(
    x: Tensor, /, fill_value: bool | complex, *, dtype: Any = None, device: str | None = None
) -> Tensor:
    """One value in the shape and dtype of x.

    Example:
        >>> full_like(asarray([1.5, 2.5]), 3)
        tensor([3., 3.])
    """
    return full(x.shape, fill_value, dtype=x.dtype if dtype is None else dtype, device=device)


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    device: str | None = None,
) -> Tensor:
    """Numbers from start (inclusive) to stop (exclusive); integers give int64, floats float32.

    Example:
        >>> arange(3), arange(1.0, 2.0, 0.5)
        (tensor([0, 1, 2]), tensor([1. , 1.5]))
    """
    check_device(device)
    start, stop = (0, start) if stop is None else (start, stop)
    if step == 0:
        raise ArgumentError("arange: step must not be 0")
    whole = all(isinstance(n, int | np.integer) for n in (start, stop, step))
    default = dtypes.default_int if whole else dtypes.default_float
    kind = default if dtype is None else dtypes.canonical(dtype)
    return Tensor(np.arange(start, stop, step).astype(kind))


def linspace(
    start: complex,
    stop: complex,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: str | None = None,
    endpoint: bool = True,
) -> Tensor:
    """`num` evenly spaced numbers from start to stop (the last one included when `endpoint`).

    Example:
        >>> linspace(0, 1, 3)
        tensor([0. , 0.5, 1. ])
    """
    check_device(device)
    if num < 0:
        raise ArgumentError(f"linspace: num must not be negative, it is {num}")
    values = np.linspace(start, stop, num, endpoint=endpoint)
    default = dtypes.complex64 if values.dtype.kind == "c" else dtypes.default_float
    return Tensor(values.astype(default if dtype is None else dtypes.canonical(dtype)))


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    device: str | None = None,
) -> Tensor:
    """A matrix with ones on diagonal k and zeros elsewhere.

    Example:
        >>> eye(2)
        tensor([[1., 0.],
                [0., 1.]])
    """
    check_device(device)
    kind = dtypes.default_float if dtype is None else dtypes.canonical(dtype)
    return Tensor(np.eye(n_rows, n_cols, k=k, dtype=kind))


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinate matrices from coordinate vectors ("xy" swaps the first two axes, "ij" does not).

    Example:
        >>> meshgrid(arange(2), arange(3), indexing="ij")[0].shape
        (2, 3)
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f'meshgrid: indexing must be "xy" or "ij", not {indexing!r}')
    swap = indexing == "xy" and len(arrays) > 1
    order = [1, 0, *range(2, len(arrays))] if swap else list(range(len(arrays)))
    sizes = tuple(arrays[i].size for i in order)
    grids = []
    for position, array in enumerate(arrays):
        shape = [1] * len(arrays)
        shape[order.index(position)] = array.size
        grids.append(ops.broadcast_to(ops.reshape(array, tuple(shape)), sizes))
    return tuple(grids)


def _triangle(x: Tensor, k: int, upper: bool) -> Tensor:
    if x.ndim < 2:
        raise ShapeError(f"{'triu' if upper else 'tril'}: needs at least two axes, got {x.ndim}")
    lower = np.tri(x.shape[-2], x.shape[-1], k - 1 if upper else k, dtype=bool)
    zero = zeros((), dtype=x.dtype)
    return ops.where(Tensor(~lower if upper else lower), x, zero)


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The matrices of x with everything above diagonal k set to zero.

    Example:
        >>> tril(ones((2, 2))).tolist()
        [[1.0, 0.0], [1.0, 1.0]]
    """
    return _triangle(x, k, upper=False)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The matrices of x with everything below diagonal k set to zero.

    Example:
        >>> triu(ones((2, 2))).tolist()
        [[1.0, 1.0], [0.0, 1.0]]
    """
    return _triangle(x, k, upper=True)

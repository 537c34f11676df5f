"""The namespace offers what the Python Array API standard 2024.12 lists, under its signatures.

Each row is a call with every argument the standard knows, positional-only ones by position; the
results are compared with NumPy in the mirrors of the families.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import RetropropError

X = rp.asarray([[1.0, 4.0, 2.0], [3.0, 0.5, 6.0]])
V = rp.asarray([3.0, 1.0, 2.0])
I = rp.asarray([[1, 2, 3], [4, 5, 6]])
B = rp.asarray([[True, False, True], [False, False, True]])
S = rp.asarray([[4.0, 1.0], [1.0, 3.0]])

NAMES = {
    "unary": "abs acos acosh asin asinh atan atanh ceil conj cos cosh exp expm1 floor isfinite "
    "isinf isnan log log1p log2 log10 negative positive reciprocal round sign signbit sin sinh "
    "square sqrt tan tanh trunc",
    "binary": "add atan2 copysign divide equal floor_divide greater greater_equal hypot less "
    "less_equal logaddexp maximum minimum multiply nextafter not_equal pow remainder subtract",
    "bitwise": "bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor",
    "logical": "logical_and logical_or logical_xor",
    "dtypes": "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 "
    "complex128",
}
UNARY, BINARY, BITWISE, LOGICAL, DTYPES = (names.split() for names in NAMES.values())
CONSTANTS = {"e": math.e, "inf": math.inf, "pi": math.pi}

CALLS = {
    "arange": lambda: rp.arange(1, stop=5, step=2, dtype=rp.int32, device=None),
    "asarray": lambda: rp.asarray([1], dtype=rp.int8, device=None, copy=None),
    "empty": lambda: rp.empty((2,), dtype=rp.int8, device=None),
    "empty_like": lambda: rp.empty_like(X, dtype=None, device=None),
    "eye": lambda: rp.eye(2, 3, k=1, dtype=None, device=None),
    "from_dlpack": lambda: rp.from_dlpack(np.ones(2), device=None, copy=None),
    "full": lambda: rp.full((2,), fill_value=1, dtype=None, device=None),
    "full_like": lambda: rp.full_like(X, fill_value=1, dtype=None, device=None),
    "linspace": lambda: rp.linspace(0, 1, num=3, dtype=None, device=None, endpoint=True),
    "meshgrid": lambda: rp.meshgrid(V, V, indexing="xy"),
    "ones": lambda: rp.ones((2,), dtype=None, device=None),
    "ones_like": lambda: rp.ones_like(X, dtype=None, device=None),
    "tril": lambda: rp.tril(X, k=0),
    "triu": lambda: rp.triu(X, k=0),
    "zeros": lambda: rp.zeros((2,), dtype=None, device=None),
    "zeros_like": lambda: rp.zeros_like(X, dtype=None, device=None),
    "astype": lambda: rp.astype(X, rp.float64, copy=True, device=None),
    "can_cast": lambda: rp.can_cast(rp.int8, rp.int16),
    "finfo": lambda: rp.finfo(rp.float32).smallest_normal,
    "iinfo": lambda: rp.iinfo(rp.int8).max,
    "isdtype": lambda: rp.isdtype(rp.int8, kind="integral"),
    "result_type": lambda: rp.result_type(X, rp.float64, 1),
    "broadcast_arrays": lambda: rp.broadcast_arrays(X, V),
    "broadcast_to": lambda: rp.broadcast_to(V, shape=(2, 3)),
    "concat": lambda: rp.concat([X, X], axis=0),
    "expand_dims": lambda: rp.expand_dims(X, axis=0),
    "flip": lambda: rp.flip(X, axis=None),
    "moveaxis": lambda: rp.moveaxis(X, 0, 1),
    "permute_dims": lambda: rp.permute_dims(X, axes=(1, 0)),
    "repeat": lambda: rp.repeat(X, 2, axis=0),
    "reshape": lambda: rp.reshape(X, shape=(3, 2), copy=None),
    "roll": lambda: rp.roll(X, shift=1, axis=0),
    "squeeze": lambda: rp.squeeze(rp.zeros((1, 2)), axis=0),
    "stack": lambda: rp.stack([X, X], axis=0),
    "tile": lambda: rp.tile(X, (2, 1)),
    "unstack": lambda: rp.unstack(X, axis=0),
    "take": lambda: rp.take(X, rp.asarray([1, 0]), axis=0),
    "take_along_axis": lambda: rp.take_along_axis(X, rp.argsort(X, axis=1), axis=1),
    "matmul": lambda: rp.matmul(X, rp.matrix_transpose(X)),
    "matrix_transpose": lambda: rp.matrix_transpose(X),
    "tensordot": lambda: rp.tensordot(X, X, axes=2),
    "vecdot": lambda: rp.vecdot(X, X, axis=-1),
    "argmax": lambda: rp.argmax(X, axis=None, keepdims=False),
    "argmin": lambda: rp.argmin(X, axis=0, keepdims=True),
    "count_nonzero": lambda: rp.count_nonzero(X, axis=None, keepdims=False),
    "nonzero": lambda: rp.nonzero(X),
    "searchsorted": lambda: rp.searchsorted(rp.sort(V), V, side="left", sorter=None),
    "where": lambda: rp.where(B, X, V),
    "unique_all": lambda: rp.unique_all(I).inverse_indices,
    "unique_counts": lambda: rp.unique_counts(I).counts,
    "unique_inverse": lambda: rp.unique_inverse(I).inverse_indices,
    "unique_values": lambda: rp.unique_values(I),
    "argsort": lambda: rp.argsort(X, axis=-1, descending=False, stable=True),
    "sort": lambda: rp.sort(X, axis=-1, descending=True, stable=True),
    "cumulative_prod": lambda: rp.cumulative_prod(X, axis=0, dtype=None, include_initial=False),
    "cumulative_sum": lambda: rp.cumulative_sum(X, axis=0, dtype=None, include_initial=True),
    "max": lambda: rp.max(X, axis=None, keepdims=False),
    "mean": lambda: rp.mean(X, axis=None, keepdims=False),
    "min": lambda: rp.min(X, axis=(0, 1), keepdims=False),
    "prod": lambda: rp.prod(X, axis=None, dtype=None, keepdims=False),
    "std": lambda: rp.std(X, axis=None, correction=0.0, keepdims=False),
    "sum": lambda: rp.sum(X, axis=None, dtype=None, keepdims=False),
    "var": lambda: rp.var(X, axis=None, correction=0.0, keepdims=False),
    "all": lambda: rp.all(B, axis=None, keepdims=False),
    "any": lambda: rp.any(B, axis=None, keepdims=False),
    "diff": lambda: rp.diff(V, axis=-1, n=1, prepend=None, append=None),
    "clip": lambda: rp.clip(X, min=0.0, max=1.0),
    "imag": lambda: rp.imag(rp.asarray([1j])),
    "real": lambda: rp.real(rp.asarray([1j])),
    "bitwise_invert": lambda: rp.bitwise_invert(I),
    "logical_not": lambda: rp.logical_not(B),
    "cholesky": lambda: rp.linalg.cholesky(S, upper=False),
    "cross": lambda: rp.linalg.cross(V, V, axis=-1),
    "det": lambda: rp.linalg.det(S),
    "diagonal": lambda: rp.linalg.diagonal(X, offset=1),
    "eigh": lambda: rp.linalg.eigh(S).eigenvectors,
    "eigvalsh": lambda: rp.linalg.eigvalsh(S),
    "inv": lambda: rp.linalg.inv(S),
    "linalg.matmul": lambda: rp.linalg.matmul(S, S),
    "matrix_norm": lambda: rp.linalg.matrix_norm(X, keepdims=False, ord="fro"),
    "matrix_power": lambda: rp.linalg.matrix_power(S, 2),
    "matrix_rank": lambda: rp.linalg.matrix_rank(X, rtol=None),
    "outer": lambda: rp.linalg.outer(V, V),
    "pinv": lambda: rp.linalg.pinv(X, rtol=None),
    "qr": lambda: rp.linalg.qr(X, mode="reduced").Q,
    "slogdet": lambda: rp.linalg.slogdet(S).logabsdet,
    "solve": lambda: rp.linalg.solve(S, S),
    "svd": lambda: rp.linalg.svd(X, full_matrices=False).Vh,
    "svdvals": lambda: rp.linalg.svdvals(X),
    "trace": lambda: rp.linalg.trace(S, offset=0, dtype=None),
    "vector_norm": lambda: rp.linalg.vector_norm(X, axis=None, keepdims=False, ord=2),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_standard_call_works(name):
    result = CALLS[name]()
    if isinstance(result, rp.Tensor):
        assert result.__array_namespace__(api_version="2024.12") is rp


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    x = rp.asarray([0.5]) if name != "acosh" else rp.asarray([1.5])
    ours = getattr(rp, name)(x)
    np.testing.assert_allclose(ours.numpy(), getattr(np, name)(x.numpy()), rtol=1e-6)


@pytest.mark.parametrize("name", BINARY + BITWISE + LOGICAL)
def test_binary(name):
    x, z = (I, I) if name in BITWISE else (B, B) if name in LOGICAL else (X, X + 1.0)
    ours = getattr(rp, name)(x, z).numpy()
    np.testing.assert_allclose(ours, getattr(np, name)(x.numpy(), z.numpy()), rtol=1e-6)


def test_constants_and_dtypes():
    for name, value in CONSTANTS.items():
        assert getattr(rp, name) == value
    assert math.isnan(rp.nan)
    assert rp.newaxis is None
    for name in DTYPES:
        assert getattr(rp, name) == np.dtype(name)


def test_operators_and_attributes_of_the_array_object():
    x, i, b = rp.asarray([7.0, 2.0]), rp.asarray([7, 2]), rp.asarray([True, False])
    assert (x // 2.0 % 2.0).tolist() == [1.0, 1.0]
    assert (2.0 ** rp.asarray([3.0])).tolist() == [8.0]
    assert ((i & 3) | (i ^ 1) << 1 >> 1).tolist() == [7, 3]
    assert (~b).tolist() == [False, True]
    assert (~i).tolist() == [-8, -3]
    assert abs(-x).tolist() == (+x).tolist()
    assert (S @ S).shape == (2, 2)
    y = S
    y @= S
    assert y.shape == (2, 2)
    for attribute in ("dtype", "device", "mT", "ndim", "shape", "size", "T"):
        assert hasattr(S, attribute)


def test_wrong_types_are_told_not_guessed():
    for call in (lambda: X & X, lambda: ~X, lambda: rp.sin(rp.asarray(["a"]))):
        with pytest.raises((RetropropError, TypeError)):
            call()

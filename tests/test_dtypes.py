"""Kinds, names and promotion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop import dtypes
from retroprop.errors import ArgumentError, DTypeError

NAMES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
NAMES += ["float16", "float32", "float64", "complex64", "complex128"]
ALL = st.sampled_from([np.dtype(name) for name in NAMES])


def common(*given_dtypes):
    try:
        return dtypes.promote(*given_dtypes)
    except DTypeError:
        return None


@given(ALL, ALL)
def test_promotion_does_not_depend_on_the_order(a, b):
    assert common(a, b) == common(b, a)


@given(ALL)
def test_promotion_with_itself_changes_nothing(a):
    assert common(a, a) == a


@given(ALL, ALL)
def test_promotion_agrees_with_the_standard_where_it_speaks(a, b):
    same_kind = (a.kind in "iu") == (b.kind in "iu") and "b" not in (a.kind, b.kind)
    if same_kind and common(a, b) is not None:
        assert common(a, b) == np.promote_types(a, b)


def test_canonical_names():
    assert rp.zeros(1, dtype="float64").dtype == rp.float64
    assert dtypes.canonical(bool) == rp.bool
    with pytest.raises(DTypeError, match="not a dtype"):
        dtypes.canonical("floaty")
    with pytest.raises(DTypeError, match="not a number type"):
        dtypes.canonical("U3")


def test_isdtype():
    assert rp.isdtype(rp.uint8, "integral")
    assert rp.isdtype(rp.float32, ("bool", rp.float32))
    assert not rp.isdtype(rp.complex64, "real floating")
    assert rp.isdtype(rp.complex64, "numeric")
    with pytest.raises(ArgumentError, match="real floating"):
        rp.isdtype(rp.float32, "real float")


def test_limits():
    assert rp.finfo(rp.float32).eps == np.finfo(np.float32).eps
    assert rp.finfo(rp.complex128).dtype == rp.float64
    assert rp.finfo(rp.zeros(1)).bits == 32
    assert rp.iinfo(rp.int8).min == -128
    with pytest.raises(DTypeError, match="iinfo"):
        rp.finfo(rp.int8)
    with pytest.raises(DTypeError, match="finfo"):
        rp.iinfo(rp.float32)


def test_half_precision_is_storage_that_computes():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = rp.ones(3, dtype="bfloat16")
    assert x.dtype == np.dtype(ml_dtypes.bfloat16)
    assert (x + x).dtype == x.dtype
    assert (x + rp.ones(3, dtype=rp.float16)).dtype == rp.float32
    assert rp.sum(x).dtype == x.dtype
    assert rp.finfo("bfloat16").bits == 16
    w = rp.ones(3, dtype="bfloat16").requires_grad_()
    (w * 2.0).sum().backward()
    assert w.grad.dtype == w.dtype
    assert w.grad.astype(rp.float32).tolist() == [2.0, 2.0, 2.0]

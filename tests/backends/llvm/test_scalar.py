"""Scalars mean what NumPy means, at the edges too."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.backends.llvm.scalar import supports
from tests.backends.llvm.vectors import TARGETS as MACHINES
from tests.backends.llvm.vectors import apply, apply_all, without_warnings

INTEGERS = [np.int8, np.int32, np.int64, np.uint8, np.uint16, np.uint64]
TARGETS = [None, "sse"]


def both(function, *arrays, target=None):
    tensors = [rp.asarray(array) for array in arrays]
    with np.errstate(all="ignore"):
        expected = function(*tensors).numpy()
    return rp.compile(function, strict=True, target=target)(*tensors).numpy(), expected


def edges(dtype):
    limits = np.iinfo(dtype)
    low = [limits.min, limits.min + 1] if limits.min else []
    values = [*low, 0, 1, 2, 7, limits.max - 1, limits.max] + ([-1, -7] if limits.min else [])
    return np.array(values, dtype)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "maximum", "minimum"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap(dtype, name, target):
    x = edges(dtype)
    actual, expected = both(getattr(ops, name), x[:, None], x[None], target=target)
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_division_rounds_down_and_by_zero_is_zero(dtype, name):
    x = edges(dtype)
    actual, expected = both(getattr(ops, name), x[:, None], x[None])
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("name", ["bitwise_left_shift", "bitwise_right_shift"])
@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint16, np.uint64])
def test_bits_shifted_out_are_gone(dtype, name):
    counts = np.array([0, 1, 7, 8, 15, 31, 63], dtype)
    actual, expected = both(getattr(ops, name), edges(dtype)[:, None], counts[None])
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("to", [rp.int8, rp.int64, rp.uint8, rp.bool, rp.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8, np.bool_])
def test_casts_are_those_of_astype(dtype, to, target):
    x = np.array([0, 1, 3, 100, 7, 0, 1, 2, 5], dtype)
    actual, expected = both(lambda t: rp.astype(t, to), x, target=target)
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == expected.dtype


def test_a_cast_of_what_does_not_fit_is_some_number():
    x = np.array([np.nan, np.inf, -np.inf, 1e30], np.float32)
    assert rp.compile(lambda t: rp.astype(t, rp.int32))(rp.asarray(x)).shape == (4,)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_spreads(dtype, name):
    x = np.array([np.nan, 1.0, -np.inf, 0.0], dtype)
    actual, expected = both(getattr(ops, name), x[:, None], x[None])
    np.testing.assert_array_equal(actual, expected)


def test_types_that_are_computed_with():
    assert supports(np.dtype(np.float32))
    assert supports(np.dtype(np.uint8))
    assert not supports(np.dtype(np.float16))
    assert not supports(np.dtype(np.complex64))


# -- the builder itself, without an op or a step around it -----------------------------------------

ALL_INTEGERS = [np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)]
on_machines = pytest.mark.parametrize("target", MACHINES, ids=lambda one: one.name)
in_lanes = pytest.mark.parametrize("lanes", [1, 8])


def methods(*names):
    """Bodies that call methods of the builder."""
    return [lambda b, *operands, name=name: getattr(b, name)(*operands) for name in names]


def casts(types):
    return [lambda b, x, to=to: b.cast(x, to) for to in types]


def pairs(values):
    return [side.ravel() for side in np.meshgrid(values, values)]


@on_machines
@in_lanes
@pytest.mark.parametrize("dtype", ALL_INTEGERS, ids=str)
def test_quotient_and_remainder_are_numpys(dtype, lanes, target):
    x, z = pairs(edges(dtype))
    with without_warnings():
        expected = np.floor_divide(x, z), np.remainder(x, z)
    bodies = [lambda b, x, z, part=part: b.quotient(x, z)[part] for part in range(2)]
    for y, right in zip(apply_all(bodies, x, z, lanes=lanes, target=target), expected, strict=True):
        np.testing.assert_array_equal(y, right)


@on_machines
@in_lanes
@pytest.mark.parametrize("dtype", ALL_INTEGERS, ids=str)
def test_shifts_by_any_count_are_numpys(dtype, lanes, target):
    width = 8 * dtype.itemsize
    counts = np.array([0, 1, width - 1, width, width + 1, np.iinfo(dtype).max], dtype)
    x, z = (side.ravel() for side in np.meshgrid(edges(dtype), counts))
    bodies = methods("shift_left", "shift_right")
    left, right = apply_all(bodies, x, z, lanes=lanes, target=target)
    np.testing.assert_array_equal(left, np.left_shift(x, z))
    np.testing.assert_array_equal(right, np.right_shift(x, z))


@on_machines
@in_lanes
@pytest.mark.parametrize("dtype", ALL_INTEGERS, ids=str)
def test_integers_become_every_other_type(dtype, lanes, target):
    x = edges(dtype)
    types = [*ALL_INTEGERS, np.dtype(bool), np.dtype(np.float32), np.dtype(np.float64)]
    for to, y in zip(types, apply_all(casts(types), x, lanes=lanes, target=target), strict=True):
        assert y.dtype == to
        np.testing.assert_array_equal(y, x.astype(to), err_msg=str(to))


@on_machines
@in_lanes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_numbers_become_integers_towards_zero(dtype, lanes, target):
    """What fits is exact; NaN, infinities and what is too large give something, and no trap."""
    inside = np.array([0.0, -0.0, 0.99, -0.99, 1.5, 2.5, 100.7, 126.9, 1e-40], dtype)
    signed = np.array([-1.5, -100.7, -127.5], dtype)
    outside = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 3e9, -3e9, 1e19, 2.0**63], dtype)
    for kind, x in (("i", np.concatenate([inside, signed])), ("u", inside)):
        types = [to for to in ALL_INTEGERS if to.kind == kind]
        made = apply_all(casts(types), np.concatenate([x, outside]), lanes=lanes, target=target)
        for to, y in zip(types, made, strict=True):
            assert y.dtype == to
            np.testing.assert_array_equal(y[: x.size], x.astype(to), err_msg=str(to))


@on_machines
@in_lanes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["minimum", "maximum"])
def test_nan_on_either_side_wins(name, dtype, lanes, target):
    values = np.array([np.nan, -np.nan, 1.0, -1.0, np.inf, -np.inf, 0.0, 1e-40], dtype)
    x, z = pairs(values)
    y = apply(lambda b, *both: getattr(b, name)(*both), x, z, lanes=lanes, target=target)
    np.testing.assert_array_equal(y, getattr(np, name)(x, z))


@on_machines
@in_lanes
def test_booleans_are_bytes_of_zero_and_one(lanes, target):
    x, z = pairs(np.array([False, True]))
    names = ["logical_and", "logical_or", "logical_xor"]
    for name, y in zip(
        names, apply_all(methods(*names), x, z, lanes=lanes, target=target), strict=True
    ):
        np.testing.assert_array_equal(y.view(np.uint8), getattr(np, name)(x, z).view(np.uint8))
    y = apply(lambda b, x: b.logical_not(x), x, lanes=lanes, target=target)
    np.testing.assert_array_equal(y.view(np.uint8), (~x).view(np.uint8))
    # Any byte but 0 is true when it is read.
    odd = np.array([0, 1, 2, 128, 255], np.uint8).view(bool)
    y = apply(lambda b, x: x, odd, lanes=lanes, target=target)
    np.testing.assert_array_equal(y.view(np.uint8), [0, 1, 1, 1, 1])


@on_machines
@in_lanes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_to_whole_numbers(dtype, lanes, target):
    x = np.array([-2.5, -1.5, -0.5, -0.2, -0.0, 0.5, 1.5, 2.5, 2.0**23 + 1, 1e30, np.inf, np.nan])
    x = x.astype(dtype)
    numpys = {"floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.round}
    made = apply_all(methods(*numpys), x, lanes=lanes, target=target)
    some = ~np.isnan(x)
    for (name, right), y in zip(numpys.items(), made, strict=True):
        np.testing.assert_array_equal(y, right(x), err_msg=name)
        np.testing.assert_array_equal(np.signbit(y)[some], np.signbit(right(x))[some])


@on_machines
@pytest.mark.parametrize("lanes", [1, 4, 8])
def test_the_first_lanes(lanes, target):
    for count in range(lanes + 2):
        made = apply(
            lambda b, x, count=count: b.first_lanes(b.function.integer(count)),
            np.zeros(lanes), lanes=lanes, target=target,
        )  # fmt: skip
        np.testing.assert_array_equal(made, np.arange(lanes) < count)


@on_machines
@in_lanes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_signs_and_kinds_of_real_numbers(dtype, lanes, target):
    x = np.array([0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan, 1e-40, -1e-40], dtype)
    checks = {
        "is_nan": np.isnan, "is_infinite": np.isinf, "is_finite": np.isfinite,
        "sign_bit": np.signbit, "negative": np.negative, "absolute": np.abs, "sqrt": np.sqrt,
        "truth": lambda x: x.astype(bool),
    }  # fmt: skip
    made = apply_all(methods(*checks), x, lanes=lanes, target=target)
    for (name, right), y in zip(checks.items(), made, strict=True):
        with without_warnings():
            np.testing.assert_array_equal(y, right(x), err_msg=name)

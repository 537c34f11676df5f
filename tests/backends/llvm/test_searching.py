"""Where the largest is, and running sums: NumPy's answer to the bit, also for NaN and ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.backends.llvm import target
from retroprop.ops.catalog import catalog
from tests.backends.llvm.running import Native, native

TARGETS = [name for name in ("sse", "avx2", "avx512") if not target.why_not(target.named(name))]
RNG = np.random.default_rng(0)
SHAPES = [(1,), (7,), (33,), (70,), (5, 70), (70, 5), (3, 1, 40), (2, 37, 4), (1, 1, 9)]


def numbers(*shape: int, dtype: Any = np.float32) -> Any:
    """Many ties; for floats some zeros of both signs."""
    whole = RNG.integers(0 if np.dtype(dtype).kind == "u" else -4, 5, shape)
    return (whole * RNG.choice([1, -1], shape) if np.dtype(dtype).kind == "f" else whole).astype(
        dtype
    )


def expect(name: str, x: Any, **options: Any) -> None:
    attributes = {key: value for key, value in options.items() if key != "target"}
    expected = catalog[name].reference(x, **catalog[name].complete(attributes))
    assert native(name, x, **options).tobytes() == np.asarray(expected).tobytes()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_extremes_along_every_axis(name: str, shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for axis in (None, *range(len(shape))):
        expect(name, x, axis=axis)
        expect(name, x, axis=axis, keepdims=True)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_the_first_nan_counts_before_all_else(name: str, axis: int | None) -> None:
    for share in (0.02, 0.3, 1.0):
        x = np.where(RNG.random((70, 70)) < share, np.float32(np.nan), numbers(70, 70))
        x.flat[RNG.integers(0, x.size, 50)] = np.inf
        x.flat[RNG.integers(0, x.size, 50)] = -np.inf
        expect(name, x, axis=axis)


@pytest.mark.parametrize("at", [0, 1, 31, 32, 63, 64, 68, 69])
def test_a_lone_one_is_found_in_every_lane_and_in_the_rest(at: int) -> None:
    for special in (1.0, np.nan):
        x = np.zeros(70, np.float32)
        x[at] = special
        assert native("argmax", x, axis=0) == at
        x[at:] = special
        assert native("argmax", x, axis=0) == at


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "float64"]
)
def test_every_dtype(dtype: str) -> None:
    x = numbers(40, 70, dtype=dtype)
    for axis in (None, 0, 1):
        expect("argmax", x, axis=axis)
        expect("argmin", x, axis=axis)
    if dtype != "bool":
        expect("cumulative_sum", x, axis=0)
        expect("cumulative_prod", x, axis=1)


@pytest.mark.parametrize("name", TARGETS)
def test_every_target(name: str) -> None:
    for axis in (0, 1):
        expect("argmax", numbers(70, 70), axis=axis, target=target.named(name))
        x = RNG.standard_normal((70, 70)).astype(np.float32)
        expect("cumulative_sum", x, axis=axis, target=target.named(name))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_running_results_along_every_axis(name: str, shape: tuple[int, ...]) -> None:
    x = RNG.uniform(-2, 2, shape).astype(np.float32)
    for axis in range(len(shape)):
        expect(name, x, axis=axis)


def test_a_running_sum_keeps_the_sign_of_zero() -> None:
    expect("cumulative_sum", np.array([-0.0, -0.0, 1.0, -1.0], np.float32), axis=0)


def test_integers_are_summed_in_wide_ones_and_wrap() -> None:
    expect("cumulative_sum", np.full((3, 40), 127, np.int8), axis=1)
    expect("cumulative_prod", np.full((70, 40), 3, np.int32), axis=0)


@pytest.mark.parametrize("name", ["argmax", "argmin", "cumulative_sum"])
def test_any_strides(name: str) -> None:
    wide = numbers(24, 40, 6)
    views = [wide.transpose(2, 0, 1), wide[::-1, ::3, ::-2], wide.T]
    for x in [*views, np.broadcast_to(numbers(1, 40), (5, 40))]:
        for axis in range(x.ndim):
            expect(name, x, axis=axis)
    if name != "cumulative_sum":
        expect(name, wide.transpose(2, 0, 1)[:, ::2], axis=None)


def test_rows_are_the_first_axis_that_is_kept() -> None:
    assert Native("argmax", numbers(6, 7, 8), axis=0).kernel.rows == 7
    assert Native("argmax", numbers(6, 7, 8), axis=2).kernel.rows == 6
    assert Native("argmax", numbers(1, 7, 8), axis=2).kernel.rows == 7
    assert Native("argmax", numbers(6, 7, 8)).kernel.rows == 1

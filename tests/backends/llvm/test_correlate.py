"""Native gradients of convolutions in their weights against the reference, small and large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retroprop as rp
from retroprop import ops
from retroprop.backends.llvm import target
from tests.backends.llvm.test_convolve import (
    BUSY,
    Case,
    compiled,
    drawn,
    expect_close,
    expect_same,
    expect_same_bits,
    fixed,
)

LINE = ((3,), (1,), ((1, 1),), (1,))
PLANE = ((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))


def gradient_of(case: Case) -> Callable[[Any, Any], Any]:
    return lambda x, z: ops.conv_weight(x, z, **case.how, window=case.window)


def expect_gradient(case: Case, **options: Any) -> None:
    x, _, z = case.arrays()
    expect_same(gradient_of(case), x, z, **options)


@pytest.mark.parametrize("case", fixed(68, 5))
def test_a_gradient_of_weights_is_the_reference(case: Case) -> None:
    expect_gradient(case)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    ndim, dtype = draw(st.integers(1, 3)), draw(st.sampled_from(("float32", "float64")))
    case = drawn(lambda options: draw(st.sampled_from(options)), ndim, dtype)
    return case._replace(batch=draw(st.sampled_from((1, 2, 3, 15, 16, 17, 33, 40))))


@settings(deadline=None, max_examples=60, derandomize=True)
@given(cases())
def test_random_gradients_are_the_reference(case: Case) -> None:
    expect_gradient(case)


@pytest.mark.parametrize("batch", [1, 2, 3, 15, 16, 17, 31, 32, 33, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batches_in_parts_of_any_size(batch: int, dtype: str) -> None:
    expect_gradient(Case(dtype, batch, 3, 6, 1, (9, 8), *PLANE))


@pytest.mark.parametrize("batch", [1, 3, 40])
@pytest.mark.parametrize(("channels", "out"), [(64, 48), (17, 200), (200, 6), (128, 1)])
def test_large_results_are_summed_up_whole(channels: int, out: int, batch: int) -> None:
    expect_gradient(Case("float32", batch, channels, out, 1, (3, 4), *PLANE))


def test_small_results_come_in_parts_and_large_ones_do_not() -> None:
    def is_in_parts(case: Case) -> bool:
        x, _, z = case.arrays()
        native = compiled(gradient_of(case))
        native(x, z)
        return "sum" in native.report()

    assert is_in_parts(Case("float32", 40, 3, 6, 1, (16, 16), *PLANE))
    assert not is_in_parts(Case("float32", 40, 64, 64, 1, (2, 2), *PLANE))
    assert not is_in_parts(Case("float32", 1, 3, 6, 1, (16, 16), *PLANE))


@pytest.mark.parametrize("name", BUSY)
@pytest.mark.parametrize("batch", [0, 40], ids=["its batch", "a large batch"])
def test_threads_do_not_change_the_bits(name: str, batch: int) -> None:
    case = BUSY[name]._replace(batch=batch or BUSY[name].batch)
    x, _, z = case.arrays()
    expect_same_bits(gradient_of(case), x, z)


@pytest.mark.skipif(bool(target.why_not(target.named("sse"))), reason="no such instructions")
@pytest.mark.parametrize("case", fixed(12, 7))
def test_another_instruction_set_agrees(case: Case) -> None:
    expect_gradient(case, target="sse")


@pytest.mark.parametrize("count", [1, 7, 8, 15, 16, 17, 31, 33, 48, 65])
def test_every_rest_of_output_channels(count: int) -> None:
    expect_gradient(Case("float32", 3, 4, count, 1, (5, 5), *PLANE))
    expect_gradient(Case("float32", 20, 4, count, 1, (9, 9), *PLANE))


@pytest.mark.parametrize("channels", range(1, 18))
def test_every_rest_of_taps_and_channels(channels: int) -> None:
    expect_gradient(Case("float32", 3, channels, 18, 1, (7,), *LINE))
    expect_gradient(Case("float32", 20, channels, 5, 1, (31,), *LINE))


@pytest.mark.parametrize("spatial", [(300,), (1, 400), (90, 70), (3, 40, 41)])
def test_places_that_do_not_fit_the_first_cache(spatial: tuple[int, ...]) -> None:
    n = len(spatial)
    padding = ((1, 1),) * n
    for batch, channels, out in ((2, 24, 6), (17, 3, 17)):
        case = Case(
            "float64", batch, channels, out, 1, spatial, (3,) * n, (1,) * n, padding, (1,) * n
        )
        expect_gradient(case)


def test_an_empty_batch_gives_zeros() -> None:
    case = Case("float32", 0, 3, 5, 1, (7, 6), *PLANE)
    x, _, z = case.arrays()
    found = compiled(gradient_of(case))(x, z).numpy()
    assert found.tobytes() == np.zeros((5, 3, 3, 3), np.float32).tobytes()


def test_taps_that_only_meet_the_padding_give_zeros() -> None:
    case = Case("float32", 2, 3, 17, 1, (2, 3), (5, 5), (1, 1), ((4, 4), (2, 2)), (1, 1))
    expect_gradient(case)
    wide = case._replace(spatial=(1, 1), padding=((2, 2), (2, 2)))
    x, _, z = wide.arrays()
    found = compiled(gradient_of(wide))(x, z).numpy()
    assert np.count_nonzero(found.any((0, 1))) == 1


@pytest.mark.parametrize("batch", [3, 40])
@pytest.mark.parametrize("side", ["x", "z"])
@pytest.mark.parametrize("name", ["slice", "flip", "transpose"])
def test_gradients_of_views(name: str, side: str, batch: int) -> None:
    view: Callable[[Any], Any] = {
        "slice": lambda x: x[:, ::2, :, :],
        "flip": lambda x: rp.flip(x, axis=(1, 3)),
        "transpose": lambda x: rp.permute_dims(x, (0, 1, 3, 2)),
    }[name]
    case = Case("float32", batch, 6, 18, 1, (6, 6), *PLANE)
    x, _, z = case.arrays()

    def fn(x: Any, z: Any) -> Any:
        x, z = (view(x), z) if side == "x" else (x, view(z))
        return gradient_of(case)(x, z)

    expect_same(fn, x, z)


def test_a_sum_along_many_places_stays_exact_for_whole_numbers() -> None:
    rng = np.random.default_rng(0)
    x = rp.asarray(rng.integers(-8, 9, (40, 3, 17, 16)).astype(np.float32))
    z = rp.asarray(rng.integers(-8, 9, (40, 17, 17, 16)).astype(np.float32))
    fn = gradient_of(Case("float32", 40, 3, 17, 1, (17, 16), *PLANE))
    assert compiled(fn)(x, z).numpy().tobytes() == fn(x, z).numpy().tobytes()


def test_a_nan_reaches_the_weights_that_see_it() -> None:
    x = np.zeros((20, 3, 9, 9), np.float32)
    x[7, 1, 0, 0] = np.nan
    z = np.ones((20, 17, 9, 9), np.float32)
    fn = gradient_of(Case("float32", 20, 3, 17, 1, (9, 9), *PLANE))
    found = np.isnan(compiled(fn)(rp.asarray(x), rp.asarray(z)).numpy())
    expected = np.zeros((17, 3, 3, 3), bool)
    expected[:, 1, :2, :2] = True
    np.testing.assert_array_equal(found, expected)


def test_all_three_sides_of_one_product_agree() -> None:
    """<conv(x, w), z> = <x, conv_transpose(z, w)> = <w, conv_weight(x, z)>."""
    how = ((3, 2), (2, 1), ((1, 2), (0, 1)), (1, 2))
    case = Case("float64", 9, 6, 34, 2, (9, 8), *how)
    x, w, z = case.arrays()

    def fn(x: Any, w: Any, z: Any) -> Any:
        return rp.stack(
            [
                rp.sum(ops.conv(x, w, **case.how) * z),
                rp.sum(ops.conv_transpose(z, w, **case.how, output=case.spatial) * x),
                rp.sum(ops.conv_weight(x, z, **case.how, window=case.window) * w),
            ]
        )

    found = compiled(fn)(x, w, z)
    expect_close(found, fn(x, w, z))
    assert np.ptp(found.numpy()) < 1e-10 * np.abs(found.numpy()).max()

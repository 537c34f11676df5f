"""Convolutions by Winograd's algorithm: where it is used, how exact it is, its three directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from retroprop import ops
from retroprop.backends.llvm import target
from retroprop.backends.llvm.program import Program
from retroprop.ir import parse
from retroprop.ops.catalog import catalog
from tests.backends.llvm.test_convolve import Case, compiled, expect_same, expect_same_bits

LANES = target.host().lanes(4)
SAME = ((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
USED = {  # channels that are enough for the widest vectors there are
    "square": Case("float32", 8, 32, 32, 1, (8, 8), *SAME),
    "wide": Case("float32", 4, 64, 32, 1, (6, 18), *SAME),
    "batch of 33": Case("float32", 33, 32, 64, 1, (4, 6), *SAME),
    "one image": Case("float32", 1, 32, 32, 1, (32, 20), *SAME),
    "without padding": Case(
        "float32", 7, 32, 32, 1, (10, 12), (3, 3), (1, 1), ((0, 0),) * 2, (1, 1)
    ),
    "all padding": Case("float32", 8, 32, 32, 1, (6, 8), (3, 3), (1, 1), ((2, 2),) * 2, (1, 1)),
    "uneven padding": Case(
        "float32", 9, 32, 32, 1, (7, 8), (3, 3), (1, 1), ((1, 2), (2, 0)), (1, 1)
    ),
    "doubles": Case("float64", 8, 32, 32, 1, (8, 10), *SAME),
}
PLAIN = USED["square"]
DIRECT = {
    "odd sizes": PLAIN._replace(spatial=(9, 9), batch=12),
    "one odd size": PLAIN._replace(spatial=(8, 9), batch=12),
    "stride 2": PLAIN._replace(spatial=(16, 16), stride=(2, 2)),
    "dilation 2": PLAIN._replace(dilation=(2, 2), padding=((2, 2), (2, 2))),
    "5 x 5": PLAIN._replace(window=(5, 5), padding=((2, 2), (2, 2))),
    "1 x 3": PLAIN._replace(window=(1, 3), padding=((0, 0), (1, 1))),
    "few channels": PLAIN._replace(channels=LANES, out=LANES),
    "a rest of channels": PLAIN._replace(channels=2 * LANES + 1, out=2 * LANES + 1),
    "groups": PLAIN._replace(groups=2),
    "one axis": Case("float32", 8, 32, 32, 1, (64,), (3,), (1,), ((1, 1),), (1,)),
}


def forward_of(case: Case) -> Callable[..., Any]:
    return lambda x, w, z: ops.conv(x, w, **case.how)


def adjoint_of(case: Case) -> Callable[..., Any]:
    return lambda x, w, z: ops.conv_transpose(z, w, **case.how, output=case.spatial)


def gradient_of(case: Case) -> Callable[..., Any]:
    return lambda x, w, z: ops.conv_weight(x, z, **case.how, window=case.window)


DIRECTIONS = {"forward": forward_of, "adjoint": adjoint_of, "gradient": gradient_of}


def uses_it(fn: Callable[..., Any], case: Case) -> bool:
    native = compiled(fn)
    native(*case.arrays())
    return "winograd" in native.report()


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", USED)
def test_every_direction_is_the_reference(name: str, direction: str) -> None:
    expect_same(DIRECTIONS[direction](USED[name]), *USED[name].arrays())


@pytest.mark.parametrize("name", USED)
def test_images_of_even_size_and_enough_channels_use_it(name: str) -> None:
    case = USED[name]
    assert uses_it(forward_of(case), case)
    even = all(n % 2 == 0 for n in case.spatial)
    assert uses_it(adjoint_of(case), case) == even


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", DIRECT)
def test_these_are_summed_up_directly(name: str, direction: str) -> None:
    case = DIRECT[name]
    fn = DIRECTIONS[direction](case)
    assert not uses_it(fn, case)
    expect_same(fn, *case.arrays())


def test_the_gradient_uses_it_where_there_is_much_to_sum_up() -> None:
    much, little = PLAIN._replace(batch=40), PLAIN._replace(batch=2)
    assert uses_it(gradient_of(much), much)
    assert not uses_it(gradient_of(little), little)


def test_few_tiles_are_not_worth_transforming_the_weights() -> None:
    few = PLAIN._replace(batch=5)
    assert not uses_it(forward_of(few), few)
    enough = PLAIN._replace(batch=6)
    assert uses_it(forward_of(enough), enough)


@pytest.mark.parametrize("batch", [1, 2, 15, 16, 17, 33, 40])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_batches_that_blocks_do_not_divide(batch: int, direction: str) -> None:
    case = PLAIN._replace(batch=batch, spatial=(14, 14))
    expect_same(DIRECTIONS[direction](case), *case.arrays())


@pytest.mark.parametrize(("channels", "out"), [(32, 96), (96, 32), (64, 64), (160, 32)])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_more_channels(channels: int, out: int, direction: str) -> None:
    case = PLAIN._replace(batch=17, channels=channels, out=out, spatial=(12, 10))
    fn = DIRECTIONS[direction](case)
    expect_same(fn, *case.arrays())
    assert uses_it(fn, case)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", ["one image", "batch of 33", "doubles"])
def test_threads_do_not_change_the_bits(name: str, direction: str) -> None:
    expect_same_bits(DIRECTIONS[direction](USED[name]), *USED[name].arrays())


def test_each_image_is_convolved_alone() -> None:
    case = PLAIN._replace(batch=24)
    x, w, z = case.arrays()
    native = compiled(forward_of(case))
    whole = native(x, w, z).numpy()
    assert native(x[3:17], w, z).numpy().tobytes() == whole[3:17].tobytes()


@pytest.mark.skipif(bool(target.why_not(target.named("sse"))), reason="no such instructions")
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_another_instruction_set_agrees(direction: str) -> None:
    case = PLAIN._replace(batch=33)
    expect_same(DIRECTIONS[direction](case), *case.arrays(), target="sse")


# -- errors --------------------------------------------------------------------------------------

HOW = "stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1), groups=1"
CALLS = {
    "forward": f"conv(%0, %1, {HOW})",
    "adjoint": f"conv_transpose(%2, %1, {HOW}, output=(16, 16))",
    "gradient": f"conv_weight(%0, %2, {HOW}, window=(3, 3))",
}


def result_of(direction: str, winograd: int, arrays: list[Any]) -> tuple[Any, str]:
    """The result by tiles of this side, 0 for the direct sum; and what computed it."""
    dtype = arrays[0].dtype
    inputs = ", ".join(f"%{i}: {dtype}{list(a.shape)}" for i, a in enumerate(arrays))
    like = {"forward": 2, "adjoint": 0, "gradient": 1}[direction]
    shape = arrays[like].shape
    text = f"""
graph({inputs})
  %3: {dtype}{list(shape)} = {CALLS[direction]}
  return %3"""
    program = Program(parse(text, catalog), {}, strict=True, threads=1, winograd=winograd)
    found = np.empty(shape, dtype)
    for slot, array in enumerate([*arrays, found]):
        program.bind(slot, array)
    program.run()
    return found, program.report()


def numbers(kind: str) -> list[Any]:
    """Images, weights and results; numbers of both signs, or only positive ones."""
    rng = np.random.default_rng(0)
    draw = rng.standard_normal if kind == "normal" else rng.random
    shapes = ((16, 32, 16, 16), (64, 32, 3, 3), (16, 64, 16, 16))
    return [draw(shape).astype(np.float32) for shape in shapes]


def errors(found: Any, exact: Any) -> tuple[float, float]:
    """The largest error and the typical one."""
    gap = np.abs(found - exact)
    return float(gap.max()), float(np.sqrt(np.mean(gap**2)))


@pytest.mark.parametrize("kind", ["normal", "positive"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_errors_are_hardly_larger_than_those_of_the_direct_sum(direction: str, kind: str) -> None:
    arrays = numbers(kind)
    exact, what = result_of(direction, 0, [array.astype(np.float64) for array in arrays])
    assert "winograd" not in what
    direct, what = result_of(direction, 0, arrays)
    assert "winograd" not in what
    found, what = result_of(direction, 2, arrays)
    assert "winograd 2x2" in what
    for mine, theirs in zip(errors(found, exact), errors(direct, exact), strict=True):
        assert mine <= 1.5 * theirs


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_larger_tiles_are_right_but_less_exact(direction: str) -> None:
    arrays = numbers("normal")
    exact, _ = result_of(direction, 0, [array.astype(np.float64) for array in arrays])
    found, what = result_of(direction, 4, arrays)
    assert "winograd 4x4" in what
    assert errors(found, exact)[0] <= 1e-4 * np.abs(exact).max()


@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_doubles_are_exact_to_their_last_digits(direction: str, side: int) -> None:
    arrays = [array.astype(np.float64) for array in numbers("normal")]
    exact, _ = result_of(direction, 0, arrays)
    found, what = result_of(direction, side, arrays)
    assert f"winograd {side}x{side}" in what
    assert errors(found, exact)[0] <= 1e-12 * np.abs(exact).max()


@pytest.mark.parametrize("direction", ["forward", "adjoint"])
def test_small_whole_numbers_are_exact(direction: str) -> None:
    """Halves and quarters of weights and all sums of them have no rounding errors."""
    arrays = [np.rint(2 * array) for array in numbers("normal")]
    found, _ = result_of(direction, 2, arrays)
    exact, _ = result_of(direction, 0, arrays)
    np.testing.assert_array_equal(found, exact)

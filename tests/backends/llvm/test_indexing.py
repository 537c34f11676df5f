"""Positions that are data: odd shapes, strides, repeated and wrong indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.backends.llvm.indexing import Put
from retroprop.ops.catalog import catalog
from tests.backends.llvm.running import Native, native

RNG = np.random.default_rng(0)


def floats(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def places(length: int, *shape: int) -> Any:
    """Indices, half of them counted from the end."""
    return RNG.integers(-length, length, shape)


def expect(name: str, *arrays: Any, **attributes: Any) -> None:
    expected = catalog[name].reference(*arrays, **catalog[name].complete(attributes))
    assert native(name, *arrays, **attributes).tobytes() == np.asarray(expected).tobytes()


@pytest.mark.parametrize("shape", [(7, 33), (9, 1), (4, 3, 17), (1000, 8)])
@pytest.mark.parametrize("indices", [(), (1,), (3, 4)])
def test_slices_are_taken_added_and_put(shape: tuple[int, ...], indices: tuple[int, ...]) -> None:
    for axis in range(len(shape)):
        length, found = shape[axis], places(shape[axis], *indices)
        slices = floats(*shape[:axis], *indices, *shape[axis + 1 :])
        expect("take", floats(*shape), found, axis=axis)
        expect("take_add", slices, found, axis=axis, length=length)
        expect("put", floats(*shape), found, slices, axis=axis)


@pytest.mark.parametrize("shape", [(33,), (7, 33), (4, 3, 17)])
def test_elements_are_taken_and_added(shape: tuple[int, ...]) -> None:
    for axis, length in enumerate(shape):
        for count in {1, 5, length}:
            wanted = (*shape[:axis], count, *shape[axis + 1 :])
            found = places(length, *wanted)
            expect("take_along_axis", floats(*shape), found, axis=axis)
            expect("add_along_axis", floats(*wanted), found, axis=axis, shape=shape)


def test_transposed_reversed_and_broadcast_operands() -> None:
    x, found = floats(17, 9).T[::-1], places(9, 12)[::-2]
    still = np.broadcast_to(floats(1, 17), (6, 17))
    expect("take", x, found, axis=0)
    expect("take", still, np.broadcast_to(np.int64(-1), (4,)), axis=1)
    expect("take_add", still, found, axis=0, length=9)
    expect("put", x, found, still, axis=0)
    expect("put", x, found, floats(1, 1), axis=0)
    expect("take_along_axis", still, places(17, 6, 4)[:, ::-1], axis=1)
    expect("take_along_axis", floats(17, 9).T, places(17, 9, 4), axis=1)
    expect("take_along_axis", floats(9, 17)[:, ::-1], places(17, 9, 4), axis=1)
    expect("add_along_axis", floats(4, 9).T, places(17, 4, 9).T, axis=1, shape=(9, 17))


def test_sums_are_made_in_the_order_of_the_indices() -> None:
    """Numbers of very different size, whose sum tells in which order they were added."""
    x = (floats(500, 5) * 10.0 ** RNG.integers(-8, 8, (500, 5))).astype(np.float32)
    expect("take_add", x, RNG.integers(0, 3, 500), axis=0, length=3)
    expect("add_along_axis", x, RNG.integers(0, 3, (500, 5)), axis=0, shape=(3, 5))


def test_of_several_that_are_put_the_last_one_stays() -> None:
    expect("put", floats(5, 3), np.array([1, 1, -4, 1]), floats(4, 3), axis=0)
    expect("put", floats(5), np.array([[1, 1], [-4, 0]]), floats(2, 2), axis=0)


def test_the_last_of_equal_indices_is_found() -> None:
    expect("latest", places(40, 100), length=40)
    expect("latest", places(3, 7, 5).T, length=3)


def test_indices_of_joined_axes() -> None:
    expect("flat_index", places(7, 5, 1), places(3, 4), places(9, 2, 5, 4), sizes=(7, 3, 9))


def test_bytes_count_what_is_read_not_what_could_be() -> None:
    run = Native("take", floats(1000, 8), places(1000, 5), axis=0)
    assert run.kernel.bytes == 2 * 5 * 8 * 4 + 5 * 8


# What each op is called with: x and indices of one wrong among eight.
WRONG: dict[str, Any] = {
    "take": (lambda i: (floats(7, 3), i), {"axis": 0}),
    "take_add": (lambda i: (floats(8, 3), i), {"axis": 0, "length": 7}),
    "take_along_axis": (lambda i: (floats(7, 8), i[None]), {"axis": 0}),
    "add_along_axis": (lambda i: (floats(1, 8), i[None]), {"axis": 0, "shape": (7, 8)}),
    "put": (lambda i: (floats(7, 3), i, floats(8, 3)), {"axis": 0}),
    "latest": (lambda i: (i,), {"length": 7}),
    "flat_index": (lambda i: (i % 3, i), {"sizes": (3, 7)}),
}


@pytest.mark.parametrize("wrong", [7, -8, 2**40, -(2**63)])
@pytest.mark.parametrize("name", WRONG)
def test_an_index_out_of_range_is_reported_and_touches_nothing(name: str, wrong: int) -> None:
    operands, attributes = WRONG[name]
    indices = np.array([0, -7, 6, wrong, 3, -1, 2, 5])
    run = Native(name, *operands(indices), **attributes)
    run()
    assert run.failure == (3, wrong)
    assert run.kernel.may_fail


def test_the_first_error_stays() -> None:
    run = Native("take", floats(7, 3), np.array([0, 99, -50]), axis=0)
    run()
    assert run.failure == (3, 99)


@pytest.mark.parametrize(("index", "dtype"), [(200, "uint8"), (-100, "int8"), (2**31, "uint32")])
def test_narrow_indices_are_checked_as_numbers(index: int, dtype: str) -> None:
    run = Native("take", floats(7, 3), np.array([index], dtype), axis=0)
    run()
    assert run.failure == (3, index)
    if dtype == "uint8":
        expect("take", floats(250, 2), np.array([index], dtype), axis=0)


def test_unsigned_indices_of_64_bits_wrap_as_in_the_reference() -> None:
    expect("take", floats(7, 3), np.array([2**64 - 1, 3], np.uint64), axis=0)


def test_sums_at_a_lone_index() -> None:
    """The gradient of one slice: there is no axis of indices."""
    expect("take_add", floats(5), np.array(2), axis=0, length=3)


def test_what_takes_over_its_operand_is_written_in_place() -> None:
    table = rp.zeros((50, 8))
    rows, line = rp.asarray([1, 2]), rp.ones((2, 8))

    def plan(body: Any) -> Any:
        step = rp.compile(body, strict=True, verbose=False)
        step()
        kernels = step.programs.popitem()[1][0].program.plan.kernels
        return [kernel.is_in_place for kernel in kernels if isinstance(kernel, Put)]

    def put(indices: Any, values: Any) -> None:
        table.assign(catalog["put"](table, indices, values, axis=0))

    def checked() -> Any:
        before = rp.take(rp.arange(50), rows, axis=0)  # nothing can fail after this
        put(rows, line * 2.0)
        return before

    def alone() -> None:
        put(rows, line * 3.0)

    def read_before() -> Any:
        double = table * 2.0
        return double, checked()

    def kept() -> Any:
        old = table.detach()
        return old, checked()

    def of_itself() -> Any:
        before = rp.take(rp.arange(50), rows, axis=0)
        put(rows, table[4:6])
        return before

    assert plan(checked) == [True]
    assert table.numpy()[:3, 0].tolist() == [0.0, 2.0, 2.0]
    assert plan(alone) == [False]  # an index may be wrong, and then the table stays
    assert table.numpy()[:3, 0].tolist() == [0.0, 3.0, 3.0]
    assert plan(read_before) == [True]
    assert plan(kept) == [False]
    assert plan(of_itself) == [False]
    assert table.numpy().sum() == 0.0

"""Every op in the table: the bits of its reference on its own samples, for every target here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.backends.llvm import jit, target
from tests.backends.llvm.running import kernels, native, text_of
from tests.ops.drawing import Case, cases, draw_call, promoted, strided

TABLE = [
    "add_along_axis", "argmax", "argmin", "cumulative_prod", "cumulative_sum", "flat_index",
    "latest", "put", "take", "take_add", "take_along_axis",
]  # fmt: skip
TARGETS = [name for name in ("sse", "avx2", "avx512") if not target.why_not(target.named(name))]
NATIVE = [case for case in cases() if case.op.name in TABLE]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def operands_of(case: Case, dtype: Any) -> list[Any]:
    return promoted(case.op, draw_call(case, np.dtype(dtype)))


def of(chosen: list[Case]) -> Any:
    """The parameter `case` of a test."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in chosen])


def expect(case: Case, arrays: list[Any], **options: Any) -> None:
    """Every bit of the reference, wherever the kernel is cut."""
    attributes = case.op.complete(case.call.attributes)
    expected = np.asarray(case.op.reference(*arrays, **attributes))
    made = native(case.op.name, *arrays, **options, **case.call.attributes)
    assert (made.shape, made.dtype) == (expected.shape, expected.dtype)
    assert made.tobytes() == expected.tobytes()


# Where there is nothing to compute the reference does it.
FULL = [case for case in NATIVE if all(array.size for array in operands_of(case, "float32"))]
COMBINING = [case for case in FULL if any(case.op.takes_promotion) and not case.op.variadic]
WITH_INDICES = [
    next(case for case in FULL if case.op.name == name)
    for name in TABLE
    if not name.startswith(("arg", "cumulative"))
]


@pytest.mark.parametrize("name", TARGETS)
@of(FULL)
def test_samples_have_the_bits_of_the_reference(case: Case, name: str) -> None:
    expect(case, operands_of(case, "float32"), target=target.named(name))


@of(COMBINING)
def test_dtypes_that_are_moved_and_combined(case: Case) -> None:
    for dtype in ("float64", "int8"):
        pairs = zip(operands_of(case, "float64"), case.op.takes_promotion, strict=True)
        arrays = [np.nan_to_num(np.abs(a)).astype(dtype) if take else a for a, take in pairs]
        expect(case, arrays)


@of(FULL)
def test_operands_may_have_any_strides(case: Case) -> None:
    expect(case, [strided(array) for array in operands_of(case, "float32")])


@pytest.mark.parametrize("dtype", INTEGERS)
@of(WITH_INDICES)
def test_indices_of_every_integer_dtype(case: Case, dtype: str) -> None:
    arrays = operands_of(case, "float32")
    expect(case, [(a % 2).astype(dtype) if a.dtype == np.int64 else a for a in arrays])


@pytest.mark.parametrize("name", ["avx512", "neon"])
@of([next(case for case in FULL if case.op.name == name) for name in TABLE])
def test_code_is_made_for_machines_that_are_not_here(case: Case, name: str) -> None:
    (kernel,) = kernels(case.op.name, *operands_of(case, "float32"), **case.call.attributes) or ()
    made = target.named(name)
    assert "run:" in jit.emit_assembly(text_of(kernel, made), made)


def test_what_has_no_native_form_is_left_to_the_reference() -> None:
    x = np.zeros((4, 3), np.float32)
    assert kernels("sort", x) is None
    assert kernels("random_bits", np.zeros(6, np.int64), shape=(2,), bits=32) is None
    assert kernels("take", x, np.zeros(0, int), axis=0) is None

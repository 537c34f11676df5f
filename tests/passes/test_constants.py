"""What is known when the program is made is computed then."""

from __future__ import annotations

import numpy as np

from retroprop.ir import Value
from retroprop.passes.constants import literal, number_of, repeated
from tests.passes.checking import check_golden, optimised


def test_golden():
    check_golden("constants")


def test_numbers_are_told_from_arrays():
    assert number_of(literal(0.5, np.dtype("float32"))) == 0.5
    assert number_of(literal(1j, np.dtype("complex64"))) is None
    assert number_of(Value((), np.dtype("float32"))) is None


def test_what_repeats_is_told_by_its_bits():
    def constant(*numbers: float) -> Value:
        array = np.asarray(numbers, np.float64)
        return Value(array.shape, array.dtype, constant=array)

    found = repeated(constant(-0.0, -0.0))
    assert found is not None
    assert np.signbit(found.constant)
    assert repeated(constant(np.nan, np.nan)) is not None
    assert repeated(constant(0.0, -0.0)) is None
    assert repeated(constant()) is None


def test_random_numbers_are_never_folded():
    text = (
        "graph()\n"
        "  %0: uint32[] = random_bits([1, 2, 3, 0, 0, 0]:uint32[6], shape=(), bits=32)\n"
        "  return %0"
    )
    assert optimised(text) == text

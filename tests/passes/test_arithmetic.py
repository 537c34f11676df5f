"""Arithmetic that changes no bit goes; what would change one stays."""

from __future__ import annotations

import pytest

from tests.passes.checking import check_golden, optimised


def test_golden():
    check_golden("arithmetic")


@pytest.mark.parametrize("number", ["3.0", "0.0", "inf", "nan", "1.7014118e+38", "1e-45"])
def test_only_powers_of_two_with_a_normal_inverse_become_products(number: str):
    head = "graph(%0: float32[4])\n  %1: float32[4] = "
    text = f"{head}divide(%0, {number}:float32)\n  return %1"
    assert " divide(" in optimised(text)
    assert " multiply(%0, -0.25:float32)" in optimised(text.replace(number, "-4.0"))


def test_complex_numbers_are_left_alone():
    text = (
        "graph(%0: complex64[4])\n"
        "  %1: complex64[4] = multiply(%0, (1.0+0.0j):complex64)\n"
        "  %2: complex64[4] = conj(%1)\n"
        "  return %2"
    )
    assert optimised(text) == text

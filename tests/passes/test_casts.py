"""Casts that lead nowhere go; those that round or wrap stay."""

from __future__ import annotations

from tests.passes.checking import check_golden, optimised


def test_golden():
    check_golden("casts")


def test_whole_numbers_wrap_the_same_in_one_step():
    text = (
        "graph(%0: int32[4])\n"
        "  %1: int64[4] = cast(%0, dtype=int64)\n"
        "  %2: int8[4] = cast(%1, dtype=int8)\n"
        "  return %2"
    )
    assert "%1: int8[4] = cast(%0, dtype=int8)" in optimised(text)


def test_a_narrower_type_on_the_way_rounds():
    text = (
        "graph(%0: float64[4])\n"
        "  %1: float32[4] = cast(%0, dtype=float32)\n"
        "  %2: float64[4] = cast(%1, dtype=float64)\n"
        "  return %2"
    )
    assert optimised(text) == text

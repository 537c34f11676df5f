"""Reductions of single elements are reshapes; sums start at zero, so -0 becomes 0."""

from __future__ import annotations

from tests.passes.checking import check_golden


def test_golden():
    check_golden("reductions")

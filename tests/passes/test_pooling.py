"""Masks after the adjoint of a maximum, and before it: the same numbers."""

from __future__ import annotations

from tests.passes.checking import check_golden


def test_golden():
    check_golden("pooling")

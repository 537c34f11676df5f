"""Backends see products of plain matrices, or of batches that have to be batches."""

from __future__ import annotations

from tests.passes.checking import check_golden


def test_golden():
    check_golden("matrices")

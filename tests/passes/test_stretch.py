"""Elementwise ops read the small array."""

from __future__ import annotations

from tests.passes.checking import check_golden


def test_golden():
    check_golden("stretch")

"""Views that follow each other are one, and those that move nothing go."""

from __future__ import annotations

from tests.passes.checking import check_golden


def test_golden():
    check_golden("movement")

"""Rows that are there more than once."""

from __future__ import annotations

import numpy as np

from retroprop.health.checks.rows import duplicated_rows
from tests.health.checks.cases import case, data


def test_repeated_rows():
    x, y = data()
    rows = np.arange(64) % 16
    (finding,) = duplicated_rows(case(x=x[rows], y=y[rows]))
    assert "75%" in finding.what
    assert finding.weight < 0.5
    assert list(duplicated_rows(case())) == []


def test_rows_that_contradict_each_other():
    x, y = data()
    x[32:] = x[:32]
    y[32:] = (y[:32] + 1) % 3
    (finding,) = duplicated_rows(case(x=x, y=y))
    assert finding.evidence["contrary"] == 1.0

"""No rule complains about networks that learn as they should."""

from __future__ import annotations

import pytest

from retroprop.health.rules import check
from retroprop.health.rules.progress import progress
from tests.health.rules.trainings import HEALTHY, healthy


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_training_has_no_findings(name: str) -> None:
    history = healthy(name)
    course = progress(history)
    assert course is not None
    assert course.now < 0.5 * course.start
    assert [str(finding) for finding in check(history)] == []

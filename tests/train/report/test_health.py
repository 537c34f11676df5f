"""Health on the report: findings in words, layers in pictures."""

from __future__ import annotations

from retroprop import nn
from retroprop.train.report import ReportData
from retroprop.train.report.health import health_section
from tests.health.networks import deep, watched


def test_it_shows_what_was_found_and_each_layer() -> None:
    monitor = watched(deep(nn.Sigmoid), steps=3)
    page = health_section(ReportData(title="x", health=monitor.history, findings=monitor.findings))
    assert "vanishing_gradient: the gradient shrinks" in page
    for title in ("Gradient", "Update to weight", "Saturated"):
        assert f"<title>{title}</title>" in page
    assert "Dead units" not in page


def test_a_healthy_run_is_called_so() -> None:
    monitor = watched(deep(nn.ReLU, layers=3), steps=2)
    page = health_section(ReportData(title="x", health=monitor.history))
    assert "Nothing was found" in page
    assert "<title>Dead units</title>" in page


def test_nothing_was_watched() -> None:
    assert health_section(ReportData(title="x")) == ""

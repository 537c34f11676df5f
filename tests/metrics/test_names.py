"""Metrics found by name."""

from __future__ import annotations

import pytest

from retroprop import metrics
from retroprop.errors import ArgumentError, DTypeError
from retroprop.metrics import Metric


@pytest.mark.parametrize("name", metrics.names())
def test_each_name_gives_a_metric_called_so(name: str) -> None:
    metric = metrics.get(name)
    assert isinstance(metric, Metric)
    assert metric.name == name.replace("top_k", "top_5")


def test_names_with_options_in_them() -> None:
    assert metrics.get("f1_weighted").name == "f1_weighted"
    assert repr(metrics.get("precision_binary")).startswith("Precision(average='binary'")
    assert metrics.get("top_3_accuracy").name == "top_3_accuracy"
    assert repr(metrics.get("accuracy", threshold=0.5)) == (
        "Accuracy(threshold=0.5, ignore_index=-100)"
    )


def test_metrics_and_classes_pass() -> None:
    metric = metrics.MAE()
    assert metrics.get(metric) is metric
    assert isinstance(metrics.get(metrics.R2), metrics.R2)
    assert repr(metrics.get(metrics.R2)) == "R2()"


@pytest.mark.parametrize(
    ("given", "meant"), [("acuracy", "accuracy"), ("MAE", "mae"), ("perplexty", "perplexity")]
)
def test_the_nearest_name_is_offered(given: str, meant: str) -> None:
    with pytest.raises(ArgumentError, match=f"did you mean '{meant}'"):
        metrics.get(given)


def test_other_things_are_refused() -> None:
    with pytest.raises(DTypeError, match="a metric is a name"):
        metrics.get(3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="k must be at least 1"):
        metrics.get("top_0_accuracy")

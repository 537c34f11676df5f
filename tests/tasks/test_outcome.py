"""Outputs in the data's own terms."""

from __future__ import annotations

from retroprop.tasks import outcome
from retroprop.tasks.table import Regression


def test_the_best_epoch_ignores_what_is_not_finite():
    history = [
        {"epoch": 1, "loss": 1.0, "val_loss": float("nan")},
        {"epoch": 2, "loss": 1.0, "val_loss": 0.5},
        {"epoch": 3, "loss": 1.0, "val_loss": 0.7},
    ]
    assert outcome.best_epoch(history) == 2


def test_the_summary_reads_well():
    result = {
        "task": "regression", "test_r2": 0.5, "test_rmse": 2.0, "test_mae": 1.0, "run": "r",
        "test_examples": 3, "epochs": 4, "seconds": 1.0,
    }  # fmt: skip
    first, second = outcome.summary(Regression({}), result)
    assert first.startswith("test R2 0.5000, typical error 2 (RMSE)")
    assert "report.html" in second

"""Over- and underfitting."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import nn
from retroprop.health import History
from retroprop.health.rules.fitting import overfitting, underfitting
from tests.health.rules.trainings import blobs, dense, fitted, healthy


def test_few_examples_with_shuffled_labels_are_learnt_by_heart() -> None:
    x, y = blobs(256)
    y = np.random.default_rng(0).permutation(y)
    made = fitted(
        lambda: dense(width=64),
        (x[:64], y[:64]),
        held_out=(x[64:], y[64:]),
        metrics=["accuracy"],
        epochs=40,
    )
    (finding,) = overfitting(made)
    assert "the network learns single examples by heart" in finding.why
    assert {"dropout": 0.3} in finding.fixes
    assert list(underfitting(made)) == []


def records(held: list[float], seen: list[float], **more: Any) -> History:
    pairs = enumerate(zip(held, seen, strict=True))
    rows = [{"epoch": i + 1, "val_loss": a, "loss": b, **more} for i, (a, b) in pairs]
    return History(epochs=rows)


def test_it_takes_a_rise_over_some_epochs() -> None:
    seen = [1.0, 0.5, 0.3, 0.2, 0.1, 0.05]
    assert len(list(overfitting(records([1.0, 0.6, 0.8, 1.0, 1.2, 1.3], seen)))) == 1
    assert list(overfitting(records([1.0, 0.9, 0.8, 0.7, 0.6, 0.9], seen))) == []
    assert list(overfitting(records([1.0, 0.6, 0.62, 0.63, 0.62, 0.64], seen))) == []


def test_to_be_certain_where_it_is_wrong_anyway_is_no_fault() -> None:
    seen, held = [1.0, 0.5, 0.3, 0.2, 0.1, 0.05], [1.0, 0.6, 0.8, 1.0, 1.2, 1.3]
    assert list(overfitting(records(held, seen, accuracy=0.95, val_accuracy=0.9))) == []
    assert len(list(overfitting(records(held, seen, accuracy=0.95, val_accuracy=0.7)))) == 1


def crossed() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).standard_normal((640, 2)).astype("f4")
    return x, (x[:, 0] * x[:, 1] > 0).astype("i8")


def test_a_line_cannot_part_what_is_crossed() -> None:
    (finding,) = underfitting(fitted(lambda: nn.Linear(2, 2), crossed(), epochs=8))
    assert "6 parameters for about 640 examples" in finding.why
    assert "hidden=" in finding.remedy


def test_dropout_may_be_the_cause() -> None:
    def model() -> nn.Module:
        return nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Dropout(0.95), nn.Linear(64, 2))

    (finding,) = underfitting(fitted(model, crossed(), epochs=18, lr=3e-3))
    assert finding.why.startswith("dropout=0.95")
    assert finding.fixes[0] == {"dropout": 0.1}


def test_a_layer_of_one_unit_may_be() -> None:
    model = lambda: nn.Sequential(nn.Linear(8, 1), nn.ReLU(), nn.Linear(1, 4))  # noqa: E731
    (finding,) = underfitting(fitted(model, epochs=20, lr=0.03))
    assert finding.why.startswith("0 has 1 units for 4 outputs")


def test_networks_that_fit_are_left_alone() -> None:
    assert list(underfitting(healthy("converged"))) == []

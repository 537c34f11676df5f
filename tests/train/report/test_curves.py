"""Learning curves, and what they say in words."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from retroprop.train.report import learning_curves
from retroprop.train.report.curves import curve_figures, curve_names, verdict


def history(losses: list[float], **others: list[Any]) -> list[dict[str, Any]]:
    records = [{"epoch": i, "loss": loss} for i, loss in enumerate(losses, start=1)]
    for name, values in others.items():
        for record, value in zip(records, values, strict=True):
            record[name] = value
    return records


def titles(markup: list[str]) -> list[str]:
    return [each.partition("<title>")[2].partition("</title>")[0] for each in markup]


FALLING = [1.0, 0.8, 0.6, 0.4]


def test_one_chart_per_number() -> None:
    records = history(
        FALLING, val_loss=FALLING, accuracy=FALLING, val_accuracy=FALLING, lr=[3, 2, 1, 0.5]
    )
    assert titles(curve_figures(records)[:3]) == ["Loss", "Accuracy", "Learning rate"]
    assert curve_names(records) == ["loss", "accuracy"]


def test_what_has_no_curve() -> None:
    records = history(FALLING, seconds=[1, 1, 1, 1], lr=[0.1] * 4, matrix=[np.eye(2)] * 4)
    assert curve_names(records) == ["loss"]
    assert titles(curve_figures(records)[:1]) == ["Loss (training)"]  # lr never changed
    assert curve_names([{"epoch": 1, "val_r2": 0.5}]) == ["r2"]
    assert curve_figures([]) == []
    assert curve_figures([{"epoch": 1, "loss": math.nan}]) == []


def test_large_ranges_get_a_logarithmic_axis() -> None:
    assert titles(curve_figures(history([100.0, 1.0, 0.1])))[0] == "Loss (training), logarithmic"
    assert titles(curve_figures(history([100.0, 1.0, 0.0])))[0] == "Loss (training)"


def test_learning_rates_read_best_as_they_are() -> None:
    cosine = history([1.0] * 4, lr=[1e-3, 7e-4, 3e-4, 1e-9])
    assert "1e-9" not in curve_figures(cosine)[1]
    steps = history([1.0] * 5, lr=[1.0, 1e-1, 1e-2, 1e-3, 1e-4])
    assert ">0.0001<" in curve_figures(steps)[1]


def test_the_lowest_validation_loss_is_marked() -> None:
    (loss, *_) = curve_figures(history(FALLING, val_loss=[3.0, 1.0, 2.0, 2.5]))
    assert "lowest: epoch 2" in loss


def test_an_odd_chart_gets_numbers_beside_it() -> None:
    cards = curve_figures(history(FALLING, val_loss=[3.0, 1.0, 2.0, 2.5]))
    assert len(cards) == 2
    assert '<th class="r">first</th><th class="r">best</th><th class="r">last</th>' in cards[1]
    assert "<td>validation loss</td>" in cards[1]
    assert '<td class="r">2.5</td>' in cards[1]
    assert len(curve_figures(history([1.0]))) == 1


@pytest.mark.parametrize(
    ("losses", "validation", "said"),
    [
        (FALLING, None, "Training loss was still falling at the end"),
        (FALLING, [1.0, 0.9, 0.8, 0.7], "Validation loss was still falling"),
        ([1.0, 0.5, 0.2, 0.1, 0.1], [1.0, 0.5, 0.6, 0.8, 1.0], "lowest at epoch 2 (0.5) and rose"),
        ([1.0, 0.2, 0.9, 1.5], None, "the learning rate may be too high"),
        ([1.0, 0.5, 0.4, 0.4], [1.0, 0.5, 0.5, 0.5], "Validation loss settled"),
        ([1.0, 0.3, 0.3, 0.2999], None, "Training loss settled at 0.3."),
        ([1.0, 0.5, math.nan, math.nan], None, ""),
        ([1.0, 0.5], None, ""),
        ([], None, ""),
    ],
)
def test_verdicts(losses: list[float], validation: list[float] | None, said: str) -> None:
    records = history(losses) if validation is None else history(losses, val_loss=validation)
    assert said in verdict(records)
    assert bool(said) == bool(verdict(records))


def test_the_picture_is_a_file_of_its_own() -> None:
    records = history(FALLING, val_loss=FALLING, val_accuracy=FALLING, lr=[3, 2, 1, 0.5])
    root = ET.fromstring(learning_curves(records, title="a & b"))
    assert root.tag.endswith("}svg")
    names = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a & b", "Loss", "Accuracy (validation)", "Learning rate"} <= set(names)


def test_a_picture_before_the_first_epoch() -> None:
    assert "no epoch is done yet" in learning_curves([])


def test_records_without_an_epoch_are_counted() -> None:
    assert "still falling" in verdict([{"loss": value} for value in FALLING])

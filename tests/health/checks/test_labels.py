"""Labels of the wrong kind, and classes of very different sizes."""

from __future__ import annotations

import numpy as np

from retroprop import nn
from retroprop.health.checks.labels import class_imbalance, wrong_labels
from tests.health.checks.cases import case, data, mlp


def test_classes_out_of_balance():
    y = data()[1]
    rare = np.zeros(64, "i8")
    rare[:2] = 1
    (finding,) = class_imbalance(case(y=rare))
    assert finding.fixes == ({"class_weight": "balanced"},)
    assert finding.weight >= 0.5
    assert list(class_imbalance(case(y=rare, options={"class_weight": "balanced"}))) == []
    assert list(class_imbalance(case(y=y))) == []


def test_a_single_class():
    (finding,) = class_imbalance(case(y=np.ones(64, "i8")))
    assert finding.weight == 1.0


def test_labels_out_of_range():
    y = data()[1]
    (finding,) = wrong_labels(case(y=y + 1))
    assert "count from 1" in finding.remedy
    (finding,) = wrong_labels(case(y=y - 1))
    assert "-1..1" in finding.what
    ignored = np.where(np.arange(64) == 0, -100, y)
    assert list(wrong_labels(case(y=ignored))) == []
    assert list(wrong_labels(case())) == []


def test_labels_of_the_wrong_kind():
    y = data()[1]
    (finding,) = wrong_labels(case(y=y.astype("f4")))
    assert "int64" in finding.remedy
    shares = np.eye(3, dtype="f4")[y]
    assert list(wrong_labels(case(y=shares))) == []


def test_two_classes_are_0_and_1():
    signs = np.sign(data()[0][:, :1])
    (finding,) = wrong_labels(case(mlp(outputs=1), nn.BCEWithLogitsLoss(), y=signs))
    assert "(target + 1) / 2" in finding.remedy


def test_outputs_that_no_label_reaches():
    (finding,) = wrong_labels(case(mlp(outputs=6)))
    assert finding.weight < 0.5

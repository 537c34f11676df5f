"""Batch norm and dropout in the wrong mode, or before too few examples."""

from __future__ import annotations

from retroprop import nn
from retroprop.health.checks.modes import batch_of_one, left_in_eval
from tests.health.checks.cases import case, data


def model():
    layers = (nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    return nn.Sequential(*layers)


def test_a_batch_of_one():
    x, y = data()
    (finding,) = batch_of_one(case(model(), x=x[:1], y=y[:1]))
    assert finding.where == ("1",)
    assert finding.weight == 1.0
    assert [f.weight for f in batch_of_one(case(model(), x=x[:3], y=y[:3]))] == [0.5]
    assert list(batch_of_one(case(model()))) == []


def test_a_last_batch_of_one():
    (finding,) = batch_of_one(case(model(), options={"batch_size": 9}))
    assert "last batch" in finding.why
    assert list(batch_of_one(case(model(), options={"batch_size": 16}))) == []


def test_images_have_values_enough_in_one_example():
    x = data()[0].reshape(8, 1, 8, 8)
    conv = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 3))
    assert list(batch_of_one(case(conv, x=x[:1], y=data()[1][:1]))) == []


def test_left_in_evaluation_mode():
    wrong = model().eval()
    (finding,) = left_in_eval(case(wrong))
    assert finding.where == ("1", "3")
    wrong.train()
    wrong[3].eval()
    assert [f.weight for f in left_in_eval(case(wrong))] == [0.5]
    assert list(left_in_eval(case(model()))) == []


def test_what_is_frozen_too_is_meant():
    tuned = model()
    tuned[1].eval().requires_grad_(False)
    assert list(left_in_eval(case(tuned))) == []

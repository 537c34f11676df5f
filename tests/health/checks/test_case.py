"""A case is made of whatever is at hand."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop import nn, optim
from retroprop.health.checks.case import classes_of, flat, kind_of_loss, make_case
from retroprop.health.doctor import examine
from retroprop.nn import functional as F
from tests.health.checks.cases import case, data


def test_the_task_is_told_from_loss_and_targets():
    x, y = data()
    assert case().task == "classification"
    assert case(nn.Linear(8, 1), "mse", y=x[:, :1]).task == "regression"
    own = make_case(nn.Linear(8, 3), lambda p, t: p.sum(), x, y)
    assert own.task == "classification"
    assert make_case(nn.Linear(8, 3), lambda p, t: p.sum(), x, x).task == ""


def test_lists_and_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            self.line = nn.Linear(8, 3)

        def forward(self, a, b):
            return self.line(a + b)

    x, y = data()
    made = make_case(Two(), "cross_entropy", (x, x), y.tolist())
    assert made.look.outputs == (64, 3)
    assert made.inputs[0].shape == (64, 8)


def test_several_targets_are_examined_as_far_as_that_means_something():
    x, y = data()
    model = nn.Linear(8, 3)

    def loss(prediction, target):
        return (F.cross_entropy(prediction, target["label"], reduction="none") * target["w"]).mean()

    targets = {"label": y, "w": np.ones(64, "f4")}
    made = make_case(
        model, loss, x, targets, optimizer=optim.SGD(model.parameters()), options={"batch_size": 16}
    )
    assert (made.size, made.target, made.task) == (64, None, "")
    found = examine(made)
    assert not found.defects
    assert found.cost.batch_size == 16
    targets["w"][3] = np.nan
    assert "1 of 64 numbers of the targets" in str(examine(make_case(model, loss, x, targets)))


@pytest.mark.parametrize(
    ("loss", "kind"),
    [("cross_entropy", "cross_entropy"), (nn.MSELoss(), "mse"), (nn.BCEWithLogitsLoss(), "binary")],
)
def test_kinds_of_losses(loss, kind):
    assert kind_of_loss(loss) == kind


def test_classes_and_flat_inputs():
    assert classes_of(case(nn.Linear(8, 1), "mse", y=data()[0][:, :1])) is None
    column = case(nn.Linear(8, 1), nn.BCEWithLogitsLoss(), y=np.ones((64, 1), "f4"))
    assert classes_of(column).tolist() == [1] * 64
    assert flat((np.zeros(3),)) is None
    assert flat(np.array(["a"])) is None

"""Tables: outputs in the data's own terms; what is decided by the data."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.tasks.plan import plan
from retroprop.tasks.table import Classification, Regression

X = [k / 10 for k in range(60)]


class _Outputs:
    """A trainer whose network gives what the test wants."""

    def __init__(self, outputs):
        self.outputs = np.asarray(outputs)

    def predict(self, x):
        return self.outputs[: len(x)]


def test_classes_get_names_and_probabilities(tmp_path):
    kinds = ["cat" if k % 2 else "dog" for k in range(60)]
    job = plan({"a": X, "kind": kinds}, target="kind").job(tmp_path)
    assert job.task.name == "classification"
    part = job.task.open({"a": [1.0, 2.0]})
    answer = job.task.predict(_Outputs([[0.0, 0.0], [1000.0, -1000.0]]), part, {})
    assert answer == {"prediction": ["cat", "cat"], "probability": [0.5, 1.0]}


def test_numbers_come_back_in_their_units(tmp_path):
    job = plan({"a": X, "price": [10.0 + 20 * (k % 2) for k in range(60)]}, target="price")
    job = plan({"a": X, "price": [10.5 * k for k in range(60)]}, target="price").job(tmp_path)
    mean = float(np.mean(job.parts.train.y))
    part = job.task.open({"a": [1.0]})
    assert job.task.predict(_Outputs([[0.0]]), part, {})["prediction"] == [pytest.approx(mean)]


def test_a_named_task_decides_how_the_target_is_read(tmp_path):
    table = {"a": X, "size": [k % 3 for k in range(60)]}
    for kind in (Classification, Regression):
        job = plan(table, target="size", task=kind.name).job(tmp_path)
        assert job.task.name == kind.name
    assert plan(table, target="size").job(tmp_path).task.name == "classification"


def test_what_was_learned_is_restored(tmp_path):
    job = plan({"a": X, "b": [2 * x for x in X]}, {"hidden": [4]}, target="b").job(tmp_path)
    again = Regression(job.options)
    again.restore(job.task.to_dict())
    assert again.to_dict() == job.task.to_dict()
    assert again.build().state_dict().keys() == job.model.state_dict().keys()

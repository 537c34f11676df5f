"""What a run begins with: task, data, options."""

from __future__ import annotations

import json

import pytest

from retroprop.errors import ArgumentError, CheckpointError
from retroprop.tasks import train
from retroprop.tasks.plan import called, plan

TABLE = {"a": [k / 10 for k in range(40)], "b": [k / 5 for k in range(40)]}


def test_the_same_plan_makes_many_jobs(tmp_path):
    made = plan(TABLE, {"hidden": [4], "epochs": 3}, target="b")
    one, two = made.job(tmp_path), made.job(tmp_path, epochs=5)
    assert (one.options["epochs"], two.options["epochs"]) == (3, 5)
    assert one.task is not two.task
    assert not list(tmp_path.iterdir())


def test_options_may_come_from_a_function_of_the_table():
    made = plan(TABLE, lambda table: {"epochs": 2 if "hidden" in table else 1}, target="b")
    assert made.given == {"epochs": 2}


def test_what_a_run_was_begun_with(tmp_path):
    folder = tmp_path / "run"
    train(TABLE, {"epochs": 1, "lr": 0.5}, target="b", folder=folder, progress=False, say=str)
    for run in (folder, folder / "config.json"):
        made = plan(TABLE, {"epochs": 4}, run=run)
        assert (made.given["epochs"], made.given["lr"], made.asked["target"]) == (4, 0.5, "b")
        assert made.kind.name == "regression"


def test_notes_are_said():
    said: list[str] = []
    plan(TABLE, target="b", say=said.append)
    assert any("to train" in line for line in said)


def test_mistakes_are_explained(tmp_path):
    with pytest.raises(ArgumentError, match="did you mean 'epochs'"):
        plan(TABLE, {"epoch": 3}, target="b")
    with pytest.raises(CheckpointError, match="no run folder"):
        plan(TABLE, run=tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"options": {}}))
    with pytest.raises(CheckpointError, match="no config"):
        plan(TABLE, run=tmp_path)


def test_what_a_source_is_called(tmp_path):
    assert called(tmp_path / "a.csv") == (True, str(tmp_path / "a.csv"))
    assert called("To be,\nor not") == (False, "text")
    assert called([1]) == (False, "list")

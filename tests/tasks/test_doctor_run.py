"""What the doctor looks at is what `retroprop train` would begin."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retroprop.errors import ArgumentError, CheckpointError
from retroprop.health.doctor import examine
from retroprop.tasks import run as runs
from retroprop.tasks.doctor_run import case_of, fit, open_patient, short, watch
from retroprop.tasks.plan import plan


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).standard_normal((300, 3))
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{'yes' if a + b > 0 else 'no'}" for a, b, c in x]
    (tmp_path / "table.csv").write_text("a,b,c,label\n" + "\n".join(lines) + "\n")
    return tmp_path


def test_the_model_is_the_one_that_would_be_trained(table):
    patient = open_patient("table.csv", {"hidden": [8], "seed": 3}, target="label")
    job = patient.job()
    other = plan("table.csv", {"hidden": [8], "seed": 3}, target="label").job(table / "r")
    for name, value in job.model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), other.model.state_dict()[name].numpy())
    made = case_of(job)
    assert made.task == "classification"
    assert set(made.columns) == {"a", "b", "c"}
    assert len(made.columns["a"]) == len(made.targets)
    assert examine(made).defects == ()
    assert [path.name for path in table.iterdir()] == ["table.csv"]


def test_columns_are_those_of_the_part_that_is_trained_on(table):
    made = case_of(open_patient("table.csv", {"validation": 0.2}, target="label").job())
    assert len(made.columns["a"]) == len(made.targets) < 240


def test_a_run_folder_and_its_config(table):
    options = {"hidden": [4], "epochs": 1}
    runs.train("table.csv", options, target="label", folder="r", progress=False, say=str)
    for source in ("r", "r/config.json"):
        patient = open_patient(source, {"lr": 0.5})
        assert patient.plan.given["hidden"] == [4]
        assert patient.plan.given["lr"] == 0.5
        assert patient.plan.asked["target"] == "label"
        assert patient.folder.name == "r"


def test_files_that_are_no_run(table):
    (table / "options.json").write_text(json.dumps({"epochs": 3}))
    with pytest.raises(ArgumentError, match="names no data"):
        open_patient("options.json")
    (table / "config.json").write_text(json.dumps({"asked": {}}))
    with pytest.raises(CheckpointError, match="no config"):
        open_patient("config.json")


def test_a_job_cut_short_keeps_its_schedule(table):
    job = open_patient("table.csv", {"batch_size": 8, "epochs": 50}, target="label").job()
    per_epoch = -(-len(job.x_train) // 8)
    assert short(job, 10) == 10
    assert len(job.x_train) == len(job.y_train) == 80
    assert job.options["epochs"] == 1
    job = open_patient("table.csv", {"batch_size": 8, "epochs": 50}, target="label").job()
    assert short(job, 3 * per_epoch + 1) == 3 * per_epoch
    trainer = job.trainer()
    trainer.callbacks = []
    assert fit(job, trainer) > 0
    assert trainer.step == 3 * per_epoch


def test_a_short_run_is_watched(table):
    patient = open_patient(
        "table.csv", {"hidden": [32] * 8, "activation": "sigmoid"}, target="label"
    )
    watched = watch(patient.job(), 60)
    assert "vanishing_gradient" in [finding.rule for finding in watched.findings]
    assert watched.diverged is None
    assert [path.name for path in table.iterdir()] == ["table.csv"]


def test_a_run_that_diverges_is_a_finding(table):
    options = {"optimizer": "sgd", "lr": 1e9, "clip_grad_norm": None, "schedule": "constant"}
    patient = open_patient("table.csv", options, target="c")
    watched = watch(patient.job(), 60)
    assert watched.diverged is not None
    (finding,) = (one for one in watched.findings if one.rule == "not_finite")
    assert finding.fixes == ({"lr": 1e8, "clip_grad_norm": 1.0}, {"lr": 1e7})

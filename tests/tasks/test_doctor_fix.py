"""Remedies are tried from one seed, and only a real gain counts."""

from __future__ import annotations

import json
import math
import shlex

import numpy as np
import pytest

from retroprop.health.finding import Finding
from retroprop.tasks.doctor_fix import (
    Trial,
    best_of,
    command_line,
    remedies,
    try_out,
    write_options,
)
from retroprop.tasks.doctor_run import open_patient
from retroprop.tasks.table import Table


def tried(findings, options):
    return remedies(findings, Table.OPTIONS, options)


def finding(weight, *fixes):
    return Finding("r", "", "", "", weight, fixes=fixes)


@pytest.fixture
def patient(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).standard_normal((400, 3))
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{'yes' if a + b > 0 else 'no'}" for a, b, c in x]
    (tmp_path / "table.csv").write_text("a,b,c,label\n" + "\n".join(lines) + "\n")
    given = {"hidden": [32] * 8, "activation": "sigmoid"}
    return open_patient("table.csv", given, target="label")


def test_remedies_are_options_of_a_run_best_first():
    found = [finding(0.5, {"lr": 0.1}), finding(0.9, {"batch_norm": True}, {"surgery": 1})]
    assert tried(found, {"batch_norm": False, "lr": 1.0}) == [
        {"batch_norm": True},
        {"lr": 0.1},
    ]
    assert tried(found, {"batch_norm": True, "lr": 0.1}) == []
    assert tried([finding(0.9, {"lr": -1.0})], {}) == []
    assert len(tried([finding(0.9, *({"lr": 10.0**-k} for k in range(5)))], {})) == 2


def test_a_remedy_is_measured_from_the_same_seed(patient):
    before, again = try_out(patient, {}, 60), try_out(patient, {}, 60)
    assert before == again
    after = try_out(patient, {"batch_norm": True}, 60)
    assert after.score > before.score + 0.2
    assert best_of(before, [before._replace(changes={"lr": 1.0}), after]) == after
    assert before.measure == "f1"


def test_a_gain_within_chance_is_none():
    before = Trial({}, "f1", 0.90, 0.3, 0.03, 100)
    assert best_of(before, [before._replace(score=0.92)]) is None
    assert best_of(before, []) is None
    assert best_of(before, [before._replace(score=math.nan)]) is None
    stopped = before._replace(score=math.nan)
    assert best_of(stopped, [before]) == before


def test_the_line_to_train_with(patient):
    line = command_line(patient, {"activation": "relu", "batch_norm": True})
    words = shlex.split(line)
    assert words[:5] == ["retroprop", "train", "table.csv", "--target", "label"]
    assert words[-2:] == ["activation=relu", "batch_norm=true"]


def test_nothing_of_the_user_is_overwritten(patient, tmp_path):
    assert write_options(patient, {"lr": 0.1}) is None
    (tmp_path / "config.json").write_text("{}")
    run = patient._replace(folder=tmp_path)
    path = write_options(run, {"lr": 0.1})
    assert json.loads(path.read_text())["lr"] == 0.1
    write_options(run, {"lr": 0.2})
    assert json.loads((tmp_path / "doctor.json.before").read_text())["lr"] == 0.1
    assert (tmp_path / "config.json").read_text() == "{}"

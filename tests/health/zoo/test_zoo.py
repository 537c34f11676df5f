"""A small fixed part of the zoo is judged rightly; `python -m tests.health.zoo` runs all of it."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from tests.health.zoo import training
from tests.health.zoo.data import SETS, load
from tests.health.zoo.defects import DEFECTS
from tests.health.zoo.healthy import HEALTHY
from tests.health.zoo.report import alarms, judged, markdown
from tests.health.zoo.spec import Case, Spec, defect, spec, with_fix
from tests.health.zoo.training import prepare

train = functools.cache(training.train)

_BLOBS = spec("blobs", steps=160)
_SOME = [
    defect(
        "vanishing_gradient", spec("blobs", depth=8, steps=160), activation="sigmoid", init="torch"
    ),
    defect("learning_rate_too_low", _BLOBS, lr=1e-7),
    defect("dead_relu", _BLOBS, flaw="dead"),
    defect("not_optimized", _BLOBS, flaw="forgotten"),
    defect("symmetric_start", _BLOBS, init="equal"),
    defect("unscaled_inputs", _BLOBS, inputs="large"),
]


def test_there_are_enough_of_both() -> None:
    assert len(DEFECTS) >= 60
    assert len(HEALTHY) >= 40
    assert len({case.sick for case in DEFECTS}) == len(DEFECTS)
    assert len(set(HEALTHY)) == len(HEALTHY)
    assert all(case.sick != case.twin for case in DEFECTS)


@pytest.mark.parametrize("case", _SOME, ids=lambda case: case.rules[0])
def test_a_defect_is_found(case: Case) -> None:
    assert case.rules[0] in {finding.rule for finding in train(case.sick).findings}


@pytest.mark.parametrize("one", [_BLOBS, spec("moons", lr=0.01)], ids=lambda one: one.data)
def test_a_healthy_network_has_no_alarm(one: Spec) -> None:
    result = train(one)
    assert alarms(result) == []
    assert result.score > 0.85


def test_a_fix_restores_and_the_tables_say_so() -> None:
    case = defect("learning_rate_too_low", _BLOBS, lr=1e-6)
    one = judged(case, train)
    assert one.is_found
    assert one.is_harmful
    assert one.can_be_fixed
    assert one.is_restored(one.fixed)
    text = markdown([one], [(case.twin, one.twin)])
    assert "| learning_rate_too_low | 1 | 1 | 1 | 100% | 1 | 1 | 100% | 0 |" in text
    assert "by a first or second fix of a right finding: 1 (100%)" in text


def test_a_training_is_a_function_of_its_spec() -> None:
    first, second = train(_BLOBS), training.train(_BLOBS)
    assert first.score == second.score
    assert prepare(replace(_BLOBS, seed=1))[1].x[0, 0] != prepare(_BLOBS)[1].x[0, 0]


@pytest.mark.parametrize("name", [*SETS, "iris", "wine", "fashion"])
def test_data_is_usable(name: str) -> None:
    data = load(name, examples=64, length=0, model="mlp", inputs="standard", seed=0)
    assert len(data.x) == len(data.y) == 64
    assert np.isfinite(data.x).all()
    assert len(np.unique(data.y)) >= 2


def test_fixes_become_options() -> None:
    sick = spec("blobs", flaw="dead", memory=0.5)
    fixed = with_fix(sick, {"init": "he", "batch_norm": True})
    assert fixed == spec("blobs", init="he", norm="batch")
    wider = with_fix(sick, {"hidden": [64, 64], "epochs": 2})
    assert wider == replace(sick, width=64, depth=3, steps=32)
    assert with_fix(sick, {"surgery": 1}) is None

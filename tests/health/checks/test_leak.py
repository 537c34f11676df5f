"""Columns that are the target in other clothes."""

from __future__ import annotations

import numpy as np

from retroprop.health.checks.leak import leaked_target
from tests.health.checks.cases import case, data, mlp


def test_a_number_made_from_the_class():
    x, y = data()
    noise = 0.01 * np.random.default_rng(1).standard_normal(64)
    x[:, 5] = 10 * y + noise
    (finding,) = leaked_target(case(x=x))
    assert finding.where == ("feature 5",)
    assert finding.weight >= 0.5


def test_a_category_that_names_the_class():
    x, y = data()
    columns = {"a": x[:, 0], "ward": np.array(list("ABC"), object)[y]}
    (finding,) = leaked_target(case(columns=columns))
    assert finding.where == ("ward",)


def test_a_number_in_other_units():
    x = data()[0]
    columns = {"a": x[:, 1], "euros": np.exp(x[:, 0])}
    (finding,) = leaked_target(case(mlp(outputs=1), "mse", y=x[:, :1], columns=columns))
    assert finding.where == ("euros",)


def test_what_only_decides_the_class_is_no_leak():
    assert list(leaked_target(case())) == []
    x, y = data()
    assert list(leaked_target(case(columns={"only": y.astype(float)}))) == []
    noisy = {"a": x[:, 1], "b": x[:, 0] + 0.1 * x[:, 2]}
    assert list(leaked_target(case(mlp(outputs=1), "mse", y=x[:, :1], columns=noisy))) == []

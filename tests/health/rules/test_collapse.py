"""Classifiers that answer the same whatever they see."""

from __future__ import annotations

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.health.rules.collapse import class_collapse
from tests.health.rules.trainings import blobs, dense, fitted, healthy


def test_a_bias_that_outvotes_everything_is_found() -> None:
    def model() -> nn.Module:
        made = dense()
        with rp.no_grad():
            made[4].bias.assign(rp.asarray(np.array([0, 30, 0, 0], "f4")))
        return made

    (finding,) = class_collapse(fitted(model, lr=1e-3, epochs=8))
    assert finding.where == ("class 1",)
    assert "no better than without inputs" in finding.what
    assert {"init": "auto"} in finding.fixes


def test_rare_classes_that_are_given_up_are_found() -> None:
    x = np.random.default_rng(0).standard_normal((1200, 8)).astype("f4")
    y = (np.arange(1200) % 20 == 0).astype("i8")  # the inputs say nothing of them
    model = lambda: dense(outputs=2, width=8)  # noqa: E731
    (finding,) = class_collapse(fitted(model, (x, y), epochs=5, lr=2e-3, looks=20))
    assert "class 0; 9" in finding.what  # 95 %, as far as the batches that were looked at go
    assert finding.fixes == ({"class_weight": "balanced"},)


def test_one_number_may_be_two_classes() -> None:
    history = fitted(
        lambda: dense(outputs=1),
        (blobs()[0], (blobs()[0][:, :1] > 0).astype("f4")),
        loss="binary_cross_entropy_with_logits",
        epochs=6,
    )
    seen = history.recent("predicted", "")
    assert seen[-1].shape == (2,)
    assert seen[-1].sum() == 1
    assert 0.3 < seen[-1][0] < 0.7
    assert list(class_collapse(history)) == []


def test_networks_that_tell_classes_apart_are_left_alone() -> None:
    assert list(class_collapse(healthy("dense"))) == []

"""Modules that are options and a function read as the call that made them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.nn.options import Optioned


class Sample(Optioned):
    always_shown = ("size",)

    def __init__(self, size: int = 3, flag: bool = False, *, name: str = "a", own: Any = None):
        self.size, self.flag, self.name, self.own = size, flag, name, own


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (Sample(), "Sample(size=3)"),
        (Sample(4, True), "Sample(size=4, flag=True)"),
        (Sample(name="b"), "Sample(size=3, name='b')"),
        (Sample(flag=0), "Sample(size=3, flag=0)"),  # type: ignore[arg-type]
    ],
)
def test_what_differs_from_the_default_is_shown(module: Any, text: str) -> None:
    assert repr(module) == text


def test_tensors_are_always_shown() -> None:
    assert "own=" in repr(Sample(own=rp.ones(2)))


@pytest.mark.parametrize(
    "text",
    [
        "nn.ReLU()", "nn.ReLU(inplace=True)", "nn.LeakyReLU(negative_slope=0.2)",
        "nn.GELU(approximate='tanh')", "nn.Softmax(dim=1)", "nn.Threshold(threshold=0.1, value=2)",
        "nn.MSELoss()", "nn.MSELoss(reduction='sum')", "nn.HuberLoss(delta=2.0)",
        "nn.CrossEntropyLoss(ignore_index=0, label_smoothing=0.1)", "nn.TripletMarginLoss(p=1.0)",
        "nn.QuantileLoss(quantile=(0.1, 0.9))", "nn.KLDivLoss(reduction='batchmean')",
        "nn.SigmoidFocalLoss(alpha=0.25, gamma=2.0)", "nn.GIoULoss(eps=0.001)",
        "nn.ArcFace(features=4, classes=3, scale=64.0, margin=0.5, easy_margin=True)",
        "nn.PReLU(num_parameters=4)", "nn.CTCLoss(blank=1, zero_infinity=True)",
    ],
)  # fmt: skip
def test_a_module_reads_as_the_call_that_made_it(text: str) -> None:
    made = eval(text, {"nn": nn, "np": np})
    assert f"nn.{made!r}" == text

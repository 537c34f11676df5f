"""`retroprop bench`: numbers that can be compared, on networks that are those of the comparison."""

from __future__ import annotations

import importlib.util
import json
import math
import sys

import pytest

from retroprop.cli import main
from retroprop.cli.bench import WORKLOADS
from tests.structure.sources import ROOT


def test_a_workload_is_timed(capsys):
    assert main(["bench", "tiny-mlp", "--seconds", "0.05", "--json"]) == 0
    streams = capsys.readouterr()
    result = json.loads(streams.out.splitlines()[-1])
    assert result["task"] == "bench"
    assert list(result["workloads"]) == ["tiny-mlp"]
    times = result["workloads"]["tiny-mlp"]
    for key in ("ms", "many_ms", "gflops", "first_call_seconds"):
        assert math.isfinite(times[key])
        assert times[key] > 0
    assert times["steps_per_call"] == 64
    rate = WORKLOADS["tiny-mlp"].flops / min(times["ms"], times["many_ms"]) / 1e6
    assert times["gflops"] == pytest.approx(rate)
    assert "timing tiny-mlp" in streams.err
    assert any(line.startswith("tiny-mlp ") for line in streams.out.splitlines())


@pytest.mark.parametrize(
    ("words", "way_out"),
    [
        (["tiny"], "did you mean tiny-mlp?"),
        (["tiny-mlp", "--seconds", "0"], "--seconds must be positive"),
        (["tiny-mlp", "--seconds", "nan"], "--seconds must be positive"),
    ],
)
def test_mistakes_are_explained(capsys, words, way_out):
    assert main(["bench", *words]) == 2
    assert way_out in capsys.readouterr().err


def test_the_workloads_are_those_of_the_comparison(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    where = importlib.util.spec_from_file_location("workloads", ROOT / "bench" / "workloads.py")
    compared = importlib.util.module_from_spec(where)
    monkeypatch.setitem(sys.modules, "workloads", compared)  # its dataclass looks itself up
    where.loader.exec_module(compared)
    dense = {
        name
        for name, theirs in compared.WORKLOADS.items()
        if not theirs.is_image and not theirs.is_sequence
    }
    assert set(WORKLOADS) == dense
    for name, ours in WORKLOADS.items():
        theirs = compared.WORKLOADS[name]
        assert (ours.sizes, ours.batch, ours.lr) == (theirs.sizes, theirs.batch, theirs.lr)
        assert ours.optimizer.__name__.lower() == theirs.optimizer
        assert ours.activation.__name__.lower() == theirs.activation
        assert ours.loss.__name__.removesuffix("_loss") == theirs.loss
        assert (ours.flops, ours.steps_per_call) == (theirs.flops, theirs.steps_per_call)
        assert [array.shape[1:] for array in ours.batches()] == [
            array.shape[1:] for array in theirs.data()
        ]

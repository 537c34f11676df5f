"""Results are JSON that every reader takes."""

from __future__ import annotations

import json
from argparse import Namespace

from retroprop.cli.output import emit, fail
from retroprop.errors import ArgumentError


def test_numbers_that_are_not_finite_become_null(capsys):
    emit({"a": float("nan"), "b": [1.5, float("inf")], "c": {"d": "x"}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1.5, None], "c": {"d": "x"}}


def test_failures_are_told_to_people_and_programs(capsys):
    error = ArgumentError("no such thing", fix="ask for another")
    assert fail(error, Namespace(command="train", json=True), code=2) == 2
    streams = capsys.readouterr()
    assert "no such thing" in streams.err
    assert "test_output.py" not in streams.err
    assert json.loads(streams.out)["exit_code"] == 2
    assert fail(MemoryError(), Namespace(command="train"), code=2) == 2
    assert "batch_size" in capsys.readouterr().err

"""`retroprop evaluate`."""

from __future__ import annotations

import json

import pytest

from retroprop.cli import main
from retroprop.tasks import run as runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, and the table it was trained on."""
    place = tmp_path_factory.mktemp("evaluate")
    rows = [f"{k % 7},{k % 5},{2 * (k % 7) + k % 5}" for k in range(60)]
    (place / "sums.csv").write_text("\n".join(["a,b,sum", *rows]))
    runs.train(
        place / "sums.csv", {"epochs": 2}, target="sum", folder=place / "run", progress=False,
        say=str, task="regression",
    )  # fmt: skip
    return place


def call(capsys, *arguments):
    code = main(["evaluate", *map(str, arguments)])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_scores_as_json_and_as_lines(folder, capsys):
    code, out, _ = call(capsys, folder / "run", folder / "sums.csv", "--json")
    assert code == 0
    scores = json.loads(out)
    assert scores["task"] == "regression"
    assert scores["examples"] == 60
    assert {"run", "test_loss", "test_r2", "test_rmse", "test_mae"} <= set(scores)
    code, out, _ = call(capsys, folder / "run", folder / "sums.csv")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()} == set(scores)


def test_data_without_the_target_cannot_be_scored(folder, capsys):
    (folder / "new.csv").write_text("a,b\n1,2\n")
    code, out, err = call(capsys, folder / "run", folder / "new.csv", "--json")
    assert code == 2
    assert 'no target column "sum"' in err
    assert json.loads(out)["exit_code"] == 2

"""The task from data to predictions, on tiny series."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from retroprop import tasks
from retroprop.cli import main
from retroprop.errors import ArgumentError, CheckpointError, DataError
from retroprop.tasks.plan import plan

SMALL = {
    "epochs": 20,
    "patience": None,
    "horizon": 3,
    "window": 14,
    "season": 7,
    "hidden": 4,
    "model": "gru",
    "lr": 0.02,
}


def table(n=400, seed=0, shift=0):
    """A week's shape, and a level that lasts: what the last days say helps beyond a week ago."""
    rng = np.random.default_rng(seed)
    days = [str(np.datetime64("2020-01-01") + k) for k in range(n)]
    level = np.zeros(n)
    for k in range(1, n):
        level[k] = 0.9 * level[k - 1] + rng.normal()
    return {"day": days, "load": (shift + 100 + 10 * (np.arange(n) % 7) + 3 * level).tolist()}


def train(source, folder, **options):
    chosen = {**SMALL, **options}
    return tasks.train(source, chosen, folder=folder, task="series", progress=False, say=str)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series") / "run"
    result = train(table(), folder)
    return folder, result


def test_it_beats_the_naive_forecast_and_leaves_a_report(run):
    folder, result = run
    assert result["test_mase"] < 0.8
    assert 0.6 < result["test_coverage"] < 0.95
    assert result == json.loads((folder / "result.json").read_text())
    page = (folder / "report.html").read_text()
    assert "Against free guesses" in page
    assert "<polygon" in page
    assert "<script" not in page


def test_the_future_has_dates_and_a_band(run):
    trained = tasks.Run(run[0]).load_weights()
    answer = trained.predict(table())
    assert answer["date"] == ["2021-02-04", "2021-02-05", "2021-02-06"]
    for low, middle, high in zip(answer["lower"], answer["median"], answer["upper"], strict=True):
        assert low < middle < high
    assert len(answer["ids"]) == 3
    assert trained.predict(table(), horizon=2)["date"] == answer["date"][:2]
    with pytest.raises(ArgumentError, match=r"(?s)forecasts 3 steps, not 9.*horizon=9"):
        trained.predict(table(), horizon=9)


def test_the_command_line_takes_the_horizon_as_a_flag(run, tmp_path, capsys):
    source = table()
    lines = [f"{d},{v}" for d, v in zip(source["day"], source["load"], strict=True)]
    (tmp_path / "load.csv").write_text("\n".join(["day,load", *lines]))
    assert main(["predict", str(run[0]), "--horizon", "2", str(tmp_path / "load.csv")]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "example,date,lower,median,upper"
    assert [line.split(",")[1] for line in shown[1:]] == ["2021-02-04", "2021-02-05"]


def test_an_odd_value_is_marked(run):
    source = table()
    source["load"][350] += 400
    answer = tasks.Run(run[0]).load_weights().predict(source, anomalies=True)
    marked = [d for d, a in zip(answer["date"], answer["anomaly"], strict=True) if a == "yes"]
    assert source["day"][350] in marked
    assert len(marked) < 20


def test_new_data_are_measured_after_the_training_part(run):
    trained = tasks.Run(run[0]).load_weights()
    scores = trained.evaluate(table(500))
    assert scores["examples"] == 178
    again = trained.evaluate(table())
    assert again["test_mase"] == pytest.approx(run[1]["test_mase"])
    assert again["test_coverage"] == pytest.approx(run[1]["test_coverage"])
    assert scores["test_mase"] < 0.9


def test_data_that_do_not_fit_the_run_are_refused(run):
    trained = tasks.Run(run[0]).load_weights()
    source = table()
    with pytest.raises(DataError, match="there is no column 'load'"):
        trained.predict({"day": source["day"], "lod": source["load"]})
    with pytest.raises(DataError, match="10 values; a forecast looks at the last 21"):
        trained.predict({name: cells[:10] for name, cells in source.items()})
    weekly = [str(np.datetime64("2020-01-01") + 7 * k) for k in range(400)]
    with pytest.raises(DataError, match="weekly, the run was trained on dates that are daily"):
        trained.predict({"day": weekly, "load": source["load"]})
    record = run[0] / "preprocess.json"
    kept = record.read_text()
    record.write_text('{"recipe": {}}')
    with pytest.raises(CheckpointError, match="damaged"):
        tasks.Run(run[0])
    record.write_text(kept)


def test_parts_follow_each_other_and_share_nothing(tmp_path):
    job = plan(table(), SMALL, task="series").job(tmp_path)
    horizon = job.task.recipe.horizon
    parts = [part.x.pairs[0] for part in job.parts]
    for (track, before), (_, after) in pairwise(parts):
        assert track.dates[before[-1] + horizon - 1] < track.dates[after[0]]
    assert len(job.parts.train) == len(job.x_train["past"]) == len(job.y_train)


def test_many_series_share_their_dates(tmp_path):
    first, second = table(400), table(300, seed=1, shift=500)
    source = {
        "shop": ["a"] * 400 + ["b"] * 300 + ["c"] * 20,
        "day": first["day"] + second["day"] + first["day"][:20],
        "load": first["load"] + second["load"] + first["load"][:20],
    }
    made = plan(source, SMALL, task="series")
    assert any("c (20 values)" in note for note in made.data.notes)
    job = made.job(tmp_path)
    ends = {pair[0].name: pair[0].dates[pair[1][-1]] for pair in job.parts.train.x.pairs}
    assert set(ends) == {"a", "b"}
    assert len(set(ends.values())) == 1


def test_windows_are_thinned_evenly_and_it_is_said(tmp_path):
    made = plan(table(), {**SMALL, "limit": 50}, task="series")
    job = made.job(tmp_path)
    at = job.parts.train.x.pairs[0][1]
    assert len(at) <= 50
    assert set(np.diff(at)) == {np.diff(at)[0]}
    assert any("windows are learned from" in note for note in made.data.notes)


def test_prices_give_volatility_and_an_honest_word(tmp_path):
    rng = np.random.default_rng(0)
    days = np.arange(np.datetime64("2018-01-01"), np.datetime64("2019-09-01"))
    days = days[np.is_busday(days)]
    close = 100 * np.exp(np.cumsum(0.01 * rng.normal(size=len(days))))
    columns = {"Open": close, "High": close * 1.01, "Low": close * 0.99, "Close": close}
    source = {"Date": days.astype(str).tolist(), **{k: v.tolist() for k, v in columns.items()}}
    options = {"epochs": 1, "window": 10, "horizon": 2, "hidden": 4, "model": "gru"}
    result = tasks.train(source, options, folder=tmp_path / "run", progress=False, say=str)
    assert result["task"] == "series"
    assert abs(result["test_skill"]) < 0.1
    page = (tmp_path / "run" / "report.html").read_text()
    assert "No skill" in page
    assert "GARCH(1,1)" in page
    answer = tasks.Run(tmp_path / "run").load_weights().predict(source)
    assert len(answer["volatility"]) == 2
    assert 0.3 < answer["volatility"][0] < 3
    assert answer["lower"][0] < close[-1] < answer["upper"][0]

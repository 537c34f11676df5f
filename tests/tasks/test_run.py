"""Run folders, from Python."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, CheckpointError, DataError
from retroprop.tasks import run as runs

RNG = np.random.default_rng(0)
FILES = {
    "config.json", "preprocess.json", "log.jsonl", "metrics.csv", "weights.safetensors",
    "last.safetensors", "learning_curve.svg", "report.html", "result.json",
}  # fmt: skip


def table(rows=120):
    size = RNG.uniform(50, 200, rows)
    city = RNG.choice(["Rome", "Oslo"], rows)
    price = 3 * size + 100 * (city == "Rome") + RNG.normal(0, 5, rows)
    return {"size": size.tolist(), "city": city.tolist(), "price": price.tolist()}


def bars(count=60):
    y = np.arange(count) % 3
    x = RNG.normal(0, 1, (count, 6))
    x[np.arange(count), y * 2] += 5
    return {"x": x, "y": y}


def quiet(source, folder, **options):
    settings = {"epochs": 3, **options.pop("overrides", {})}
    return runs.train(source, settings, folder=folder, progress=False, say=str, **options)


def test_regression_on_a_table_leaves_everything_behind(tmp_path):
    folder = tmp_path / "run"
    result = quiet(table(), folder, target="price", overrides={"epochs": 60, "lr": 0.01})
    assert {path.name for path in folder.iterdir()} == FILES
    assert result == json.loads((folder / "result.json").read_text())
    assert result["task"] == "regression"
    assert result["test_r2"] > 0.9
    assert result["test_rmse"] > result["test_mae"] > 0
    run = runs.Run(folder).load_weights()
    answer = run.predict({"size": [100.0, 100.0], "city": ["Rome", "Oslo"]})
    assert 30 < answer["prediction"][0] - answer["prediction"][1] < 170
    scores = run.evaluate(table(30))
    assert scores["test_r2"] > 0.8
    assert scores["examples"] == 30


def test_classification_of_arrays(tmp_path):
    result = quiet(bars(), tmp_path / "run", overrides={"epochs": 30})
    assert (result["task"], result["test_accuracy"] > 0.8) == ("classification", True)
    answer = runs.Run(tmp_path / "run").load_weights().predict({"x": bars(9)["x"]})
    assert set(answer["prediction"]) <= {"0", "1", "2"}
    assert all(0 < p <= 1 for p in answer["probability"])


def test_the_same_command_gives_the_same_bits(tmp_path):
    data = bars()
    for name in ("a", "b"):
        quiet(data, tmp_path / name)
    a, b = ((tmp_path / n / "weights.safetensors").read_bytes() for n in ("a", "b"))
    assert a == b
    quiet(data, tmp_path / "c", overrides={"seed": 5})
    assert a != (tmp_path / "c" / "weights.safetensors").read_bytes()


def test_options_take_effect(tmp_path):
    overrides = {
        "class_weight": "balanced", "ema": 0.9, "schedule": "cosine", "patience": 1,
        "label_smoothing": 0.1, "accumulate": 2, "clip_grad_norm": None, "limit": 40,
    }  # fmt: skip
    quiet(bars(), tmp_path / "run", overrides=overrides)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["options"].items() >= overrides.items()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"schedule": "cosin"}, "cosine"),
        ({"optimizer": "adm"}, "adam"),
        ({"class_weight": "even"}, "balanced"),
        ({"model": "mpl"}, "mlp"),
    ],
)
def test_mistakes_get_the_nearest_match(tmp_path, overrides, message):
    with pytest.raises(ArgumentError, match=message):
        quiet(bars(), tmp_path / "run", overrides=overrides)


def test_options_that_do_not_fit_the_data(tmp_path):
    with pytest.raises(ArgumentError, match="needs images"):
        quiet(table(), tmp_path / "a", target="price", overrides={"model": "cnn"})
    with pytest.raises(ArgumentError, match="regression"):
        quiet(table(), tmp_path / "b", target="price", overrides={"class_weight": "balanced"})
    with pytest.raises(DataError, match="price"):
        quiet(table(), tmp_path / "c", target="prise")


def test_folders_are_numbered_and_never_overwritten(tmp_path):
    base = str(tmp_path)
    first = runs.new_folder("data/houses.csv.gz", None, base=base)
    assert first == tmp_path / "houses-001"
    assert first.is_dir()  # made at once: a run that begins at the same moment takes the next one
    assert runs.new_folder("houses.csv", None, base=base).name == "houses-002"
    assert runs.new_folder("houses.csv", str(first)) == first
    (first / "mine.txt").write_text("mine")
    with pytest.raises(ArgumentError, match="--resume"):
        runs.new_folder("houses.csv", str(first))
    with pytest.raises(ArgumentError, match="no run folder"):
        runs.new_folder("houses.csv", str(first), force=True)
    assert (first / "mine.txt").exists()
    (first / "config.json").write_text("{}")
    assert runs.new_folder("houses.csv", str(first), force=True) == first
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="is a file"):
        runs.new_folder("houses.csv", str(tmp_path / "file"))


def test_damaged_runs_are_explained(tmp_path):
    with pytest.raises(CheckpointError, match="no run folder"):
        runs.Run(tmp_path)
    folder = tmp_path / "run"
    quiet(bars(), folder, overrides={"epochs": 1})
    for name in ("config.json", "preprocess.json", "weights.safetensors"):
        whole = (folder / name).read_bytes()
        for broken in (b"", b"{}", whole[: len(whole) // 2]):
            (folder / name).write_bytes(broken)
            with pytest.raises((CheckpointError, DataError)):
                runs.Run(folder).load_weights()
        (folder / name).write_bytes(whole)
    assert Path(folder / "weights.safetensors").exists()


def test_resume_continues_where_it_stopped(tmp_path):
    folder, data = tmp_path / "run", bars()
    quiet(data, folder, overrides={"epochs": 2})
    result = quiet(data, folder, overrides={"epochs": 4}, resume=True)
    assert result["epochs"] == 4
    lines = (folder / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3", "4"]
    with pytest.raises(CheckpointError, match="other data"):
        quiet(bars(), folder, overrides={"epochs": 5}, resume=True)


def test_without_validation_the_last_weights_are_kept(tmp_path):
    result = quiet(table(), tmp_path / "run", target="price", overrides={"validation": 0})
    assert (result["validation_examples"], result["best_epoch"]) == (0, 3)
    assert "validation_loss" not in result
    assert result["train_examples"] + result["test_examples"] == 120
    kept = rp.load(tmp_path / "run" / "weights.safetensors")
    last = rp.load(tmp_path / "run" / "last.safetensors")
    for name, weights in kept.items():
        assert weights.tolist() == last[f"model.{name}"].tolist()


def pandas_frame(columns):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({**columns, "kind": pandas.Categorical(columns["kind"])})


def polars_frame(columns):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({**columns, "kind": columns["kind"].tolist()})
    return frame.with_columns(
        polars.col("kind").cast(polars.Categorical), polars.col("size").fill_nan(None)
    )


@pytest.mark.parametrize("made", [pandas_frame, polars_frame])
def test_frames_dates_and_missing_values(tmp_path, made):
    count = 200
    frame = made(
        {
            "day": np.datetime64("2020-01-01", "us") + np.arange(count) * np.timedelta64(1, "D"),
            "size": np.where(np.arange(count) % 9, np.linspace(0, 5, count), np.nan),
            "kind": np.where(np.arange(count) % 2, "a", "b"),
            "price": np.linspace(0, 5, count) + np.arange(count) % 2,
        }
    )
    result = quiet(frame, tmp_path / "run", target="price", overrides={"epochs": 30, "lr": 0.01})
    assert result["test_r2"] > 0.8
    run = runs.Run(tmp_path / "run").load_weights()
    assert len(run.predict(frame[["day", "size", "kind"]])["prediction"]) == count
    assert json.loads((tmp_path / "run" / "config.json").read_text())["asked"] == {
        "source": "DataFrame", "target": "price", "task": None,
    }  # fmt: skip
    assert "2020-" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"epoch": 3}, "did you mean 'epochs'"),
        ({"epochs": "many"}, "cannot be read"),
        ({"epochs": None}, "cannot be read"),
        ({"dropout": -1}, "at least 0"),
        ({"hidden": [8, "x"]}, "cannot be read"),
        ({"validation": 0.99}, "at most 0.9"),
        ({"optimizer": 3}, "unknown optimizer"),
    ],
)
def test_options_from_python_are_checked_too(tmp_path, overrides, message):
    with pytest.raises(ArgumentError, match=message):
        runs.train(table(), overrides, target="price", folder=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("config.json", ("options", "label_smoothing"), "x"),
        ("preprocess.json", ("kind",), []),
        ("preprocess.json", ("target", "task"), "x"),
        ("preprocess.json", ("target", "classes"), [[1], [2]]),
        ("preprocess.json", ("schema", "columns"), [["size", "x"], ["city", "x"]]),
    ],
)
def test_a_folder_that_was_edited_is_explained(tmp_path, name, path, value):
    quiet(table(60), tmp_path / "run", target="city")
    file = tmp_path / "run" / name
    content = json.loads(file.read_text())
    part = content
    for key in path[:-1]:
        part = part[key]
    assert path[-1] in part
    part[path[-1]] = value
    file.write_text(json.dumps(content))
    with pytest.raises((CheckpointError, DataError)):
        runs.Run(tmp_path / "run").load_weights().evaluate(table(20))


def test_a_run_of_another_version_says_so(tmp_path):
    quiet(table(60), tmp_path / "run", target="city", overrides={"epochs": 1})
    path = tmp_path / "run" / "config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "format": 1}))
    with pytest.raises(CheckpointError, match="another format"):
        runs.Run(tmp_path / "run")
    with pytest.raises(CheckpointError, match="another format"):
        quiet(table(60), tmp_path / "run", target="city", resume=True)

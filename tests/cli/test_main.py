"""The program as a person uses it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from retroprop.cli import main

CSV = "size,city,price\n" + "\n".join(
    f"{50 + i},{'Rome' if i % 3 else 'Oslo'},{3 * (50 + i) + 100 * (i % 3 > 0)}" for i in range(80)
)


@pytest.fixture
def houses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "houses.csv").write_text(CSV)
    return tmp_path


def call(capsys, *arguments):
    code = main(list(arguments))
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])


def test_train_predict_evaluate(houses, capsys):
    code, out, err = call(
        capsys, "train", "houses.csv", "--target", "price", "epochs=3", "--json", "--quiet"
    )
    assert code == 0
    result = last_json(out)
    assert {"task", "run", "epochs", "seconds", "train_loss", "test_loss", "test_r2"} <= set(result)
    assert result["run"] == os.path.join("runs", "houses-001")
    assert "regression" in err
    code, out, _ = call(capsys, "predict", result["run"], "houses.csv")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "example,prediction"
    assert len(lines) == 81
    code, out, _ = call(capsys, "evaluate", result["run"], "houses.csv", "--json")
    assert code == 0
    assert last_json(out)["examples"] == 80
    code, out, _ = call(capsys, "predict", result["run"], "houses.csv", "--json")
    assert len(last_json(out)["prediction"]) == 80
    assert call(capsys, "predict", result["run"], "houses.csv", "--out", "p.csv")[0] == 0
    code, _, err = call(capsys, "predict", result["run"], "houses.csv", "--out", "p.csv")
    assert (code, "--force" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nothing.csv"], "nothing.csv"),
        (["train", "houses.csv", "--target", "prise"], "price"),
        (["train", "houses.csv", "--target", "price", "epoch=3"], "epochs"),
        (["train", "houses.csv", "--target", "price", "--task", "ranking"], "classification"),
        (["train", "houses.csv", "--config", "none.json"], "none.json"),
        (["predict", "nowhere", "houses.csv"], "no run folder"),
        (["train", "houses.csv", "--resume", "nowhere"], "no run folder"),
        (["train", "houses.csv", "--resume", "a", "--out", "b"], "--out"),
    ],
)
def test_mistakes_are_one_message_and_code_2(houses, capsys, arguments, message):
    code, out, err = call(capsys, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert out == ""
    code, out, _ = call(capsys, *arguments, "--json")
    assert last_json(out)["exit_code"] == 2


def test_usage_errors_are_code_2(capsys):
    assert call(capsys)[0] == 2
    assert call(capsys, "trian")[0] == 2
    assert call(capsys, "train")[0] == 2
    assert call(capsys, "--help")[0] == 0
    assert call(capsys, "train", "--options")[0] == 0


def test_a_run_folder_is_not_overwritten(houses, capsys):
    arguments = ["train", "houses.csv", "--target", "price", "epochs=1", "--quiet", "--out", "r"]
    assert call(capsys, *arguments)[0] == 0
    before = (houses / "r" / "weights.safetensors").read_bytes()
    code, _, err = call(capsys, *arguments)
    assert (code, "--force" in err) == (2, True)
    assert (houses / "r" / "weights.safetensors").read_bytes() == before
    assert call(capsys, *arguments, "--force")[0] == 0


def test_divergence_is_code_3(houses, capsys):
    code, out, err = call(
        capsys, "train", "houses.csv", "--target", "price", "lr=1e30", "optimizer=sgd",
        "clip_grad_norm=none", "epochs=20", "--quiet", "--json",
    )  # fmt: skip
    assert code == 3
    assert "learning rate" in err
    assert last_json(out)["exit_code"] == 3


def test_info(capsys):
    code, out, _ = call(capsys, "info", "--json")
    assert code == 0
    assert {"retroprop", "numpy", "python", "cores"} <= set(last_json(out))
    assert "numpy" in call(capsys, "info")[1]


def test_ctrl_c_saves_and_resume_finishes(tmp_path):
    x = np.random.default_rng(0).normal(size=(400, 10)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=(x[:, 0] > 0).astype(np.int64))
    command = [sys.executable, "-m", "retroprop", "train", "d.npz", "--out", "run", "--json"]
    process = subprocess.Popen(
        [*command, "epochs=5000"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    log = tmp_path / "run" / "metrics.csv"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (log.exists() and log.stat().st_size):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "--resume run" in err
    assert last_json(out)["interrupted"] is True
    done = len(log.read_text().splitlines())
    again = [sys.executable, "-m", "retroprop", "train", "d.npz", "--resume", "run", "--json"]
    finished = subprocess.run(
        [*again, f"epochs={done + 1}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert last_json(finished.stdout)["epochs"] == done + 1

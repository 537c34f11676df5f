"""The program as a whole: a process, its output, its exit code, mistakes in calling it."""

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


def call(capsys, *arguments):
    code = main(list(arguments))
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])


def test_usage_errors_are_code_2(capsys):
    assert call(capsys)[0] == 2
    assert call(capsys, "trian")[0] == 2
    assert call(capsys, "info", "extra")[0] == 2
    assert call(capsys, "--help")[0] == 0
    assert call(capsys, "--version")[1].startswith("retroprop ")


@pytest.mark.parametrize(
    ("flag", "way_out"),
    [
        (["--epochs", "five"], "epochs=five cannot be read"),
        (["--tagret", "price"], "--target"),
        (["--xyzzy"], "there is no --xyzzy"),
    ],
)
def test_unknown_flags_are_explained(tmp_path, monkeypatch, capsys, flag, way_out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "houses.csv").write_text("a,price\n1,2\n")
    code, out, err = call(capsys, "train", "houses.csv", *flag)
    assert (code, out) == (2, "")
    assert way_out in err


def test_a_closed_pipe_is_no_error(monkeypatch):
    def closed(arguments):
        raise BrokenPipeError

    monkeypatch.setattr("retroprop.cli.info.emit", closed)
    reader, writer = os.pipe()
    before = os.dup(sys.stdout.fileno())
    try:
        assert main(["info", "--json"]) == 0
    finally:
        os.dup2(before, sys.stdout.fileno())
        for descriptor in (reader, writer, before):
            os.close(descriptor)


def test_ctrl_c_saves_and_resume_finishes(tmp_path):
    x = np.random.default_rng(0).normal(size=(400, 10)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=(x[:, 0] > 0).astype(np.int64))
    program = [sys.executable, "-m", "retroprop", "train", "--json"]
    process = subprocess.Popen(
        [*program, "d.npz", "--out", "run", "epochs=5000"], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
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
    finished = subprocess.run(
        [*program, "--resume", "run", f"epochs={done + 1}"], cwd=tmp_path, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert last_json(finished.stdout)["epochs"] == done + 1


def test_a_pipe_closed_before_the_first_line_is_no_error():
    program = [sys.executable, "-m", "retroprop", "train", "--options"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(program, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no device that is full")
@pytest.mark.parametrize("arguments", [["info"], ["info", "--json"], ["train", "--options"]])
def test_output_that_cannot_be_written_is_code_2(arguments):
    program = [sys.executable, "-m", "retroprop", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "No space left" in done.stderr

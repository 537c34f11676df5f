"""`retroprop train`: what it prints, what it refuses, what it leaves behind."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retroprop.cli import main
from retroprop.tasks import names
from retroprop.tasks import run as runs
from retroprop.tasks.job import Job
from retroprop.train import Callback

CSV = "size,city,price\n" + "\n".join(
    f"{50 + i},{'Rome' if i % 3 else 'Oslo'},{3 * (50 + i) + 100 * (i % 3 > 0)}" for i in range(80)
)
TRAIN = ("train", "houses.csv", "--target", "price")


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


def test_the_last_json_object_has_the_documented_keys(houses, capsys):
    code, out, err = call(capsys, *TRAIN, "epochs=2", "--json")
    assert code == 0
    result = last_json(out)
    assert {
        "task", "run", "epochs", "best_epoch", "seconds", "parameters", "train_examples",
        "validation_examples", "test_examples", "train_loss", "test_loss", "test_r2", "test_rmse",
        "test_mae",
    } <= set(result)  # fmt: skip
    assert len(out.splitlines()) == 1
    assert (houses / result["run"] / "report.html").exists()
    assert 'task: regression (because "price" has' in err
    assert "epoch 2/2" in err


def test_options_stand_anywhere_and_win_over_the_file(houses, capsys):
    (houses / "run.json").write_text(json.dumps({"epochs": 7, "hidden": [4], "seed": 3}))
    arguments = ("train", "epochs=1", "--config", "run.json", "--quiet", "--target", "price")
    code, _, err = call(capsys, "train", "houses.csv", *arguments[1:], "lr=0.01", "--out", "r")
    assert code == 0, err
    options = json.loads((houses / "r" / "config.json").read_text())["options"]
    expected = {"epochs": 1, "hidden": [4], "seed": 3, "lr": 0.01}
    assert {name: options[name] for name in expected} == expected


def test_quiet_prints_the_last_lines_only(houses, capsys):
    code, out, err = call(capsys, *TRAIN, "epochs=1", "--quiet")
    assert (code, out) == (0, "")
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "which data?"),
        (["train", "nothing.csv"], "nothing.csv"),
        (["train", "houses.csv"], "--target NAME"),
        (["train", "houses.csv", "--target", "prise"], "price"),
        (["train", "houses.csv", "--target", "city", "--task", "regression"], "needs numbers"),
        (["train", "houses.csv", "--target", "price", "epoch=3"], "epochs"),
        (["train", "houses.csv", "--target", "price", "epochs"], "key=value"),
        (["train", "houses.csv", "--target", "price", "--task", "ranking"], "classification"),
        (["train", "houses.csv", "--config", "none.json"], "none.json"),
        (["train", "houses.csv", "--resume", "nowhere"], "no run folder"),
        (["train", "--resume", "houses.csv"], "no run folder"),
        (["train", "houses.csv", "--resume", "a", "--out", "b"], "--out"),
        (["train", "houses.csv", "--target", "price", "--out", "houses.csv"], "is a file"),
        (["train", "houses.csv", "--target", "price", "--out", "houses.csv/a"], "cannot write"),
        (["train", "houses.csv", "--target", "price", "hidden=99999999999"], "at most"),
        (["train", "houses.csv", "--target", "price", "optimizer=lbfgs"], "optimizer"),
        (["train", "houses.csv", "--target", "price", "model=cnn"], "needs images"),
        (["train", "houses.csv", "target=price"], "--target price"),
        (["train", "houses.csv", "--target", "price", "clip_grad_norm=0"], "must be at least"),
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
    assert not (houses / "runs").exists()


def test_a_run_folder_is_not_overwritten(houses, capsys):
    arguments = [*TRAIN, "epochs=1", "--quiet", "--out", "r"]
    assert call(capsys, *arguments)[0] == 0
    before = (houses / "r" / "weights.safetensors").read_bytes()
    code, _, err = call(capsys, *arguments)
    assert (code, "--force" in err) == (2, True)
    code, _, err = call(capsys, *arguments, "--force", "schedule=no")
    assert code == 2
    assert (houses / "r" / "weights.safetensors").read_bytes() == before
    (houses / "r" / "mine.txt").write_text("mine")
    assert call(capsys, *arguments, "--force", "seed=1")[0] == 0
    assert (houses / "r" / "weights.safetensors").read_bytes() != before
    assert (houses / "r" / "mine.txt").read_text() == "mine"


def test_divergence_is_code_3_and_leaves_the_last_good_state(houses, capsys):
    code, out, err = call(
        capsys, *TRAIN, "lr=1e30", "optimizer=sgd", "clip_grad_norm=none", "epochs=20", "--quiet",
        "--json", "--out", "r",
    )  # fmt: skip
    assert code == 3
    assert "learning rate" in err
    assert last_json(out)["exit_code"] == 3
    assert last_json(out)["run"] == "r"
    assert "diverged" in (houses / "r" / "log.jsonl").read_text()
    code, out, err = call(capsys, "predict", "r", "houses.csv", "--json")
    assert code == 0, err
    assert all(np.isfinite(last_json(out)["prediction"]))


def stopping_at(step):
    class Stop(Callback):
        def on_step(self, trainer, loss):
            if trainer.step == step:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGINT)

    return Stop()


@pytest.mark.parametrize("step", [1, 7])
def test_an_interrupted_run_resumes_to_the_same_bits(houses, capsys, monkeypatch, step):
    options = (*TRAIN, "epochs=4", "batch_size=16", "dropout=0.2", "--quiet", "--out")
    assert call(capsys, *options, "whole")[0] == 0
    made = Job.trainer

    def trainer(job):
        one = made(job)
        one.callbacks.append(stopping_at(step))
        return one

    with monkeypatch.context() as patch:
        patch.setattr(Job, "trainer", trainer)
        code, out, err = call(capsys, *options, "parts", "--json")
    assert code == 130
    assert last_json(out) == {
        "task": "train", "run": "parts", "interrupted": True, "saved": True, "exit_code": 130,
    }  # fmt: skip
    assert "retroprop train --resume parts" in err
    code, out, err = call(capsys, "train", "--resume", "parts", "--json")
    assert code == 0, err
    assert last_json(out)["epochs"] == 4
    whole, parts = (
        (houses / name / "weights.safetensors").read_bytes() for name in ("whole", "parts")
    )
    assert whole == parts


def test_resuming_on_other_data_is_refused(houses, capsys):
    assert call(capsys, *TRAIN, "epochs=1", "--quiet", "--out", "r")[0] == 0
    (houses / "houses.csv").write_text(CSV.replace("Rome", "Lima"))
    code, _, err = call(capsys, "train", "--resume", "r", "epochs=2")
    assert code == 2
    assert "other data" in err


def test_an_interrupt_before_training_says_that_nothing_is_saved(houses, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "train", interrupted)
    code, out, err = call(capsys, *TRAIN, "--json")
    assert code == 130
    assert "nothing was saved" in err
    assert last_json(out)["saved"] is False


def test_all_options_are_listed(capsys):
    code, out, _ = call(capsys, "train", "--options")
    assert code == 0
    assert set(names()) <= {line.split()[0] for line in out.splitlines() if line}
    code, out, _ = call(capsys, "train", "--options", "classification")
    assert code == 0
    assert {"epochs", "lr", "hidden"} <= {line.split()[0] for line in out.splitlines()}


def test_a_run_killed_before_its_first_state_resumes_from_the_beginning(houses, capsys):
    """What a kill leaves: the state before the first step, and logs that went further."""
    assert call(capsys, *TRAIN, "epochs=3", "--quiet", "--out", "whole")[0] == 0
    kept = {}

    class Keep(Callback):
        def on_epoch_begin(self, trainer):
            kept.setdefault("state", (houses / "killed" / "last.safetensors").read_bytes())

    made = Job.trainer

    def trainer(job):
        one = made(job)
        one.callbacks.append(Keep())
        return one

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Job, "trainer", trainer)
        assert call(capsys, *TRAIN, "epochs=3", "--quiet", "--out", "killed")[0] == 0
    (houses / "killed" / "last.safetensors").write_bytes(kept["state"])
    code, _, err = call(capsys, "train", "--resume", "killed", "--quiet")
    assert code == 0, err
    whole, killed = (
        (houses / name / "weights.safetensors").read_bytes() for name in ("whole", "killed")
    )
    assert whole == killed
    assert len((houses / "killed" / "metrics.csv").read_text().splitlines()) == 4


def test_what_is_for_images_is_refused_for_a_table(houses, capsys):
    code, _, err = call(capsys, *TRAIN, "image_size=8")
    assert code == 2
    assert "image_size" in err


def test_listed_defaults_say_what_they_are(capsys):
    out = call(capsys, "train", "--options", "regression")[1]
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines["dropout"].endswith("[many 0.1, few 0.2]")
    assert lines["schedule"].endswith("[one_cycle]")
    assert lines["limit"].endswith("[by the data]")


def test_reverse_is_an_option_of_translations(houses, capsys, monkeypatch):
    code, _, err = call(capsys, *TRAIN, "--reverse")
    assert code == 2
    assert "unknown option 'reverse'" in err
    asked = {}
    monkeypatch.setattr(runs, "train", lambda source, read, **_: asked.update(read=read) or {})
    assert call(capsys, *TRAIN, "--reverse")[0] == 0
    from retroprop.tasks.registry import get

    assert asked["read"](get("translation").OPTIONS) == {"reverse": True}

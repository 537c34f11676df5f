"""Listeners: stopping, saving, logging."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import ArgumentError
from retroprop.train import Checkpoint, EarlyStopping, LogFiles, Plateau, TensorBoard
from retroprop.train.logs import read_csv_log, read_json_lines

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def trainer(lr=0.1, **options) -> rp.Trainer:
    rp.manual_seed(0)
    model = nn.Linear(3, 2)
    return rp.Trainer(
        model, optimizer=optim.SGD(model.parameters(), lr=lr), metrics=["accuracy"], **options
    )


def fit(one, epochs=4):
    return one.fit(X, Y, epochs=epochs, validation_data=(X, Y), progress=False)


def test_early_stopping_waits_and_goes_back_to_the_best():
    one = trainer(lr=30.0, callbacks=[stopper := EarlyStopping("val_loss", patience=2)])
    history = fit(one, epochs=50)
    losses = [record["val_loss"] for record in history]
    assert len(history) < 50
    assert stopper.best_epoch == int(np.argmin(losses)) + 1
    assert "no improvement for 2 epochs" in one.stop_reason
    assert one.evaluate(X, Y)["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_monitors_know_which_way_is_better():
    stopper = EarlyStopping("val_accuracy", patience=1)
    fit(trainer(callbacks=[stopper]))
    assert stopper.monitor.mode == "max"
    with pytest.raises(ArgumentError, match="val_acc"):
        fit(trainer(callbacks=[EarlyStopping("val_acc")]))
    with pytest.raises(ArgumentError, match='"auto"'):
        EarlyStopping(mode="best")


def test_checkpoint_keeps_best_and_last(tmp_path):
    one = trainer(lr=30.0, callbacks=[Checkpoint(tmp_path / "run")])
    history = fit(one, epochs=6)
    best = trainer()
    best.model.load_state_dict(rp.load(tmp_path / "run" / "weights.safetensors"))
    expected = min(record["val_loss"] for record in history)
    assert best.evaluate(X, Y)["loss"] == pytest.approx(expected, rel=1e-6)
    again = trainer().resume(tmp_path / "run" / "last.safetensors")
    assert again.epoch == 6
    assert again.model.weight.tolist() == one.model.weight.tolist()


def test_log_files_hold_every_epoch_once_also_after_a_resume(tmp_path):
    one = trainer(callbacks=[LogFiles(tmp_path), Checkpoint(tmp_path)])
    fit(one, epochs=2)
    two = trainer(callbacks=[LogFiles(tmp_path), Checkpoint(tmp_path)])
    fit(two.resume(tmp_path / "last.safetensors"), epochs=4)
    rows = read_csv_log(tmp_path / "metrics.csv")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[3]["val_loss"] == two.history[3]["val_loss"]
    events = read_json_lines(tmp_path / "log.jsonl")
    assert [e["epoch"] for e in events if e["event"] == "epoch"] == [1, 2, 3, 4]
    assert events[-1]["event"] == "end"


def test_tensorboard_files_appear(tmp_path):
    fit(trainer(callbacks=[TensorBoard(tmp_path)]))
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 1


def test_plateau_lowers_the_learning_rate():
    one = trainer(lr=1e-6)
    schedule = optim.schedule.ReduceOnPlateau(one.optimizer, factor=0.5, patience=0, threshold=0.5)
    one.callbacks.append(Plateau(schedule, "val_loss"))
    fit(one, epochs=4)
    assert one.optimizer.lr == pytest.approx(1e-6 / 8)

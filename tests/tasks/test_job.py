"""A run put together: the split, options that shape the training, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop import optim
from retroprop.errors import ArgumentError, CheckpointError
from retroprop.tasks.job import Job, read_json
from retroprop.tasks.plan import plan
from retroprop.train import EarlyStopping


def job(folder, target="b", **options) -> Job:
    rng = np.random.default_rng(0)
    a = rng.normal(size=100)
    table = {"a": a, "b": 2 * a + 1, "c": np.where(a > 1, "rare", "common")}
    return plan(table, options, target=target).job(folder)


def test_validation_examples_come_out_of_the_training_part(tmp_path):
    one = job(tmp_path, validation=0.25)
    assert (len(one.x_train), len(one.held_out[1])) == (60, 20)
    assert abs(float(one.y_train.mean())) < 1e-6  # the scale is learned without them
    assert job(tmp_path, validation=0).held_out is None


def test_a_validation_part_of_the_data_is_used(tmp_path):
    x = np.arange(40.0).reshape(20, 2)
    arrays = {"x_train": x, "y_train": x[:, 0] / 3, "x_val": x[:5], "y_val": x[:5, 0] / 3}
    one = plan(arrays, {"validation": 0}).job(tmp_path)
    assert len(one.held_out[1]) == 5


def test_balanced_classes_count_the_same_in_all(tmp_path):
    one = job(tmp_path, "c", class_weight="balanced")
    counts = np.bincount(one.y_train)
    assert one.class_weight[0] * counts[0] == pytest.approx(one.class_weight[1] * counts[1])
    assert job(tmp_path, "c").class_weight is None


def test_nothing_is_written_before_it_begins(tmp_path):
    one = job(tmp_path / "run")
    one.trainer()
    assert not (tmp_path / "run").exists()
    one.begin()
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "config.json", "preprocess.json",
    }  # fmt: skip


def test_options_reach_the_trainer(tmp_path):
    one = job(
        tmp_path, optimizer="sgd", schedule="constant", lr=0.25, accumulate=3, ema=0.5, patience=4,
        clip_grad_norm="none",
    )  # fmt: skip
    trainer = one.trainer()
    assert isinstance(trainer.optimizer, optim.SGD)
    assert (trainer.optimizer.lr, trainer.accumulate, trainer.clip_grad_norm) == (0.25, 3, None)
    assert trainer.ema.decay == 0.5
    assert [c.patience for c in trainer.callbacks if isinstance(c, EarlyStopping)] == [4]


@pytest.mark.parametrize("name", optim.names())
def test_every_optimizer_trains_or_says_why_not(tmp_path, name):
    one = job(tmp_path / "run", optimizer=name, epochs=1)
    if name in ("lbfgs", "rprop"):
        with pytest.raises(ArgumentError, match="all data in every step"):
            one.trainer()
        return
    one.begin()
    one.fit(one.trainer(), progress=False)


def test_a_single_step_is_enough_for_every_schedule(tmp_path):
    for schedule in ("one_cycle", "cosine", "constant"):
        one = job(tmp_path / schedule, schedule=schedule, epochs=1, batch_size=1000)
        one.begin()
        trainer = one.trainer()
        one.fit(trainer, progress=False)
        assert trainer.step == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="cannot write"):
        job(tmp_path / "file" / "run").begin()


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_damaged_json_is_named(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"config\.json is damaged"):
        read_json(tmp_path / "config.json")

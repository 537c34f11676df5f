"""A step that is not finite stops the training, or is passed over: as if it had not been."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import ArgumentError, DivergedError
from retroprop.tasks.run import train
from retroprop.train.callbacks import Callback

X = np.random.default_rng(0).standard_normal((64, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
BAD = 40


def spoiled() -> Any:
    x = X.copy()
    x[BAD, 2] = np.inf
    return x


def trainer(**options: Any) -> rp.Trainer:
    rp.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2)
    )
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return rp.Trainer(model, optimizer=optimizer, metrics=["accuracy"], **options)


def state(one: rp.Trainer) -> list[Any]:
    cells = [*one.model.state_dict().values(), *one.optimizer.tensors().values()]
    cells += [one.optimizer.count, rp.random.default_generator().state]
    return [cell.numpy().copy() for cell in cells]


def fit(one: rp.Trainer, x: Any, y: Any = Y, **options: Any) -> list[dict[str, Any]]:
    settings = {"epochs": 1, "batch_size": 8, "shuffle": False, "progress": False, **options}
    return one.fit(x, y, **settings)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_state_of_the_step_before_is_left(compiled: bool) -> None:
    one = trainer(compiled=compiled)
    with pytest.raises(DivergedError, match="the input was inf already") as caught:
        fit(one, spoiled())
    assert caught.value.provenance.rows == (BAD,)
    assert caught.value.provenance.layer.startswith("layer 0: Linear(")
    other = trainer(compiled=compiled)
    fit(other, X[:BAD], Y[:BAD])
    for a, b in zip(state(one), state(other), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.step == other.step == 5
    assert all(p.grad is None for p in one.model.parameters())


@pytest.mark.parametrize("compiled", [False, True])
def test_a_batch_that_is_skipped_changes_nothing(compiled: bool) -> None:
    one, other = trainer(compiled=compiled, nonfinite="skip"), trainer(compiled=compiled)
    rp.manual_seed(5)
    history = fit(one, spoiled(), epochs=3)
    found = state(one)
    rp.manual_seed(5)
    kept = np.r_[0:BAD, BAD + 8 : 64]
    expected = fit(other, X[kept], Y[kept], epochs=3)
    for a, b in zip(found, state(other), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.step == other.step == 21
    assert one.divergence.skipped == 3
    assert [record["skipped"] for record in history] == [1, 2, 3]
    for a, b in zip(history, expected, strict=True):
        assert a["loss"] == b["loss"]
        assert a["accuracy"] == b["accuracy"]


def test_skipping_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    heard = []

    class Listener(Callback):
        def on_step(self, trainer: Any, loss: float) -> None:
            assert np.isfinite(loss)

        def on_finding(self, trainer: Any, finding: Any) -> None:
            heard.append(finding)

    one = trainer(nonfinite="skip", health=False, callbacks=[Listener()])
    fit(one, spoiled(), epochs=3, progress=True)
    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("skipped a batch: the loss is nan at step 6") == 1
    assert [finding.rule for finding in heard] == ["not_finite"]
    assert heard[0].evidence["rows"] == [BAD]
    assert heard[0].step == 6


def test_a_training_that_only_skips_comes_to_an_end() -> None:
    one = trainer(nonfinite="skip")
    with pytest.raises(DivergedError, match="64 batches in a row were skipped; of the last"):
        fit(one, np.full_like(X, np.nan), epochs=20)


def test_batches_that_are_augmented_are_explained_as_they_were() -> None:
    def shifted(x: Any, y: Any, rng: Any) -> tuple[Any, Any]:
        return np.where(rng.random(x.shape) < 0.01, np.inf, x).astype(np.float32), y

    one = trainer(augment=shifted)
    with pytest.raises(DivergedError, match="the input was inf already") as caught:
        fit(one, X, epochs=3)
    assert one.step + 1 <= 24
    assert caught.value.provenance.samples


def test_parts_of_a_batch_are_told_apart() -> None:
    one = trainer(accumulate=4)
    x = X.copy()
    x[BAD + 5] = np.nan
    with pytest.raises(DivergedError) as caught:
        fit(one, x)
    assert caught.value.provenance.samples == (5,)
    assert caught.value.provenance.rows == (BAD + 5,)


def test_other_choices_are_refused() -> None:
    with pytest.raises(ArgumentError, match='nonfinite must be "stop" or "skip"'):
        trainer(nonfinite="ignore")


def test_a_run_stops_with_its_state_saved(tmp_path: Any) -> None:
    table = {"a": [k / 10 for k in range(60)], "b": [k / 5 for k in range(60)]}
    options = {"epochs": 3, "lr": 1e30, "optimizer": "sgd", "clip_grad_norm": "none"}
    options |= {"schedule": "constant", "weight_decay": 0.0}
    told = {"target": "b", "progress": False, "say": str}
    with pytest.raises(DivergedError):
        train(table, options, folder=tmp_path / "a", **told)
    assert (tmp_path / "a" / "last.safetensors").exists()
    lines = (tmp_path / "a" / "log.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [e["event"] for e in events[-2:]] == ["finding", "diverged"]
    assert events[-2]["rule"] == "not_finite"

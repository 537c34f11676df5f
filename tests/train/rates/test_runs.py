"""Steps at given learning rates."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.data.dataset import Dataset
from retroprop.train.rates.runs import StepRuns, TrainerRuns


def trainer_runs(count=50, batch_size=8, **options):
    rp.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    x = np.random.default_rng(0).standard_normal((count, 3)).astype("f4")
    trainer = rp.Trainer(model, loss="mse", optimizer=optimizer, **options)
    return TrainerRuns(trainer, Dataset(x, x[:, :1]), batch_size)


def flat(pieces):
    return [loss for piece in pieces for loss in piece]


@pytest.mark.parametrize("compiled", [True, False])
def test_steps_are_those_of_training(compiled):
    runs = trainer_runs(compiled=compiled)
    start = runs.trainer.model.weight.numpy().copy()
    made = flat(runs.losses(0, np.full(6, 0.05)))
    other = trainer_runs().trainer
    assert (other.model.weight.numpy() == start).all()
    other.optimizer.lr = 0.05
    runs.begin(0, 6)
    expected = [
        float(other.engine.train_rows(runs.data, row[None]).losses[0]) for row in runs._rows
    ]
    np.testing.assert_allclose(made, expected, rtol=1e-6)
    assert made[-1] < made[0]


def test_orders_differ_by_seed_and_go_over_epochs():
    runs = trainer_runs(count=20, batch_size=8)
    runs.begin(0, 5)
    first = runs._rows
    runs.begin(1, 5)
    assert first.shape == runs._rows.shape == (5, 8)
    assert (first != runs._rows).any()
    runs.begin(0, 5)
    assert (first == runs._rows).all()
    assert len(set(first[:2].ravel().tolist())) == 16  # no example twice in an epoch


def test_few_examples_make_small_batches():
    runs = trainer_runs(count=3, batch_size=8)
    assert len(flat(runs.losses(0, np.full(4, 0.01)))) == 4


def test_a_run_ends_where_the_loss_is_not_finite():
    runs = trainer_runs()
    rates = np.concatenate([np.full(5, 0.01), np.geomspace(1e9, 1e10, 60)])
    losses = flat(runs.losses(0, rates))
    assert 5 < len(losses) < 30
    assert np.isfinite(losses).all()


def test_a_step_function_is_called_with_its_batches():
    w = rp.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    seen = []

    def step(*batch):
        seen.append((batch, optimizer.lr))
        return float("nan") if len(seen) == 5 else rp.asarray(1.5), "more"

    runs = StepRuns(step, optimizer, [(1, 2), [3, 4]])
    assert flat(runs.losses(0, np.array([0.1, 0.2, 0.2, 0.3]))) == [1.5] * 4
    assert sorted(batch for batch, _ in seen) == [(1, 2), (1, 2), (3, 4), (3, 4)]
    assert [lr for _, lr in seen] == [0.1, 0.2, 0.2, 0.3]
    assert flat(runs.losses(0, np.array([0.1, 0.2]))) == []

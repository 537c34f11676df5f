"""Finding a learning rate: what it says, what it refuses, and that it leaves no trace."""

from __future__ import annotations

import os
import random
import signal

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.nn import functional as F
from retroprop.train.lr_find import LearningRates, NoRateError, lr_find

SHORT = {"steps": 40, "trial": 20, "seeds": 2, "progress": False}


def blobs(count=192, features=4, seed=0):
    """Three classes around centres of their own."""
    draw = np.random.default_rng(seed)
    y = draw.integers(0, 3, count)
    centres = draw.standard_normal((3, features)) * 1.5
    return (centres[y] + draw.standard_normal((count, features))).astype("f4"), y


def network():
    """With everything that has a state: batch statistics, random draws."""
    rp.manual_seed(3)
    return nn.Sequential(
        nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3)
    )


def full_trainer(**options):
    model = network()
    groups = [
        {"params": model[0].parameters(), "lr": optim.schedule.cosine(0.02, steps=100)},
        {"params": [*model[1].parameters(), *model[4].parameters()], "lr": 0.01},
    ]
    return rp.Trainer(
        model,
        optimizer=optim.AdamW(groups),
        metrics=["accuracy"],
        ema=optim.EMA(model, 0.9),
        clip_grad_norm=1.0,
        **options,
    )


def everything(trainer):
    """All numbers of a training, by name."""
    found = {f"model.{k}": v.numpy().copy() for k, v in trainer.model.state_dict().items()}
    found |= {k: v.numpy().copy() for k, v in trainer.optimizer.tensors().items()}
    found |= {f"ema.{k}": v.numpy().copy() for k, v in enumerate(trainer.ema.averages)}
    found["random"] = rp.random.default_generator().get_state()
    found["losses"] = [record["loss"] for record in trainer.history]
    found["accuracy"] = [record["accuracy"] for record in trainer.history]
    found["lr"] = [record["lr"] for record in trainer.history]
    return found


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def noise(x, y, draw):
    return x + draw.standard_normal(x.shape).astype("f4"), y


@pytest.mark.parametrize(
    "options", [{}, {"compiled": False}, {"augment": noise}], ids=["compiled", "eager", "augment"]
)
def test_training_goes_on_bit_for_bit_as_without_it(options):
    x, y = blobs()
    ends = []
    for look in (False, True):
        trainer = full_trainer(**options)
        trainer.fit(x, y, epochs=1, batch_size=24, progress=False)
        before = everything(trainer)
        progress = (trainer.epoch, trainer.step, dict(trainer.position), trainer.model.training)
        if look:
            schedule = trainer.optimizer.param_groups[0].schedule
            lr_find(trainer, x, y, batch_size=24, **{**SHORT, "steps": 30})
            assert trainer.optimizer.param_groups[0].schedule is schedule
        now = (trainer.epoch, trainer.step, dict(trainer.position), trainer.model.training)
        assert now == progress
        assert_same(before, everything(trainer))
        trainer.fit(x, y, epochs=2, batch_size=24, progress=False)
        ends.append(everything(trainer))
    assert_same(*ends)


def test_the_suggestion_trains_as_well_as_the_best_of_a_grid():
    x, y = blobs(384)

    def final(lr):
        model = network()
        trainer = rp.Trainer(model, optimizer=optim.SGD(model.parameters(), lr=lr, momentum=0.9))
        try:
            return trainer.fit(x, y, epochs=8, progress=False)[-1]["loss"]
        except rp.DivergedError:
            return np.inf

    model = network()
    trainer = rp.Trainer(model, optimizer=optim.SGD(model.parameters(), lr=1.0, momentum=0.9))
    found = lr_find(trainer, x, y, trial=96, progress=False)
    best = min(final(10.0**k) for k in np.arange(-5, 1.5, 0.5))
    assert final(found.suggestion) < 1.1 * best
    assert found.low < found.suggestion <= found.high < 3
    assert 0.5 < found.confidence <= 1
    assert float(found) == found.suggestion
    assert f"{found.suggestion:.2g} (good from" in str(found)


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "eager"])
def test_a_step_of_ones_own_and_all_that_it_refers_to(compiled):
    x, y = blobs()
    model, generator = network(), rp.random.Generator(5)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    draw, seen = np.random.default_rng(0), rp.asarray(0)

    def inner(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x + 0.01 * rp.random.normal(x.shape, generator=generator)), y)
        loss.backward()
        optimizer.step()
        seen.assign(seen + 1)
        return loss

    update = rp.compile(inner) if compiled else inner

    def step(x, y):  # the compiled part is reached through a function around it
        draw.random(), random.random()
        return update(x, y)

    batches = [(rp.asarray(x[k : k + 24]), rp.asarray(y[k : k + 24])) for k in range(0, 192, 24)]
    step(*batches[0])

    def state():
        cells = [*model.state_dict().values(), *optimizer.tensors().values(), generator.state, seen]
        numbers = [cell.numpy().copy() for cell in cells]
        grads = [None if p.grad is None else p.grad.numpy().copy() for p in model.parameters()]
        return numbers, grads, draw.bit_generator.state, random.getstate()

    before = state()
    found = lr_find(step, optimizer, batches, **SHORT)
    after = state()
    for one, other in zip(before[0] + before[1], after[0] + after[1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert before[2:] == after[2:]
    assert optimizer.lr == 0.1
    assert 1e-4 < found.suggestion < 1


def test_batches_may_be_an_iterator_of_single_arguments():
    w = rp.tensor([4.0, -2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)

    def step(x):
        optimizer.zero_grad()
        loss = ((w * x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.item()  # a number is as good as a Tensor

    rows = np.random.default_rng(0).uniform(0.5, 1.5, (20, 2)).astype("f4")
    found = lr_find(step, optimizer, (rp.asarray(row) for row in rows), **SHORT)
    assert 0.1 < found.suggestion < 2  # gradient descent on x2 w2 / 2: best near 1
    assert w.tolist() == [4.0, -2.0]


def test_groups_keep_their_ratio():
    a, b = (rp.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([{"params": [a], "lr": 0.1}, {"params": [b], "lr": 0.001}])
    ratios = set()

    def step(x):
        first, second = (group["lr"] for group in optimizer.param_groups)
        ratios.add(round(second / first, 9) if first else 0.01)
        optimizer.zero_grad()
        loss = (a * x - 3) ** 2 + (b - 1) ** 2
        loss = loss.sum()
        loss.backward()
        optimizer.step()
        return loss

    lr_find(step, optimizer, [rp.asarray([1.0])], **SHORT)
    assert ratios == {0.01}
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.001]


def test_weights_of_zero_are_passed_over():
    x, y = blobs()
    weight = np.where(np.arange(len(x)) < 60, 1.0, 0.0)
    x[60:] = np.nan  # none of these may be seen
    found = lr_find(full_trainer(), x, y, sample_weight=weight, batch_size=24, **SHORT)
    assert found.suggestion > 0
    with pytest.raises(rp.ArgumentError, match="every sample_weight is 0"):
        lr_find(full_trainer(), x, y, sample_weight=0 * weight, **SHORT)


# -- refusals ------------------------------------------------------------------------------------


def linear(model=None, loss="mse"):
    rp.manual_seed(0)
    model = model or nn.Linear(4, 1)
    return rp.Trainer(model, loss=loss, optimizer=optim.SGD(model.parameters(), lr=0.1))


def refusal(trainer, x, y, **options):
    before = {k: v.numpy().copy() for k, v in trainer.model.state_dict().items()}
    with pytest.raises(NoRateError) as caught:
        lr_find(trainer, x, y, batch_size=24, **{**SHORT, **options})
    after = {k: v.numpy() for k, v in trainer.model.state_dict().items()}
    assert_same(before, after)
    assert trainer.optimizer.lr == 0.1
    return caught.value


def test_a_flat_curve_is_refused():
    x, _ = blobs()
    dead = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1, bias=False))
    with rp.no_grad():
        dead[0].bias.assign(rp.full(8, -1e3))
    error = refusal(linear(dead), x, x[:, :1])
    assert "the curve is flat: the loss stays at" in str(error)
    assert "dead units" in str(error)
    assert error.curve is not None
    assert not error.curve.is_clear


def test_noise_that_nobody_can_learn_is_flat():
    draw = np.random.default_rng(0)
    x, y = draw.standard_normal((4000, 4)).astype("f4"), draw.standard_normal((4000, 1))
    model = nn.Linear(4, 1)
    with rp.no_grad():
        model.weight.assign(rp.zeros((1, 4)))
        model.bias.assign(rp.zeros(1))
    error = refusal(linear(model), x, y.astype("f4"), seeds=3)
    assert "flat" in str(error) or "disagree" in str(error)


def test_breaking_down_at_once_is_refused():
    x, _ = blobs()
    error = refusal(linear(), 1e8 * x, 1e8 * x[:, :1])
    assert "breaks down at once, already at a learning rate of 1" in str(error)
    assert "scale inputs" in str(error)
    assert lr_find(linear(), 1e8 * x, 1e8 * x[:, :1], low=1e-24, high=1e-8, steps=80, trial=20,
                   progress=False).suggestion < 1e-12  # fmt: skip


def test_data_that_give_no_loss_are_refused():
    x, _ = blobs()
    error = refusal(linear(), np.where(x > 2, np.inf, x), x[:, :1])
    assert "not finite before any update" in str(error)


def test_seeds_that_disagree_are_refused():
    """Each order of the batches is its own task: what one learns with, the other diverges with."""
    w = rp.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    steepness = []

    def step(x):
        steepness[:] = [x] if w.item() == 1.0 else steepness or [x]
        optimizer.zero_grad()
        loss = (steepness[0] * w**2).sum()
        loss.backward()
        optimizer.step()
        return loss / (steepness[0] or 1.0)

    with pytest.raises(NoRateError, match="orders of the batches disagree: their best"):
        lr_find(step, optimizer, [0.05, 50.0], seeds=6, steps=40, trial=40, progress=False)
    assert w.item() == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": 1.0, "high": 0.1}, "0 < low < high"),
        ({"low": 0.0}, "0 < low < high"),
        ({"steps": 5}, "steps must be an integer >= 20"),
        ({"seeds": 0}, "seeds must be an integer >= 1"),
        ({"trial": 2.5}, "trial must be an integer >= 4"),
    ],
)
def test_numbers_outside_their_range(change, message):
    x, y = blobs()
    with pytest.raises(rp.ArgumentError, match=message):
        lr_find(full_trainer(), x, y, **{**SHORT, **change})


def test_what_is_no_training():
    x, y = blobs()
    model = network()
    for optimizer in (optim.LBFGS(model.parameters()), optim.Rprop(model.parameters())):
        with pytest.raises(rp.ArgumentError, match="finds the length of its steps itself"):
            lr_find(lambda x: x.sum(), optimizer, [rp.ones(2)])
    with pytest.raises(rp.DTypeError, match="wants a Trainer or a step function"):
        lr_find(3, x, y)
    with pytest.raises(rp.DTypeError, match="comes with its optimizer, got ndarray"):
        lr_find(lambda x: x.sum(), x, y)
    optimizer = optim.SGD(model.parameters())
    with pytest.raises(rp.ArgumentError, match="which batches"):
        lr_find(lambda x: x.sum(), optimizer)
    with pytest.raises(rp.ArgumentError, match="there are no batches"):
        lr_find(lambda x: x.sum(), optimizer, [])
    with pytest.raises(rp.ArgumentError, match="the step returned None"):
        lr_find(lambda x: None, optimizer, [1.0])
    with pytest.raises(rp.ArgumentError, match="lr_find needs targets"):
        lr_find(full_trainer(), x)


def test_an_error_in_a_step_leaves_no_trace():
    w = rp.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    calls = []

    def step(x):
        calls.append(x)
        with rp.no_grad():
            w.assign(w + 1)
        if len(calls) == 50:
            raise ZeroDivisionError
        return w.item()

    with pytest.raises(ZeroDivisionError):
        lr_find(step, optimizer, [1.0], **SHORT)
    assert (w.item(), optimizer.lr) == (1.0, 0.1)


def test_ctrl_c_leaves_no_trace():
    w = rp.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    calls = []

    def step(x):
        calls.append(x)
        with rp.no_grad():
            w.assign(w * 0.9)
        if len(calls) == 50:
            os.kill(os.getpid(), signal.SIGINT)
        return w.item()

    with pytest.raises(KeyboardInterrupt):
        lr_find(step, optimizer, [1.0], **SHORT)
    assert (len(calls), w.item(), optimizer.lr) == (50, 1.0, 0.1)


# -- the result ----------------------------------------------------------------------------------


def test_the_result_can_be_drawn_and_written():
    x, y = blobs()
    found = rp.lr_find(full_trainer(), x, y, batch_size=24, **SHORT)
    assert isinstance(found, LearningRates)
    drawn = found.chart("Rates", standalone=True)
    assert drawn.startswith("<svg")
    assert f"{found.suggestion:.2g} is suggested" in drawn
    written = found.as_dict()
    assert written["seeds"] == 2
    assert written["suggestion"] in [each["lr"] for each in written["trials"]]
    assert len(written["curve"]["lr"]) == len(written["curve"]["loss"]) > 20

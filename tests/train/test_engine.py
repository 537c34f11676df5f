"""Steps of a Trainer: compiled or not, in one call or several, they train the same."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import DivergedError, IndexRangeError
from retroprop.train.callbacks import Callback
from retroprop.train.engine import Engine

RNG = np.random.default_rng(0)
X = RNG.standard_normal((70, 5)).astype(np.float32)
Y = RNG.integers(0, 3, 70)


def trainer(model=None, **options):
    rp.manual_seed(0)
    model = model or nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))
    opt = optim.Adam(model.parameters(), lr=0.01)
    return rp.Trainer(model, optimizer=opt, metrics=["accuracy"], **options)


def fit(one, **options):
    one.fit(X, Y, epochs=3, batch_size=16, progress=False, **options)
    return one


def weights(one):
    return {name: value.numpy().copy() for name, value in one.model.state_dict().items()}


@pytest.mark.parametrize(
    "options",
    [{}, {"accumulate": 3}, {"clip_grad_norm": 0.1}],
    ids=["plain", "accumulate", "clip"],
)
def test_compiled_steps_train_as_eager_ones_do(options):
    native, eager = fit(trainer(**options)), fit(trainer(compiled=False, **options))
    assert native.engine.compiled
    for key, value in weights(eager).items():
        np.testing.assert_allclose(weights(native)[key], value, rtol=1e-3, atol=1e-5)
    losses = [[record["loss"] for record in one.history] for one in (native, eager)]
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_weights_count_and_batches_of_weight_zero_are_passed_over():
    counts = np.where(np.arange(70) < 32, 0.0, 1.5).astype(np.float32)
    native = fit(trainer(), sample_weight=counts, shuffle=False)
    eager = fit(trainer(compiled=False), sample_weight=counts, shuffle=False)
    assert native.step == eager.step == 15
    for key, value in weights(eager).items():
        np.testing.assert_allclose(weights(native)[key], value, rtol=1e-3, atol=1e-5)


def test_how_steps_are_grouped_changes_no_bit(monkeypatch):
    monkeypatch.setattr(Engine, "steps_at_once", lambda self: 3)
    grouped = weights(fit(trainer()))
    monkeypatch.setattr(Engine, "steps_at_once", lambda self: 1)
    single = weights(fit(trainer()))
    assert all(np.array_equal(grouped[key], single[key]) for key in grouped)


def test_a_callback_sees_every_step():
    seen = []

    class Count(Callback):
        def on_step(self, trainer, loss):
            seen.append((trainer.step, loss))

    fit(trainer(callbacks=[Count()]))
    assert [step for step, _ in seen] == list(range(1, 16))
    assert all(isinstance(loss, float) for _, loss in seen)


def test_augmented_batches_are_trained_on():
    shown = []

    def augment(x, y, rng):
        shown.append(len(x))
        return x + 0.1, y

    one = fit(trainer(augment=augment))
    assert sum(shown) == 3 * 70
    assert one.engine.compiled


class Curious(nn.Module):
    """Looks at its numbers, so it cannot be compiled."""

    def __init__(self):
        self.linear = nn.Linear(5, 3)

    def forward(self, x):
        y = self.linear(x)
        return y * 2.0 if y.mean().item() > 0 else y


def test_a_model_that_looks_at_numbers_runs_eagerly_and_that_is_said(capsys):
    one = fit(trainer(Curious()))
    assert not one.engine.compiled
    assert capsys.readouterr().err.count("the steps run uncompiled") == 1
    assert len(one.predict(X)) == 70


def test_a_step_that_diverges_is_not_applied():
    one = trainer()
    bad = X.copy()
    bad[40] = np.inf
    with pytest.raises(DivergedError, match="not applied") as caught:
        one.fit(bad, Y, epochs=1, batch_size=10, shuffle=False, progress=False)
    assert "at step 5" in str(caught.value)
    assert one.step == 4
    assert all(np.isfinite(value).all() for value in weights(one).values())


def test_a_label_out_of_range_is_explained():
    wrong = Y.copy()
    wrong[3] = 7
    with pytest.raises(IndexRangeError, match="class index 7"):
        trainer().fit(X, wrong, epochs=1, batch_size=70, progress=False)


def test_evaluation_agrees_with_eager_evaluation():
    native, eager = trainer(), trainer(compiled=False)
    native.model.load_state_dict(eager.model.state_dict())
    a, b = native.evaluate(X, Y, batch_size=32), eager.evaluate(X, Y, batch_size=32)
    assert a["accuracy"] == b["accuracy"]
    assert a["loss"] == pytest.approx(b["loss"], rel=1e-5)

"""The loop: learning, exactness of what it reports, weights, accumulation, misuse."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.data import Dataset
from retroprop.errors import ArgumentError, DivergedError, DTypeError, ShapeError
from retroprop.train import Callback

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def classifier(**options) -> rp.Trainer:
    rp.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    return rp.Trainer(model, optimizer=optimizer, metrics=["accuracy"], **options)


def fit(trainer, **options):
    settings = {"epochs": 3, "batch_size": 16, "progress": False, **options}
    return trainer.fit(X, Y, **settings)


def weights(trainer):
    return {name: value.numpy() for name, value in trainer.model.state_dict().items()}


def same(a, b):
    return all((a[name] == b[name]).all() for name in a)


def test_it_learns():
    trainer = classifier()
    history = fit(trainer, epochs=60, validation_data=(X, Y))
    assert history[-1]["loss"] < 0.3 * history[0]["loss"]
    assert history[-1]["val_accuracy"] > 0.95
    assert [record["epoch"] for record in history] == list(range(1, 61))
    assert trainer.step == 60 * 4


def test_same_seed_same_bits():
    a, b = classifier(), classifier()
    fit(a)
    fit(b)
    assert same(weights(a), weights(b))
    c = classifier(seed=1)
    fit(c)
    assert not same(weights(a), weights(c))


def test_evaluation_does_not_depend_on_the_batch_size_nor_change_anything():
    trainer = classifier()
    before = weights(trainer)
    whole, parts = (trainer.evaluate(X, Y, batch_size=n) for n in (60, 7))
    assert whole["loss"] == pytest.approx(parts["loss"], rel=1e-6)
    assert whole["accuracy"] == parts["accuracy"]
    logits = trainer.predict(X, batch_size=7)
    assert logits.shape == (60, 2)
    assert (logits.argmax(1) == Y).mean() == pytest.approx(whole["accuracy"])
    assert same(before, weights(trainer))
    assert trainer.model.training


def test_accumulation_equals_the_big_batch():
    whole, parts = classifier(), classifier(accumulate=3)
    options = {"epochs": 2, "batch_size": 25, "sample_weight": RNG.uniform(size=60)}
    a, b = fit(whole, **options), fit(parts, **options)
    for name, value in weights(whole).items():
        np.testing.assert_allclose(weights(parts)[name], value, atol=2e-6)
    assert a[-1]["loss"] == pytest.approx(b[-1]["loss"], rel=1e-5)


def test_a_weight_of_zero_leaves_an_example_out():
    keep = np.arange(60) < 30
    left_out, absent = classifier(), classifier()
    fit(left_out, shuffle=False, batch_size=60, sample_weight=keep.astype(np.float32))
    absent.fit(X[keep], Y[keep], epochs=3, batch_size=60, shuffle=False, progress=False)
    for name, value in weights(absent).items():
        np.testing.assert_allclose(weights(left_out)[name], value, atol=1e-5)


def test_class_weights_multiply_sample_weights():
    by_class, by_sample = classifier(), classifier()
    fit(by_class, class_weight={0: 1.0, 1: 3.0})
    fit(by_sample, sample_weight=np.where(Y == 1, 3.0, 1.0).astype(np.float32))
    assert same(weights(by_class), weights(by_sample))
    with pytest.raises(ArgumentError, match="class 1"):
        fit(classifier(), class_weight=[1.0])
    with pytest.raises(ArgumentError, match="integer class labels"):
        classifier().fit(X, X, class_weight=[1.0, 1.0], progress=False)


def test_inputs_may_be_tuples_dicts_and_datasets():
    class Two(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(5, 2)

        def forward(self, a, b):
            return self.fc(a) * b

    b = np.ones((60, 1), np.float32)
    losses = []
    for x in ((X, b), {"a": X, "b": b}, Dataset((X, b), Y)):
        rp.manual_seed(0)
        trainer = rp.Trainer(Two(), optimizer="adam")
        y = None if isinstance(x, Dataset) else Y
        losses.append(trainer.fit(x, y, epochs=1, progress=False)[-1]["loss"])
    assert losses[0] == losses[1] == losses[2]


def test_float64_data_is_taken_in_the_model_s_type():
    trainer = classifier()
    trainer.fit(X.astype(np.float64), Y, epochs=1, progress=False)
    assert all(value.dtype != np.float64 for value in weights(trainer).values())


def test_clipping_and_averaged_weights():
    trainer = classifier(clip_grad_norm=1e-6)
    rp.manual_seed(0)
    fit(trainer, epochs=1)
    model = nn.Linear(5, 2)
    ema = optim.EMA(model, 0.5)
    averaged = rp.Trainer(model, optimizer=optim.SGD(model.parameters(), lr=0.5), ema=ema)
    averaged.fit(X, Y, epochs=1, progress=False)
    raw = model.weight.tolist()
    averaged.evaluate(X, Y)
    assert model.weight.tolist() == raw
    with ema.applied():
        assert model.weight.tolist() != raw


def test_augmentation_sees_every_training_batch_and_no_other():
    sizes = []

    def augment(x, y, rng):
        sizes.append((len(x), float(rng.random())))
        return x, y

    fit(classifier(augment=augment), epochs=1, validation_data=(X, Y))
    assert [n for n, _ in sizes] == [16, 16, 16, 12]
    assert len({draw for _, draw in sizes}) == 4


def test_a_loss_that_is_not_finite_stops_before_the_step():
    trainer = classifier()
    x = X.copy()
    x[5] = np.inf
    before = weights(trainer)
    with pytest.raises(DivergedError, match="not applied"):
        trainer.fit(x, Y, epochs=1, batch_size=60, progress=False)
    assert same(before, weights(trainer))


def test_a_gradient_that_is_not_finite_stops_before_the_step():
    def steep(prediction, target):
        return (prediction.sum() * 0.0).sqrt()  # d sqrt(x)/dx is infinite at 0

    trainer = rp.Trainer(nn.Linear(5, 2), loss=steep)
    before = weights(trainer)
    with pytest.raises(DivergedError, match="gradient"):
        fit(trainer)
    assert same(before, weights(trainer))


def test_a_batch_that_counts_nothing_changes_nothing():
    trainer = classifier()
    before = weights(trainer)
    fit(trainer, epochs=1, sample_weight=np.zeros(60, np.float32))
    assert same(before, weights(trainer))
    assert np.isnan(trainer.history[-1]["loss"])


def test_callbacks_hear_of_everything_in_order():
    heard = []

    class Listener(Callback):
        def on_fit_begin(self, trainer):
            heard.append("begin")

        def on_epoch_begin(self, trainer):
            heard.append("epoch")

        def on_step(self, trainer, loss):
            heard.append("step")

        def on_epoch_end(self, trainer, record):
            heard.append("record")

        def on_fit_end(self, trainer):
            heard.append("end")

    fit(classifier(callbacks=[Listener()]), epochs=1, batch_size=30)
    assert heard == ["begin", "epoch", "step", "step", "record", "end"]


def test_ctrl_c_ends_between_two_steps_and_callbacks_save():
    saved = []

    class Stopper(Callback):
        def on_step(self, trainer, loss):
            if trainer.step == 2:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGINT)

        def on_interrupt(self, trainer):
            saved.append(trainer.step)

    with pytest.raises(KeyboardInterrupt):
        fit(classifier(callbacks=[Stopper()]))
    assert saved == [2]


def test_misuse_is_explained():
    with pytest.raises(ArgumentError, match="accumulate"):
        classifier(accumulate=0)
    with pytest.raises(ArgumentError, match="did you mean 'accuracy'"):
        rp.Trainer(nn.Linear(1, 1), metrics=["acuracy"])
    with pytest.raises(ArgumentError, match="adam"):
        rp.Trainer(nn.Linear(1, 1), optimizer="adm")
    with pytest.raises(DTypeError, match=r"must be an nn\.Module"):
        rp.Trainer(None)
    with pytest.raises(DTypeError, match="a name or an optimizer"):
        rp.Trainer(nn.Linear(1, 1), optimizer=3)
    with pytest.raises(DTypeError, match="Callback objects"):
        fit(classifier(), callbacks=[3])
    with pytest.raises(ArgumentError, match="epochs must be an integer"):
        fit(classifier(), epochs="3")
    with pytest.raises(ArgumentError, match="batch_size"):
        fit(classifier(), batch_size=0)
    with pytest.raises(ArgumentError, match="fit needs targets"):
        classifier().fit(X, progress=False)
    with pytest.raises(ShapeError, match="no examples"):
        classifier().fit(X[:0], Y[:0], progress=False)
    with pytest.raises(ShapeError, match="lengths differ"):
        classifier().fit(X, Y[:3], progress=False)
    with pytest.raises(ArgumentError, match="validation_data"):
        fit(classifier(), validation_data=X)
    with pytest.raises(ArgumentError, match="brings its own"):
        classifier().fit(Dataset(X, Y), Y, progress=False)


def test_another_fit_goes_on_and_an_interrupted_one_does_the_rest():
    trainer = classifier()
    fit(trainer, epochs=2)
    assert [record["epoch"] for record in fit(trainer, epochs=3)] == [1, 2, 3, 4, 5]

    class Stopper(Callback):
        def on_epoch_end(self, trainer, record):
            if record["epoch"] == 6:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(trainer, epochs=4, callbacks=[Stopper()])
    assert trainer.epoch == 6
    assert len(fit(trainer, epochs=4)) == 9

"""Whole networks on images: compiled steps are eager steps, to the last digits of doubles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.backends.llvm import target

F = nn.functional
CLOSE = {"rtol": 1e-9, "atol": 1e-11}


class Residual(nn.Module):
    """Two convolutions with normalisation and a way past them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Any) -> Any:
        return F.relu(self.second(F.relu(self.norm(self.first(x)))) + x)


class Dense(nn.Module):
    """Each layer sees the channels of all before it."""

    def __init__(self, channels: int, growth: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Conv2d(channels + i * growth, growth, 3, padding=1) for i in range(depth)]
        )

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = rp.concat([x, F.relu(layer(x))], axis=1)
        return x


class Upsampled(nn.Module):
    """Down and up again, with what was there before beside it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.up = nn.Conv2d(2 * channels, channels, 3, padding=1)

    def forward(self, x: Any) -> Any:
        y = F.interpolate(F.relu(self.down(x)), scale_factor=2, mode="nearest")
        return F.relu(self.up(y)) * 0.5 + x


def separable(inputs: int, outputs: int, stride: int) -> list[Any]:
    return [
        nn.Conv2d(inputs, inputs, 3, stride=stride, padding=1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]


def headed(channels: int, *layers: Any) -> Any:
    """Layers with a classifier of five classes behind them."""
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5))


def plain() -> Any:
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 17, 3, stride=2),
        nn.Tanh(),
        nn.AvgPool2d(2, stride=1),
        nn.Flatten(),
        nn.Linear(17 * 1 * 2, 5),
    )


def transposed() -> Any:
    return headed(
        6,
        nn.Conv2d(3, 18, 3, stride=2),
        nn.GELU(),
        nn.ConvTranspose2d(18, 6, 4, stride=2, padding=1),
        nn.BatchNorm2d(6),
    )


# Names, with what makes the network and the shape of one of its images.
NETWORKS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "plain": (plain, (3, 10, 14)),
    "residual": (lambda: headed(17, nn.Conv2d(3, 17, 1), Residual(17), nn.MaxPool2d(2)), (3, 8, 9)),
    "residual, winograd": (
        lambda: headed(32, nn.Conv2d(3, 32, 3, padding=1), Residual(32), Residual(32)),
        (3, 8, 8),
    ),
    "dense": (lambda: headed(3 + 3 * 5, Dense(3, 5, 3)), (3, 7, 8)),
    "upsampled": (lambda: headed(3, Upsampled(3), Upsampled(3)), (3, 8, 12)),
    "separable": (lambda: headed(34, *separable(3, 17, 1), *separable(17, 34, 2)), (3, 9, 8)),
    "transposed": (transposed, (3, 9, 9)),
    "grouped": (
        lambda: headed(32, nn.Conv2d(4, 32, 3, groups=2), nn.GroupNorm(4, 32), nn.SiLU()),
        (4, 9, 8),
    ),
    "dilated": (
        lambda: headed(6, nn.Conv2d(3, 6, 3, dilation=2, padding=3), nn.InstanceNorm2d(6)),
        (3, 9, 8),
    ),
    "line": (
        lambda: nn.Sequential(
            nn.Conv1d(3, 19, 5, stride=2, padding=2),
            nn.BatchNorm1d(19),
            nn.ReLU(),
            nn.MaxPool1d(3, stride=2, padding=1),
            nn.Conv1d(19, 5, 3),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
        ),
        (3, 30),
    ),
    "volume": (
        lambda: nn.Sequential(
            nn.Conv3d(2, 9, 3, padding=1),
            nn.BatchNorm3d(9),
            nn.ReLU(),
            nn.MaxPool3d(2),
            nn.Flatten(),
            nn.Linear(9 * 2 * 3 * 2, 5),
        ),
        (2, 4, 6, 5),
    ),
}


class Job:
    """A network from fixed weights, with its optimizer and a step on it.

    Args:
        wrap: what the step is put into: a compiler, or nothing.
    """

    def __init__(
        self,
        name: str,
        wrap: Callable[[Any], Any] = lambda step: step,
        dtype: Any = np.float64,
        **options: Any,
    ) -> None:
        make, self.image = NETWORKS[name]
        self.dtype = dtype
        self.model = make().to(dtype=np.dtype(dtype))
        rng = np.random.default_rng(0)
        self.model.load_state_dict(
            {
                key: rp.asarray((rng.uniform(0.5, 1.5, value.shape) / 4).astype(value.dtype))
                if value.dtype == np.dtype(dtype)
                else value
                for key, value in self.model.state_dict().items()
            }
        )
        for parameter in self.model.parameters():
            signs = rng.choice([1.0, 1.0, -1.0], parameter.shape).astype(dtype)
            with rp.no_grad():
                parameter.assign(parameter * rp.asarray(signs))
        chosen = {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-3} | options
        self.optimizer = optim.SGD(list(self.model.parameters()), **chosen)

        def step(x: Any, labels: Any) -> Any:
            self.model.train()
            loss = F.cross_entropy(self.model(x), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            return loss

        def evaluate(x: Any) -> Any:
            self.model.eval()
            with rp.no_grad():
                return self.model(x)

        self.step, self.evaluate = wrap(step), wrap(evaluate)

    def batch(self, number: int, size: int = 8) -> tuple[Any, Any]:
        rng = np.random.default_rng(100 + number)
        x = rng.standard_normal((size, *self.image)).astype(self.dtype)
        return rp.asarray(x), rp.asarray(rng.integers(0, 5, size))

    def run(self, steps: int, start: int = 0) -> list[float]:
        """The losses of some steps."""
        return [float(self.step(*self.batch(start + i)).detach()) for i in range(steps)]

    def state(self) -> dict[str, Any]:
        return {key: np.array(value.numpy()) for key, value in self.model.state_dict().items()}

    def gradients(self) -> dict[str, Any]:
        return {name: np.array(p.grad.numpy()) for name, p in self.model.named_parameters()}


def native(step: Any) -> Any:
    return rp.compile(step, strict=True, threads=2)


def expect_alike(found: dict[str, Any], expected: dict[str, Any], **close: float) -> None:
    assert list(found) == list(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, err_msg=key, **(close or CLOSE))


@pytest.mark.parametrize("name", NETWORKS)
def test_one_step_has_the_loss_and_gradients_of_an_eager_one(name: str) -> None:
    mine, theirs = Job(name, native), Job(name)
    np.testing.assert_allclose(mine.run(1), theirs.run(1), rtol=1e-12)
    expect_alike(mine.gradients(), theirs.gradients())
    expect_alike(mine.state(), theirs.state())


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_after_five_steps_are_those_of_eager_steps(name: str) -> None:
    mine, theirs = Job(name, native), Job(name)
    np.testing.assert_allclose(mine.run(5), theirs.run(5), rtol=1e-9)
    expect_alike(mine.state(), theirs.state(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["residual", "dense", "separable", "plain"])
def test_weights_read_between_steps_are_those_of_the_moment(name: str) -> None:
    mine, theirs = Job(name, native), Job(name)
    for number in range(4):
        mine.run(1, number)
        theirs.run(1, number)
        expect_alike(mine.state(), theirs.state(), rtol=1e-7, atol=1e-9)


def test_a_state_that_was_read_does_not_change_with_later_steps() -> None:
    job = Job("residual", native)
    job.run(1)
    held = job.model.state_dict()
    before = {key: np.array(value.numpy()) for key, value in held.items()}
    job.run(2, 1)
    expect_alike({key: value.numpy() for key, value in held.items()}, before, rtol=0, atol=0)
    moved = job.state()
    assert all(np.any(moved[key] != before[key]) for key in before if key.endswith("weight"))


@pytest.mark.parametrize("name", ["residual", "residual, winograd", "dense", "line"])
def test_weights_that_are_loaded_between_steps_count(name: str) -> None:
    mine, theirs = Job(name, native), Job(name)
    for job in (mine, theirs):
        job.run(2)
        state = job.state()
        job.run(2, 2)
        job.model.load_state_dict({key: rp.asarray(value) for key, value in state.items()})
        job.run(1, 4)
    expect_alike(mine.state(), theirs.state(), rtol=1e-7, atol=1e-9)


def test_a_checkpoint_goes_on_where_it_was_left() -> None:
    whole = Job("separable", native, momentum=0.0)
    whole.run(3)
    saved = whole.state()
    losses = whole.run(2, 3)
    later = Job("separable", native, momentum=0.0)
    later.model.load_state_dict({key: rp.asarray(value) for key, value in saved.items()})
    assert later.run(2, 3) == losses
    expect_alike(later.state(), whole.state(), rtol=0, atol=0)


@pytest.mark.parametrize("name", NETWORKS)
def test_evaluation_and_training_share_the_weights(name: str) -> None:
    mine, theirs = Job(name, native), Job(name)
    x, _ = mine.batch(50, 5)
    for number in range(3):
        close: Any = {"rtol": 1e-7, "atol": 1e-9}
        np.testing.assert_allclose(mine.evaluate(x).numpy(), theirs.evaluate(x).numpy(), **close)
        mine.run(1, number)
        theirs.run(1, number)
    np.testing.assert_allclose(mine.evaluate(x).numpy(), theirs.evaluate(x).numpy(), **close)


def test_eager_and_compiled_steps_may_take_turns() -> None:
    mine, theirs = Job("residual", native), Job("residual")
    compiled_step = mine.step

    def eager(x: Any, labels: Any) -> Any:
        loss = F.cross_entropy(mine.model.train()(x), labels)
        mine.optimizer.zero_grad()
        loss.backward()
        mine.optimizer.step()
        return loss

    for number in range(4):
        mine.step = eager if number % 2 else compiled_step
        mine.run(1, number)
        theirs.run(1, number)
    expect_alike(mine.state(), theirs.state(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["residual", "dense", "upsampled"])
def test_batches_of_other_sizes(name: str) -> None:
    mine, theirs = Job(name, native), Job(name)
    for number, size in enumerate((8, 3, 8, 17)):
        for job in (mine, theirs):
            job.step(*job.batch(number, size))
    expect_alike(mine.state(), theirs.state(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["residual, winograd", "plain", "separable"])
def test_many_steps_in_one_call_are_single_steps(name: str) -> None:
    mine, theirs = Job(name, native), Job(name, native)
    batches = [mine.batch(i) for i in range(4)]
    losses = mine.step.many(*(rp.stack(side) for side in zip(*batches, strict=True)))
    assert losses.detach().numpy().tolist() == theirs.run(4)
    expect_alike(mine.state(), theirs.state(), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["residual, winograd", "dense", "separable", "volume"])
def test_threads_do_not_change_the_bits(name: str) -> None:
    jobs = [
        Job(name, lambda step, n=threads: rp.compile(step, strict=True, threads=n), np.float32)
        for threads in (1, 2, 3, 8)
    ]
    losses = [job.run(3) for job in jobs]
    assert all(row == losses[0] for row in losses)
    assert ", 3 threads, " in jobs[2].step.report().splitlines()[0]
    for job in jobs[1:]:
        expect_alike(job.state(), jobs[0].state(), rtol=0, atol=0)


@pytest.mark.skipif(bool(target.why_not(target.named("sse"))), reason="no such instructions")
@pytest.mark.parametrize("name", ["residual, winograd", "upsampled", "line"])
def test_another_instruction_set_agrees(name: str) -> None:
    mine = Job(name, lambda step: rp.compile(step, strict=True, target="sse"))
    theirs = Job(name)
    np.testing.assert_allclose(mine.run(2), theirs.run(2), rtol=1e-10)
    expect_alike(mine.state(), theirs.state())


@pytest.mark.parametrize("name", NETWORKS)
def test_single_precision_is_close_to_double(name: str) -> None:
    mine, theirs = Job(name, native, np.float32), Job(name)
    np.testing.assert_allclose(mine.run(1), theirs.run(1), rtol=2e-5)
    for key, value in theirs.gradients().items():
        found = mine.gradients()[key]
        most = max(np.abs(value).max(), 1e-3)
        np.testing.assert_allclose(found, value, rtol=0, atol=2e-4 * most, err_msg=key)


@pytest.mark.parametrize("rule", ["Adam", "AdamW", "RMSprop"])
def test_optimizers_that_keep_state_like_their_weights(rule: str) -> None:
    def made(wrap: Callable[[Any], Any]) -> Any:
        job = Job("residual", wrap)
        job.optimizer = getattr(optim, rule)(list(job.model.parameters()), lr=1e-3)
        return job

    mine, theirs = made(native), made(lambda step: step)
    np.testing.assert_allclose(mine.run(4), theirs.run(4), rtol=1e-8)
    expect_alike(mine.state(), theirs.state(), rtol=1e-6, atol=1e-8)


def test_gradients_of_the_images_themselves() -> None:
    job = Job("residual, winograd")
    x, labels = job.batch(0)

    def fn(x: Any) -> Any:
        return rp.value_and_grad(lambda x: F.cross_entropy(job.model(x), labels))(x)

    before = job.state()
    value, slope = fn(x)
    job.model.load_state_dict({key: rp.asarray(array) for key, array in before.items()})
    found, mine = native(fn)(x)
    np.testing.assert_allclose(found.numpy(), value.numpy(), rtol=1e-12)
    np.testing.assert_allclose(mine.numpy(), slope.numpy(), **CLOSE)  # type: ignore[call-overload]


def test_gradients_of_a_frozen_part_are_not_there() -> None:
    def made(wrap: Callable[[Any], Any]) -> Any:
        job = Job("residual", wrap)
        for parameter in job.model[1].parameters():
            parameter.requires_grad = False
        return job

    mine, theirs = made(native), made(lambda step: step)
    mine.run(2)
    theirs.run(2)
    expect_alike(mine.state(), theirs.state())
    assert mine.model[1].first.weight.grad is None

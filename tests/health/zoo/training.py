"""From a spec to a training and its findings."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import RetropropError
from retroprop.health import Finding
from retroprop.health.checks import adds_up, make_case, run_checks
from tests.health.zoo import flaws, networks
from tests.health.zoo.data import Data, load
from tests.health.zoo.spec import Spec

__all__ = ["Result", "prepare", "train"]

_COSTLY = ("overfit_one_batch", "too_much_memory")  # checks that take steps of their own
_LOOK = 20  # steps between two looks
_LOSSES = {"classes": "cross_entropy", "binary": "binary_cross_entropy_with_logits"}


class Result(NamedTuple):
    """What became of a training.

    Attributes:
        findings: what is wrong with it, in the order in which it was seen.
        score:    accuracy on the test set, or the share of the variance that is explained; >= 0.
        seconds:  that building and training took.
        problem:  the error that ended it, by name, or "".
    """

    findings: list[Finding]
    score: float
    seconds: float
    problem: str


def prepare(spec: Spec) -> tuple[rp.Trainer, Data]:
    """The Trainer of a spec, before its first step, and its data."""
    data = load(
        spec.data,
        examples=spec.examples,
        length=spec.length,
        model=spec.model,
        inputs=spec.inputs,
        seed=spec.seed,
    )
    data = flaws.DATA.get(spec.flaw, lambda same: same)(data)
    kept = max(len(data.x) // spec.batch_size, 1) * spec.batch_size  # all batches are of one size
    data = data._replace(x=data.x[:kept], y=data.y[:kept])
    rp.manual_seed(spec.seed)
    model = flaws.MODELS.get(spec.flaw, lambda same: same)(networks.build(spec, data))
    loss = _LOSSES.get(data.task, "mse") if spec.loss == "auto" else spec.loss
    trainer = rp.Trainer(
        model,
        loss=flaws.LOSSES.get(spec.flaw, loss),
        optimizer=_optimizer(spec, model),
        metrics=["accuracy"] if data.task == "classes" else [],
        callbacks=[flaws.CALLBACKS[spec.flaw]()] if spec.flaw in flaws.CALLBACKS else [],
        clip_grad_norm=spec.clip_grad_norm,
        seed=spec.seed,
        health=_LOOK,
    )
    if spec.flaw == "adding":
        trainer.optimizer.zero_grad = lambda set_to_none=True: None  # type: ignore[method-assign]
    monitor = trainer.monitor
    assert monitor is not None
    monitor._compiled = monitor._probe  # a dozen looks op by op take less than compiling one
    return trainer, data


def train(spec: Spec) -> Result:
    """Train as the spec says, and judge."""
    began = time.perf_counter()
    trainer, data = prepare(spec)
    findings, problem = _checked(trainer, data, spec), ""
    balanced = {"class_weight": _balanced(data.y)} if spec.class_weight == "balanced" else {}
    try:
        trainer.fit(
            data.x,
            data.y,
            epochs=max(1, round(spec.steps * spec.batch_size / len(data.x))),
            batch_size=spec.batch_size,
            validation_data=(data.x_test[:200], data.y_test[:200]),
            progress=False,
            **balanced,
        )
    except RetropropError as error:
        problem = type(error).__name__
    assert trainer.monitor is not None
    findings = [*findings, *trainer.monitor.findings]
    score = 0.0 if problem else _score(trainer, data)
    return Result(findings, score, time.perf_counter() - began, problem)


def _optimizer(spec: Spec, model: nn.Module) -> optim.Optimizer:
    lr: Any = spec.lr
    if spec.schedule == "cosine":
        lr = optim.schedule.cosine(spec.lr, spec.steps)
    elif spec.schedule == "warmup":
        lr = optim.schedule.linear_warmup(spec.lr, spec.steps // 10)
    elif spec.schedule == "one_cycle":
        lr = optim.schedule.one_cycle(spec.lr, spec.steps)
    options: dict[str, Any] = {"momentum": spec.momentum} if spec.momentum else {}
    if spec.weight_decay:
        options["weight_decay"] = spec.weight_decay
    parameters = flaws.trained_parameters(model, spec.flaw)
    return optim.get(spec.optimizer)(parameters, lr=lr, **options)  # type: ignore[call-arg]


def _checked(trainer: rp.Trainer, data: Data, spec: Spec) -> list[Finding]:
    """What can be seen before the first step."""
    if spec.flaw == "eval":
        trainer.model.eval()
    x, y = data.x[: spec.batch_size], data.y[: spec.batch_size]
    case = make_case(
        trainer.model,
        flaws.LOSSES.get(spec.flaw, trainer.objective.name),
        x,
        y,
        optimizer=trainer.optimizer,
        inputs=data.x,
        targets=data.y,
        options={"batch_size": spec.batch_size, "lr": spec.lr, "class_weight": spec.class_weight},
    )
    found = run_checks(case, leave_out=_COSTLY)
    if case.look.error is None:
        with suppress(RetropropError):  # a step that fails says so itself
            doubled = adds_up(partial(_step, trainer), trainer.optimizer, case.x, case.y)
            found += [doubled] if doubled else []
    return found


def _step(trainer: rp.Trainer, x: rp.Tensor, y: rp.Tensor) -> None:
    """A step as one writes it out."""
    trainer.optimizer.zero_grad()
    trainer.engine.backward(x, y, None)
    trainer.optimizer.step()


def _balanced(y: Any) -> list[float]:
    counts = np.bincount(y.reshape(-1).astype(int))
    return [float(len(y) / (len(counts) * max(count, 1))) for count in counts]


def _score(trainer: rp.Trainer, data: Data) -> float:
    trainer.model.eval()
    with rp.no_grad():  # op by op: it runs once
        made = trainer.model(rp.asarray(data.x_test)).numpy()
    y = data.y_test if data.task == "classes" else data.y_test.reshape(made.shape)
    if not np.isfinite(made).all():
        return 0.0
    if data.task == "classes":
        return float((made.argmax(1) == y).mean())
    if data.task == "binary":
        inside = made.min() >= 0 and made.max() <= 1  # probabilities, not logits
        return float(((made > (0.5 if inside else 0.0)) == (y > 0.5)).mean())
    return float(max(0.0, 1 - np.mean((made - y) ** 2) / np.var(y)))

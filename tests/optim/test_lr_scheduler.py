"""Schedulers moved on by hand."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError, CheckpointError
from retroprop.optim import lr_scheduler


def optimizer() -> optim.SGD:
    groups = [{"params": rp.ones(1, requires_grad=True)}]
    groups.append({"params": rp.ones(1, requires_grad=True), "lr": 0.5})
    return optim.SGD(groups, lr=1.0)


def rates(scheduler: lr_scheduler.LRScheduler, steps: int) -> list[list[float]]:
    seen = [scheduler.get_last_lr()]
    for _ in range(steps):
        scheduler.step()
        seen.append(scheduler.get_last_lr())
    return seen


def test_each_group_from_its_own_rate() -> None:
    scheduler = lr_scheduler.StepLR(optimizer(), step_size=2, gamma=0.5)
    assert rates(scheduler, 3) == [[1.0, 0.5], [1.0, 0.5], [0.5, 0.25], [0.5, 0.25]]


def test_the_optimizer_steps_with_it() -> None:
    opt = optimizer()
    scheduler = lr_scheduler.LambdaLR(opt, lambda epoch: 1.0 / (1 + epoch))
    scheduler.step()
    for group in opt.param_groups:
        group.params[0].grad = rp.ones(1)
    opt.step()
    assert [group.params[0].item() for group in opt.param_groups] == [0.5, 0.75]


def test_sequence_starts_from_the_first_rate() -> None:
    opt = optimizer()
    warm = lr_scheduler.LinearLR(opt, start_factor=0.5, total_iters=2)
    fall = lr_scheduler.ExponentialLR(opt, gamma=0.5)
    scheduler = lr_scheduler.SequentialLR(opt, [warm, fall], milestones=[2])
    assert [row[0] for row in rates(scheduler, 4)] == [0.5, 0.75, 1.0, 0.5, 0.25]
    with pytest.raises(ArgumentError, match="belongs to another optimizer"):
        lr_scheduler.SequentialLR(optimizer(), [warm, fall], milestones=[2])


def test_cosine_goes_up_again() -> None:
    seen = rates(lr_scheduler.CosineAnnealingLR(optimizer(), T_max=2, eta_min=0.1), 4)
    np.testing.assert_allclose([row[0] for row in seen], [1.0, 0.55, 0.1, 0.55, 1.0])


def test_resume() -> None:
    first = lr_scheduler.PolynomialLR(optimizer(), total_iters=4)
    rates(first, 3)
    second = lr_scheduler.PolynomialLR(optimizer(), total_iters=4)
    second.load_state_dict(first.state_dict())
    assert second.get_last_lr() == first.get_last_lr() == [0.25, 0.125]
    with pytest.raises(CheckpointError, match="last_epoch"):
        second.load_state_dict({})


def test_plateau_by_its_other_name() -> None:
    opt = optimizer()
    scheduler = lr_scheduler.ReduceLROnPlateau(opt, patience=0, factor=0.5)
    for loss in (1.0, 1.0):
        scheduler.step(loss)
    assert opt.lr == 0.5


def test_two_schedules_are_one_too_many() -> None:
    opt = optim.SGD([rp.ones(1, requires_grad=True)], lr=optim.schedule.constant(0.1))
    with pytest.raises(ArgumentError, match=r"follows constant\(lr=0.1\) already"):
        lr_scheduler.StepLR(opt, 1)


def test_one_cycle_takes_its_length_as_epochs_too():
    def rates(*args, **options):
        optimizer = optim.SGD([rp.zeros(1).requires_grad_()], lr=0.1)
        scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, *args, **options)
        seen = []
        for _ in range(6):
            seen += scheduler.get_last_lr()
            scheduler.step()
        return seen

    assert rates(epochs=2, steps_per_epoch=3) == rates(6) == rates(None, 2, 3, 0.3)
    with pytest.raises(ArgumentError, match="the length is missing"):
        rates(epochs=2)


def test_cyclic_says_that_momentum_stays():
    optimizer = optim.SGD([rp.zeros(1).requires_grad_()], lr=0.1)
    lr_scheduler.CyclicLR(optimizer, 0.1, 0.2, cycle_momentum=False)
    with pytest.raises(ArgumentError, match="does not cycle the momentum"):
        lr_scheduler.CyclicLR(optimizer, 0.1, 0.2, cycle_momentum=True)

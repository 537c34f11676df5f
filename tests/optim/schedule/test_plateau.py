"""ReduceOnPlateau."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError, CheckpointError


def plateau(**options: Any) -> tuple[optim.SGD, optim.ReduceOnPlateau]:
    opt = optim.SGD([rp.ones(1, requires_grad=True)], lr=1.0)
    return opt, optim.ReduceOnPlateau(opt, **{"factor": 0.5, "patience": 1, **options})


def feed(reduce: optim.ReduceOnPlateau, *metrics: float) -> list[bool]:
    return [reduce.update(metric) for metric in metrics]


def test_patience() -> None:
    opt, reduce = plateau()
    assert feed(reduce, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5) == [False, False, True, False, False, False]
    assert opt.lr == 0.5


def test_cooldown() -> None:
    opt, reduce = plateau(patience=0, cooldown=2)
    assert feed(reduce, 1.0, 1.0, 1.0, 1.0, 1.0) == [False, True, False, False, True]
    assert opt.lr == 0.25


@pytest.mark.parametrize(
    ("mode", "kind", "good", "bad"),
    [("min", "rel", 8.9, 9.1), ("min", "abs", 9.8, 9.95), ("max", "rel", 11.1, 10.9),
     ("max", "abs", 10.2, 10.05)],
)  # fmt: skip
def test_thresholds(mode: str, kind: str, good: float, bad: float) -> None:
    _, reduce = plateau(mode=mode, threshold=0.1, threshold_mode=kind)
    feed(reduce, 10.0)
    assert not reduce.is_better(bad)
    assert reduce.is_better(good)


def test_lowest_rate() -> None:
    opt, reduce = plateau(patience=0, min_lr=0.3)
    assert feed(reduce, 1.0, 1.0, 1.0, 1.0) == [False, True, True, False]
    assert opt.lr == 0.3


def test_nan_is_not_better() -> None:
    opt, reduce = plateau()
    assert feed(reduce, math.nan, math.nan) == [False, True]
    assert opt.lr == 0.5
    assert feed(reduce, 3.0) == [False]
    assert reduce.best == 3.0


def test_takes_tensors() -> None:
    _, reduce = plateau()
    reduce.update(rp.asarray([2.0]))
    assert reduce.best == 2.0


@pytest.mark.parametrize("seen", [(), (2.0, 2.0)])
def test_resume(seen: tuple[float, ...]) -> None:
    opt, first = plateau()
    feed(first, *seen)
    other, second = plateau()
    second.load_state_dict(json.loads(json.dumps(first.state_dict(), allow_nan=False)))
    assert feed(first, 2.0, 2.0, 2.0) == feed(second, 2.0, 2.0, 2.0)
    assert opt.lr == other.lr
    with pytest.raises(CheckpointError, match="bad, best, resting, updates not found"):
        second.load_state_dict({})


def test_refused() -> None:
    opt = optim.SGD([rp.ones(1, requires_grad=True)])
    for options, match in [
        ({"mode": "mn"}, "unknown mode of ReduceOnPlateau 'mn'; did you mean 'min'"),
        ({"threshold_mode": "x"}, "unknown threshold_mode"),
        ({"factor": 1.0}, "factor is 1.0, it must be below 1"),
        ({"patience": -1}, "patience is -1"),
        ({"min_lr": -1}, "min_lr is -1"),
    ]:
        with pytest.raises(ArgumentError, match=match):
            optim.ReduceOnPlateau(opt, **options)
    with pytest.raises(ArgumentError, match="wants an optimizer, got a float"):
        optim.ReduceOnPlateau(0.1)
    opt.lr = optim.schedule.constant(0.1)
    with pytest.raises(ArgumentError, match=r"the optimizer follows constant\(lr=0.1\)"):
        optim.ReduceOnPlateau(opt)

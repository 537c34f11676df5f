"""A tracer sees all ops of a step, and where their operands came from."""

from __future__ import annotations

from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.health.provenance_trace import Tracer, array_of, summary


def traced(function: Any, *args: rp.Tensor, model: nn.Module | None = None) -> Tracer:
    names = {id(array_of(x)): f"x{i}" for i, x in enumerate(args)}
    with Tracer(names, model) as tracer:
        function(*args)
    return tracer


def test_a_summary_counts_what_is_not_finite() -> None:
    found = summary(np.float32([1, -2, np.inf, -np.inf, np.nan]))
    assert (found.low, found.high, found.nan, found.inf, found.below) == (-2, 1, 1, 2, 1)
    assert (found.worst, found.wrong) == ("nan", 3)
    assert summary(np.float32([-np.inf])).worst == "-inf"
    assert summary(np.float32([])).wrong == summary(np.arange(3)).wrong == 0


def test_both_passes_are_seen_and_belong_together() -> None:
    w = rp.tensor([1.0, 2.0], requires_grad=True)
    tracer = traced(lambda: rp.sum(rp.sqrt(w)).backward())
    assert [event.op.name for event in tracer.events[:2]] == ["sqrt", "sum"]
    late = [event for event in tracer.events if event.phase == "backward"]
    assert {event.about.op.name for event in late if event.about} == {"sqrt", "sum"}
    assert late[-1].op.name == "divide"
    assert late[-1].sources[1].event is tracer.events[0]  # by the result of sqrt
    assert tracer.pulled


def test_operands_are_traced_to_what_was_given() -> None:
    net = nn.Linear(3, 2)
    x = rp.asarray(np.ones((4, 3), np.float32))
    tracer = traced(net, x, model=net)
    given = [s.given for event in tracer.events for s in event.sources if s.given is not None]
    assert {(one.kind, one.name) for one in given} == {
        ("argument", "x0"), ("weight", "weight"), ("weight", "bias"),
    }  # fmt: skip
    assert all(event.modules == (net,) for event in tracer.events)
    assert all("test_provenance_trace.py" in event.line[0] for event in tracer.events if event.line)


def test_an_element_is_born_where_its_operands_were_finite() -> None:
    x = rp.asarray([[0.0, 1.0], [np.inf, np.nan]])
    event = traced(rp.log, x).events[0]
    np.testing.assert_array_equal(event.born["inf"], [[True, False], [False, False]])
    assert event.born["nan"] is None
    assert event.inherits == {"nan": (True,), "inf": (True,)}


def test_infinities_that_make_a_nan_are_noted() -> None:
    x = rp.asarray([np.inf, 1.0])
    event = traced(lambda x: x - x, x).events[0]
    np.testing.assert_array_equal(event.born["nan"], [True, False])
    assert event.met_inf == (True, True)
    total = traced(lambda x: rp.sum(x), rp.asarray([np.inf, -np.inf])).events[0]
    assert total.met_inf == (True,)
    assert total.born["nan"] is not None


def test_gradients_that_are_used_are_of_the_update() -> None:
    w = rp.tensor([1.0, 2.0], requires_grad=True)

    def step() -> None:
        rp.sum(w * w).backward()
        with rp.no_grad():
            w.assign(w - 0.1 * w.grad)

    assert traced(step).events[-1].phase == "update"

"""The walk back to the first number that was not finite."""

from __future__ import annotations

from typing import Any

import numpy as np

import retroprop as rp
from retroprop.health.provenance_search import Origin, ancestors, origin
from retroprop.health.provenance_trace import Source, Tracer, array_of


def found(function: Any, x: Any) -> Origin | None:
    x = rp.asarray(np.asarray(x, np.float32))
    with Tracer({id(array_of(x)): "x"}) as tracer:
        function(x)
    return origin([Source(tracer.events[-1], 0, None)], tracer.events)


def test_the_first_of_several_is_found() -> None:
    one = found(lambda x: rp.log(x) + rp.sqrt(x - 1) + 1 / x, [0.0, 2.0])
    assert one is not None
    assert (one.event.op.name, one.kind) == ("sqrt", "nan")
    one = found(lambda x: rp.sum(rp.log(x) + rp.exp(1 / x)), [0.0, 2.0])
    assert one is not None
    assert (one.event.op.name, one.kind) == ("log", "inf")


def test_what_did_not_reach_the_result_is_no_origin() -> None:
    one = found(lambda x: rp.where(x > 0, rp.log(x), 0.0) / (x * 0), [-1.0, 2.0])
    assert one is not None
    assert one.event.op.name == "divide"
    assert found(lambda x: rp.where(x > 0, rp.log(x), 0.0), [-1.0, 2.0]) is None


def test_infinities_of_a_mask_are_not_to_blame() -> None:
    one = found(lambda x: rp.where(x > 0, x, -np.inf) - rp.max(rp.where(x > 0, x, -np.inf)), [-1.0])
    assert one is not None
    assert (one.event.op.name, one.given) == ("subtract", None)


def test_infinities_of_the_data_are() -> None:
    one = found(lambda x: x - rp.max(x), [[1.0], [np.inf]])
    assert one is not None
    assert one.given is not None
    assert one.given.name == "x"
    mask = np.full((3, 2), -np.inf)  # each sample has some: so masks look
    one = found(lambda x: x - rp.max(x, axis=1, keepdims=True), mask)
    assert one is not None
    assert (one.event.op.name, one.given) == ("subtract", None)


def test_a_number_in_the_code_is_blamed_on_the_op_that_it_is_given_to() -> None:
    one = found(lambda x: rp.exp(x * float("nan")), [1.0])
    assert one is not None
    assert (one.event.op.name, one.given) == ("multiply", None)


def test_ancestors_come_in_the_order_of_execution() -> None:
    with Tracer({}) as tracer:
        x = rp.asarray([1.0])
        a, _ = rp.exp(x), rp.sin(x)
        _ = a * rp.cos(a)
    names = [event.op.name for event in ancestors(Source(tracer.events[-1], 0, None))]
    assert names == ["exp", "cos", "multiply"]

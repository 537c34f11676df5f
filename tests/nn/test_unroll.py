"""The loop over time: order of the steps, frozen states, lengths that make no sense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import DTypeError, IndexRangeError, ShapeError
from retroprop.ir.graph import nodes_within
from retroprop.nn.gates import Kind, Past
from retroprop.nn.unroll import live_rows, unroll


def add_up(share: Any, state: Any, past: Past) -> Any:
    """h' = 10 h + x, so that a state tells the order in which digits were read."""
    return (state[0] * 10 + share,)


DIGITS = Kind(1, 1, add_up)
PAST = Past(rp.zeros((1, 1)))


def read(digits: Any, **options: Any) -> tuple[Any, Any]:
    """The outputs (time, batch) and last states (batch,) of reading digits (time, batch)."""
    table = np.asarray(digits, float)
    time, batch = table.shape
    rows, (last,) = unroll(
        DIGITS, rp.asarray(table.reshape(-1, 1)), (rp.zeros((batch, 1), dtype="float64"),), PAST,
        time=time, **options,
    )  # fmt: skip
    return rows.numpy().reshape(time, batch).tolist(), last.numpy()[:, 0].tolist()


def test_steps_are_read_in_order() -> None:
    assert read([[1, 4], [2, 5], [3, 6]]) == ([[1, 4], [12, 45], [123, 456]], [123, 456])
    outputs, last = read([[1, 4], [2, 5], [3, 6]], reverse=True)
    assert (outputs, last) == ([[321, 654], [32, 65], [3, 6]], [321, 654])


def test_a_state_stays_past_the_end_of_its_sequence() -> None:
    live = live_rows([3, 2], 3, 2)
    outputs, last = read([[1, 4], [2, 5], [3, 6]], live=live)
    assert (outputs, last) == ([[1, 4], [12, 45], [123, 0]], [123, 45])


def test_the_other_direction_starts_at_the_end_of_each_sequence() -> None:
    live = live_rows([3, 2], 3, 2)
    outputs, last = read([[1, 4], [2, 5], [3, 6]], live=live, reverse=True)
    assert (outputs, last) == ([[321, 54], [32, 5], [3, 0]], [321, 54])


def test_an_empty_sequence_keeps_its_first_state() -> None:
    _, last = read([[1, 4]], live=live_rows([0, 1], 1, 2))
    assert last == [0, 4]


@pytest.mark.parametrize("given", [[2, 0, 3], np.array([2, 0, 3], np.uint8)])
def test_live_rows(given: Any) -> None:
    live = live_rows(given, 3, 3)
    assert live.dtype == rp.bool
    assert live.numpy().reshape(3, 3).T.tolist() == [
        [True, True, False], [False, False, False], [True, True, True],
    ]  # fmt: skip


def test_lengths_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"\(batch 4\), one number for each sequence; it is \(2,"):
        live_rows([1, 2], 3, 4)
    with pytest.raises(DTypeError, match="lengths must be integers, they are float32"):
        live_rows([1.0, 2.0], 3, 2)  # type: ignore[list-item]
    with pytest.raises(IndexRangeError, match=r"lengths\[1\] is 4, the input has 3 steps"):
        live_rows([1, 4], 3, 2)
    with pytest.raises(IndexRangeError, match=r"lengths\[0\] is -1"):
        live_rows([-1, 2], 3, 2)


def test_the_gradient_of_a_long_loop_costs_no_square() -> None:
    """Slicing step by step would hold a copy of the whole sequence for each step."""
    time, batch = 400, 2
    share = rp.tensor(np.ones((time * batch, 1)), requires_grad=True)
    state = (rp.zeros((batch, 1), dtype=rp.float64),)
    kind = Kind(1, 1, lambda x, state, past: (x,))
    rows, _ = unroll(kind, share, state, PAST, time=time)
    (rows * rp.arange(time * batch).reshape((-1, 1))).sum().backward()
    np.testing.assert_array_equal(share.grad.numpy()[:, 0], np.arange(time * batch))


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_program_for_2000_steps_is_as_large_as_one_for_20(layer: Any) -> None:
    """Which is why it is compiled in the same time."""
    made = layer(2, 3)

    @rp.compile(threads=1)
    def step(x: Any, lengths: Any) -> list[Any]:
        made.zero_grad()
        y, _ = made(x, lengths=lengths)
        (y * y).sum().backward()
        return [p.grad for p in made.parameters()]

    def ops(time: int) -> list[str]:
        step(rp.ones((time, 2, 2)), rp.asarray([3, time]))
        return [node.op.name for node in nodes_within(step.graph)]

    assert ops(20) == ops(2000)

"""Loops with a state alone: eager and compiled do the same, and stop at the same place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, DTypeError, ShapeError

BOTH = pytest.mark.parametrize("around", [lambda f: f, rp.compile], ids=["eager", "compiled"])


def test_fori_loop_counts():
    @rp.compile
    def factorial() -> rp.Tensor:
        return rp.fori_loop(1, 6, lambda i, product: product * i, rp.asarray(1))

    assert factorial().item() == 120
    assert rp.fori_loop(3, 3, lambda i, x: x + 1, rp.asarray(7)).item() == 7


def test_while_loop_ends_where_the_condition_does():
    def collatz(n: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
        def body(state: Any) -> Any:
            n, steps = state
            return rp.where(n % 2 == 0, n // 2, 3 * n + 1), steps + 1

        return rp.while_loop(lambda s: s[0] > 1, body, (n, rp.asarray(0)), limit=200)

    compiled = rp.compile(collatz)
    for start in (1, 6, 27):
        n = rp.asarray(start)
        assert [t.item() for t in collatz(n)] == [t.item() for t in compiled(n)]
    assert collatz(rp.asarray(27))[1].item() == 111
    assert rp.while_loop(lambda x: x > 0, lambda x: x + 1, rp.asarray(1), limit=9).item() == 10
    with pytest.raises(ArgumentError, match="limit must be at least 1"):
        rp.while_loop(lambda x: x > 0, lambda x: x, rp.asarray(1), limit=0)


@BOTH
def test_nothing_happens_behind_the_end(around: Any):
    table, count = rp.asarray([1.0, 2.0, 3.0, 0.0, 1.0]), rp.asarray(0)
    rp.manual_seed(5)

    def run(table: rp.Tensor) -> rp.Tensor:
        def body(state: Any) -> Any:
            n, total = state
            count.assign(count + 1)
            return n + 1, total + rp.take(table, n, axis=0) + 0 * rp.random.uniform(())

        start = rp.asarray(0), rp.asarray(0.0)
        return rp.while_loop(lambda state: state[0] < 5, body, start, limit=9)[1]

    assert around(run)(table).item() == 7.0
    assert count.item() == 5
    drawn = rp.random.uniform(()).item()
    rp.manual_seed(5)
    for _ in range(5):
        rp.random.uniform(())
    assert drawn == rp.random.uniform(()).item()


@BOTH
def test_a_state_that_is_singular_at_the_end_has_a_gradient(around: Any):
    def run(x: rp.Tensor) -> rp.Tensor:
        return rp.while_loop(lambda s: s > 1, lambda s: rp.sqrt(s - 1), x * 1.0, limit=4)

    assert around(rp.grad(run))(rp.asarray(2.0)).item() == 0.5


@BOTH
@pytest.mark.parametrize("loop", ["fori_loop", "while_loop"])
def test_a_state_that_changes_its_type_is_explained(around: Any, loop: str):
    def run(body: Any) -> Any:
        if loop == "fori_loop":
            return around(lambda: rp.fori_loop(0, 3, lambda _, s: body(s), rp.zeros((3, 2))))()
        return around(lambda: rp.while_loop(lambda _: True, body, rp.zeros((3, 2)), limit=3))()

    with pytest.raises(ShapeError, match=rf"{loop}: .* \(3, 2\) and comes out as \(2,\)"):
        run(lambda s: s[0])
    with pytest.raises(DTypeError, match=f"{loop}: .* float32 and comes out as float64"):
        run(lambda s: s.astype(rp.float64))
    for wrong, shown in ((lambda s: (s, s), r"tuple\(\*, \*\)"), (lambda s: None, "None")):
        with pytest.raises(
            ArgumentError, match=rf"{loop}: .* other containers .*: {shown}, before"
        ):
            run(wrong)


@BOTH
def test_conditions_and_bounds_are_checked(around: Any):
    def run(condition: Any, limit: Any = 3) -> Any:
        return around(lambda: rp.while_loop(condition, lambda s: s + 1, rp.zeros(2), limit=limit))()

    with pytest.raises(DTypeError, match=r"must be one bool, it is bool of \(2,\)"):
        run(lambda s: s < 1)
    with pytest.raises(DTypeError, match="must be one bool, it is float32"):
        run(lambda s: s.sum())
    with pytest.raises(ArgumentError, match=r"limit must be an integer, it is 2\.5"):
        run(lambda s: (s < 1).all(), 2.5)
    with pytest.raises(ArgumentError, match=r"upper must be an integer, it is 3\.5"):
        around(lambda: rp.fori_loop(0, 3.5, lambda _, s: s, rp.zeros(2)))()
    assert run(lambda s: (s < 1).all(), np.int32(3)).tolist() == [1.0, 1.0]


@BOTH
def test_a_number_to_begin_with_becomes_a_tensor(around: Any):
    found = around(lambda: rp.while_loop(lambda s: s < 100, lambda s: s * 3, 1, limit=9))()
    assert isinstance(found, rp.Tensor)
    assert found.item() == 243

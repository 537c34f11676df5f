"""Training for 200 steps: compiled goes where eager goes, and `many` where single calls go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from tests.backends.llvm.training import NETWORKS, Training

STEPS = 200
EACH = pytest.mark.parametrize("name", NETWORKS)


def same_bits(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    assert actual.keys() == expected.keys()
    for name, weights in expected.items():
        np.testing.assert_array_equal(actual[name], weights, err_msg=name)


@EACH
@pytest.mark.parametrize(("dtype", "close"), [("float32", 2e-3), ("float64", 1e-9)])
def test_compiled_training_goes_where_eager_training_goes(
    name: str, dtype: str, close: float
) -> None:
    eager = Training(NETWORKS[name], dtype=dtype)
    compiled = Training(NETWORKS[name], rp.compile, dtype=dtype)
    np.testing.assert_allclose(compiled.run(STEPS), eager.run(STEPS), rtol=close)
    for key, weights in eager.weights().items():
        np.testing.assert_allclose(compiled.weights()[key], weights, rtol=0, atol=close)


@EACH
def test_many_steps_in_one_call_are_the_same_bits(name: str) -> None:
    single, many = (Training(NETWORKS[name], rp.compile) for _ in range(2))
    losses = single.run(50)
    x, y = many.batches(50)
    for part in (slice(0, 1), slice(1, 33), slice(33, 50)):
        found = many.step.many(rp.asarray(x[part]), rp.asarray(y[part]))
        np.testing.assert_array_equal(found.numpy(), np.float32(losses[part]))
    same_bits(many.weights(), single.weights())


@EACH
def test_every_run_gives_the_same_bits(name: str) -> None:
    first, second = (Training(NETWORKS[name], rp.compile) for _ in range(2))
    assert first.run(20) == second.run(20)
    same_bits(first.weights(), second.weights())


@pytest.mark.parametrize("batch", [1, 7, 33, 100])
@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(threads: int, batch: int) -> None:
    """A network large enough to be cut into parts."""
    network = NETWORKS["adam"]._replace(sizes=(150, 133, 70, 10), batch=batch)
    alone = Training(network, lambda step: rp.compile(step, threads=1))
    together = Training(network, lambda step: rp.compile(step, threads=threads))
    assert alone.run(5) == together.run(5)
    same_bits(together.weights(), alone.weights())


@EACH
def test_the_reference_backend_runs_the_same_graph(name: str) -> None:
    eager = Training(NETWORKS[name])
    numpy = Training(NETWORKS[name], lambda step: rp.compile(step, backend="numpy"))
    np.testing.assert_allclose(numpy.run(20), eager.run(20), rtol=1e-4)

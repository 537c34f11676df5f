"""Tables with sparse=True: rows without a gradient stay, and the cost follows the batch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import ArgumentError

ROWS, FEATURES = 50, 6
MAKERS: list[Callable[[Any], optim.Optimizer]] = [
    lambda params: optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=0.1),
    lambda params: optim.Adam(params, lr=0.1, amsgrad=True),
    lambda params: optim.AdamW(params, lr=0.1),
    lambda params: optim.Adagrad(params, lr=0.1),
    lambda params: optim.RMSprop(params, lr=0.1, centered=True, momentum=0.5),
    lambda params: optim.NAdam(params, lr=0.1),
    lambda params: optim.Rprop(params),
]


def stepper(
    make: Callable[[Any], optim.Optimizer], *, compiled: bool, twice: bool = False
) -> tuple[nn.Embedding, Callable[[Any], Any]]:
    """A table, and a step of training that reads and changes it."""
    rp.manual_seed(3)
    table = nn.Embedding(ROWS, FEATURES, padding_idx=0, sparse=True)
    optimizer = make(table.parameters())
    weights = rp.asarray(np.linspace(-1, 1, FEATURES).astype("f4"))

    def step(x: rp.Tensor) -> rp.Tensor:
        loss = (table(x) ** 2 * weights).sum()
        if twice:
            loss = loss + (table(x[:, 0]) * weights).sum() / 2
        loss.backward()
        nn.utils.clip_grad_norm_(table.parameters(), 1.0)
        optimizer.step()
        return loss

    return table, rp.compile(step, strict=True) if compiled else step


def batches(count: int) -> list[rp.Tensor]:
    rng = np.random.default_rng(0)
    return [rp.asarray(rng.integers(0, ROWS, (3, 5))) for _ in range(count)]


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("make", MAKERS)
def test_rows_that_were_not_read_stay(make: Any, twice: bool) -> None:
    table, step = stepper(make, compiled=True, twice=twice)
    for x in batches(4):
        before = table.weight.numpy().copy()
        step(x)
        read = np.zeros(ROWS, bool)
        read[x.numpy()] = True
        read[0] = False  # the padding row gets no gradient
        changed = np.any(table.weight.numpy() != before, axis=1)
        assert changed.tolist() == read.tolist()


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("make", MAKERS)
def test_a_compiled_step_does_what_an_eager_one_does(make: Any, twice: bool) -> None:
    (one, eager), (other, native) = (
        stepper(make, compiled=compiled, twice=twice) for compiled in (False, True)
    )
    for x in batches(6):
        np.testing.assert_allclose(eager(x).item(), native(x).item(), rtol=1e-4)
    np.testing.assert_allclose(one.weight.numpy(), other.weight.numpy(), rtol=2e-5, atol=1e-6)


def test_a_step_works_on_the_rows_of_the_batch_alone() -> None:
    table, rows = nn.Embedding(5000, 4, sparse=True), 6
    optimizer = optim.Adam(table.parameters(), lr=0.1)

    @rp.compile(strict=True)
    def step(x: rp.Tensor) -> rp.Tensor:
        loss = (table(x) ** 2).sum()
        loss.backward()
        nn.utils.clip_grad_norm_(table.parameters(), 1.0)
        optimizer.step()
        return loss

    step(rp.asarray(np.arange(rows).reshape(2, 3)))
    report = str(step.report())
    whole = [line for line in report.splitlines() if "5000x4" in line]
    assert len(whole) == 3, report  # the table and two moments, written in place
    assert all(line.startswith("put") for line in whole), report


def test_many_lookups_of_a_small_table_are_done_as_a_whole() -> None:
    table = nn.Embedding(4, 3, sparse=True)
    optimizer = optim.SGD(table.parameters(), lr=1.0)

    @rp.compile
    def step(x: rp.Tensor) -> None:
        table(x).sum().backward()
        optimizer.step()

    before = table.weight.numpy().copy()
    step(rp.asarray([1, 1, 3, 1]))
    np.testing.assert_allclose(before - table.weight.numpy(), [[0] * 3, [3] * 3, [0] * 3, [1] * 3])


def test_the_gradient_is_used_up_by_a_step() -> None:
    table, step = stepper(MAKERS[0], compiled=False)
    step(batches(1)[0])
    assert table.weight.grad is None


def test_indices_out_of_range_change_nothing() -> None:
    table, step = stepper(MAKERS[1], compiled=True)
    step(batches(1)[0])
    before = table.weight.numpy().copy()
    with pytest.raises(IndexError, match="index 50 is out of range"):
        step(rp.asarray(np.full((3, 5), ROWS)))
    np.testing.assert_array_equal(table.weight.numpy(), before)


@pytest.mark.parametrize("name", ["LAMB", "Muon", "LBFGS"])
def test_algorithms_that_need_all_rows_say_so(name: str) -> None:
    table = nn.Embedding(5, 3, sparse=True)
    with pytest.raises(ArgumentError, match="a table with sparse=True"):
        getattr(optim, name)(table.parameters())


def test_copies_and_bags_are_sparse_too() -> None:
    assert copy.deepcopy(nn.Embedding(5, 3, sparse=True)).weight.sparse
    assert nn.EmbeddingBag(5, 3, sparse=True).weight.sparse
    assert not nn.Embedding(5, 3).weight.sparse
    assert "sparse=True" in repr(nn.Embedding(5, 3, sparse=True))

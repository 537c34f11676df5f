"""Recording: what is recorded, in which dtype, and what costs nothing."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import retroprop as rp
from retroprop import settings
from retroprop.core.tape import Journal, Observer
from retroprop.errors import DTypeError, GraphError, ShapeError
from retroprop.ops.define import elementwise


def test_nothing_is_recorded_without_a_leaf_that_wants_it():
    assert not (rp.ones(2) * 2.0).requires_grad
    assert (rp.ones(2, requires_grad=True) * 2.0).requires_grad


def test_integer_results_carry_no_gradient():
    x = rp.ones(2, requires_grad=True)
    assert not (x > 0.5).requires_grad
    assert not x.astype(rp.int64).requires_grad


def test_modes_nest_and_decorate_and_stay_in_their_thread():
    seen = []

    @rp.no_grad()
    def inside() -> bool:
        return rp.is_grad_enabled()

    assert inside() is False
    with rp.no_grad():
        with rp.enable_grad():
            assert rp.is_grad_enabled()
        thread = threading.Thread(target=lambda: seen.append(rp.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not rp.is_grad_enabled()
    assert seen == [True]
    assert rp.is_grad_enabled()


def test_the_mode_comes_back_after_an_error():
    with pytest.raises(ZeroDivisionError), rp.no_grad():
        raise ZeroDivisionError
    assert rp.is_grad_enabled()


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        (rp.ones(1), 2, rp.float32),
        (rp.ones(1), 2.5, rp.float32),
        (rp.asarray([1]), 2.5, rp.float32),
        (rp.asarray([1]), 2, rp.int64),
        (rp.asarray([True]), 2, rp.int64),
        (rp.asarray([1]), rp.ones(1), rp.float32),
        (rp.ones(1), rp.ones(1, dtype=rp.float64), rp.float64),
        (rp.ones(1, dtype=rp.float64), 1j, rp.complex128),
        (rp.asarray([1], dtype=rp.int8), rp.asarray([1], dtype=rp.uint8), rp.int16),
    ],
)
def test_promotion(left, right, result):
    assert (left + right).dtype == result
    assert (right + left).dtype == result


def test_types_that_have_no_common_type_are_refused():
    with pytest.raises(DTypeError, match="int64 and uint64"):
        rp.asarray([1]) + rp.asarray([1], dtype=rp.uint64)


def test_a_cast_on_the_way_carries_the_gradient_back_in_its_own_type():
    x = rp.ones(2, requires_grad=True)
    (x * rp.ones(2, dtype=rp.float64)).sum().backward()
    assert x.grad.dtype == rp.float32


def test_broadcast_operands_get_gradients_of_their_own_shape():
    x = rp.ones((2, 1, 3), requires_grad=True)
    z = rp.ones((4, 1), requires_grad=True)
    (x * z).sum().backward()
    assert x.grad.shape == (2, 1, 3)
    assert z.grad.shape == (4, 1)
    assert (x.grad.numpy() == 4).all()
    assert (z.grad.numpy() == 6).all()


def test_complex_results_are_forward_only():
    x = rp.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="forward only"):
        x * 1j
    assert (x.detach() * 1j).dtype == rp.complex64


def test_errors_name_the_op_both_shapes_and_the_users_line():
    with pytest.raises(ShapeError) as caught:
        rp.ones((2, 3)) + rp.ones(4)
    text = str(caught.value)
    assert "add: shapes (2, 3) and (4,)" in text
    assert "test_tape.py" in text
    assert "rp.ones((2, 3)) + rp.ones(4)" in text
    assert "fix:" in text


def test_overflow_is_a_value_and_no_warning():
    assert (rp.asarray([1e38]) * 10.0).tolist() == [float("inf")]
    assert np.isnan((rp.zeros(1) / rp.zeros(1)).item())


def test_a_journal_rewinds_assignments():
    x, y = rp.zeros(1), rp.zeros(1)
    with Journal() as journal:
        x.assign([1.0])
        x.assign([2.0])
    y.assign([5.0])
    undo = journal.rewind()
    assert x.tolist() == [0.0]
    assert y.tolist() == [5.0]
    undo.rewind()
    assert x.tolist() == [2.0]


def test_the_shape_check_finds_a_reference_that_breaks_its_rules(monkeypatch):
    @elementwise(partials={"x": 1.0})
    def crooked(x, /):
        return np.zeros(7, np.float32)

    monkeypatch.setattr(settings, "check_shapes", True)
    with pytest.raises(GraphError, match="crooked"):
        crooked(rp.ones(2))


def test_a_number_that_does_not_fit_is_told():
    with pytest.raises(DTypeError, match="300 does not fit in uint8"):
        rp.asarray([1], dtype=rp.uint8) + 300


def test_a_journal_may_remember_gradients():
    w = rp.tensor([1.0, 2.0], requires_grad=True)
    (w * w).sum().backward()
    first = w.grad
    with Journal(gradients=True) as journal:
        (w * w).sum().backward()
        w.grad = None
    assert [(cell, before) for cell, before in journal.noted_gradients()] == [(w, first)]
    undo = journal.rewind()
    assert w.grad is first
    undo.rewind()
    assert w.grad is None


@pytest.mark.parametrize("follows", [False, True])
def test_an_observer_that_follows_sees_the_backward_pass_too(follows):
    seen = []

    class Watch(Observer):
        def begins(self, op, operands):
            seen.append(f"begin {op.name}")

        def executed(self, op, operands, attributes, made):
            seen.append(op.name)

        def pulls(self, node):
            seen.append(node and f"pull {node.op.name}")

    Watch.follows = follows
    w = rp.tensor([1.0, 2.0], requires_grad=True)
    with Watch():
        rp.exp(w).sum().backward()
    assert seen[:4] == ["begin exp", "exp", "begin sum", "sum"]
    assert ("pull exp" in seen) is follows
    assert (seen[-1] is None) is follows
    plain = rp.tensor([1.0, 2.0], requires_grad=True)
    rp.exp(plain).sum().backward()
    assert w.grad.tolist() == plain.grad.tolist()
    assert not w.grad.requires_grad


def test_an_observer_that_follows_sees_compiled_functions_op_by_op():
    seen = []

    class Watch(Observer):
        follows = True

        def saw(self, op, operands, made):
            seen.append(op.name)

    double = rp.compile(lambda x: rp.exp(x) * 2)
    with Watch():
        one = double(rp.asarray([0.0]))
        many = double.many(rp.asarray([[0.0], [0.0]]))
    assert seen[:2] == ["exp", "multiply"]
    assert seen.count("exp") == 3
    assert (one.tolist(), many.tolist()) == ([2.0], [[2.0], [2.0]])

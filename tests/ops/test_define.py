"""The op record: what is checked at definition, how calls are bound, what the tape keeps."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import dtypes
from retroprop.errors import DTypeError, NoGradientError
from retroprop.ir import verify
from retroprop.ops.arithmetic import add, multiply, where
from retroprop.ops.define import (
    FLOATING,
    INTEGER,
    NUMERIC,
    PASS,
    NoGradient,
    Op,
    elementwise,
    primitive,
)
from retroprop.ops.movement import concatenate, permute_dims
from retroprop.ops.reduction import sum as add_up


def make(partials, **record):
    @elementwise(partials=partials, **record)
    def scaled(x, z, /, *, by, offset=0.0):
        """Example."""
        return x * z * by + offset

    return scaled


def test_a_rule_that_asks_for_nonsense_fails_where_it_is_written():
    with pytest.raises(TypeError, match=r"scaled: rule for 'x' asks for \['q'\]; it may ask for"):
        make({"x": lambda q: q, "z": PASS})


def test_a_missing_rule_fails_where_it_is_written():
    with pytest.raises(TypeError, match=r"scaled: rules missing for \{'z'\}"):
        make({"x": PASS})


def test_a_surplus_rule_fails_where_it_is_written():
    with pytest.raises(TypeError, match=r"unknown \{'w'\}"):
        make({"x": PASS, "z": PASS, "w": PASS})


@pytest.mark.parametrize("rule", [0, "x", None])
def test_a_rule_of_a_wrong_kind_fails_where_it_is_written(rule):
    with pytest.raises(TypeError, match=r"rule for 'x' is .* neither a function, a float"):
        make({"x": rule, "z": PASS})


def test_the_record_is_read_off_the_signature():
    op = make({"x": lambda z, by: multiply(z, by), "z": lambda x, by: multiply(x, by)})
    assert op.name == "scaled"
    assert op.operands == ("x", "z")
    assert op.attributes == {"by": Op.REQUIRED, "offset": 0.0}
    assert op.__doc__ == "Example."
    assert repr(op) == "<op scaled>"


def test_a_new_op_works_and_differentiates_at_once():
    op = make({"x": lambda z, by: multiply(z, by), "z": lambda x, by: multiply(x, by)})
    x = rp.tensor([1.0, 2.0], requires_grad=True)
    z = rp.tensor([3.0, 4.0], requires_grad=True)
    y = op(x, z, by=10.0)
    verify(rp.Graph.of(y))
    y.sum().backward()
    assert y.tolist() == [30.0, 80.0]
    assert (x.grad.tolist(), z.grad.tolist()) == ([30.0, 40.0], [10.0, 20.0])


def test_a_wrong_rule_differs_from_finite_differences():
    """What the conformance tests rest on."""

    @elementwise(partials={"x": lambda y: y})
    def squared(x, /):
        """Example."""
        return x * x

    x = rp.tensor(3.0, dtype=rp.float64, requires_grad=True)
    squared(x).backward()
    slope = (squared(np.float64(3 + 1e-6)) - squared(np.float64(3 - 1e-6))) / 2e-6
    assert abs(x.grad.item() - slope) > 1


def test_arrays_run_the_reference_and_tensors_the_tape():
    assert type(add(np.ones(2), np.ones(2))) is np.ndarray
    assert type(add(np.ones(2), rp.asarray(np.ones(2)))) is rp.Tensor
    assert type(add(2.0, rp.asarray(np.ones(2)))) is rp.Tensor


def test_attributes_may_be_given_by_position():
    x = np.zeros((2, 3))
    assert permute_dims(x, (1, 0)).shape == (3, 2)
    assert permute_dims(x, axes=(1, 0)).shape == (3, 2)
    assert permute_dims(rp.asarray(x), (1, 0)).shape == (3, 2)
    with pytest.raises(TypeError, match=r"permute_dims\(\) takes 1 tensors and 1 attributes, 3"):
        permute_dims(rp.asarray(x), (1, 0), 7)


def test_attributes_are_completed_and_checked():
    assert add_up.complete({"axis": 1}) == {"axis": 1, "keepdims": False}
    with pytest.raises(TypeError, match=r"sum\(\) got unexpected \['axes'\]; it has \['axis'"):
        add_up(rp.asarray([1.0]), axes=1)
    with pytest.raises(TypeError, match=r"permute_dims\(\) needs axes="):
        permute_dims(rp.asarray([1.0]))


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_tensors_is_checked(count):
    with pytest.raises(TypeError, match=rf"add\(\) takes 2 tensors.*{count}"):
        add(*[rp.asarray([1.0])] * count)


def test_accepted_kinds():
    assert multiply.common_dtype([dtypes.bool, dtypes.bool]) == dtypes.int64
    with pytest.raises(DTypeError, match="only_ints: does not take float32; it takes signed"):
        only_ints(rp.asarray([1.0]))
    assert only_floats(rp.asarray([1])).dtype == rp.float32


@elementwise(accepts=INTEGER)
def only_ints(x, /):
    """Example."""
    return x


@elementwise(accepts=FLOATING)
def only_floats(x, /):
    """Example."""
    return x


def test_roles_stay_out_of_the_promotion():
    mask = rp.asarray([True, False])
    y = where(mask, rp.asarray([1.0, 2.0], dtype=rp.float64), 0.0)
    assert y.dtype == rp.float64


def test_without_rules_a_gradient_is_an_error_that_names_the_op():
    x = rp.tensor([1.0], requires_grad=True)
    with pytest.raises(NoGradientError, match="only_floats: no gradient with respect to x"):
        only_floats(x).backward()


def test_the_reason_is_given():
    op = make({"x": PASS, "z": NoGradient("the moon is full")})
    z = rp.tensor([1.0], requires_grad=True)
    with pytest.raises(NoGradientError, match="with respect to z: the moon is full"):
        op(rp.asarray([1.0]), z, by=1.0).backward()


def test_only_what_a_wanted_rule_asks_for_is_kept():
    assert multiply.kept_names((True, False)) == {"z"}
    assert multiply.kept_names((False, True)) == {"x"}
    assert multiply.kept_names((True, True)) == {"x", "z"}
    assert add.kept_names((True, True)) == set()


def test_variadic_rules_know_which_operand_they_are_for():
    assert concatenate.variadic
    parts = [rp.tensor([float(i)], requires_grad=True) for i in range(3)]
    concatenate(*parts, axis=0).backward(np.array([10.0, 20.0, 30.0], np.float32))
    assert [part.grad.item() for part in parts] == [10.0, 20.0, 30.0]


@primitive(
    form="opaque",
    shape=lambda x: [x, ()],
    result=lambda x: [x, dtypes.int64],
    accepts=NUMERIC,
    vjp={"x": lambda g, y: multiply(g[0], 2.0) if y[1].dtype == dtypes.int64 else g[0]},
)
def doubled(x, /):
    """Example."""
    return x * 2, np.asarray(x.size)


def test_several_outputs():
    x = rp.tensor([1.0, 2.0], requires_grad=True)
    y, count = doubled(x)
    assert (y.tolist(), count.item(), count.dtype) == ([2.0, 4.0], 2, rp.int64)
    assert doubled.infer([x], {}) == (((2,), dtypes.float32), ((), dtypes.int64))
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]

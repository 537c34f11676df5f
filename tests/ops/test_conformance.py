"""What every op promises, checked for every op: nothing here names one, except to excuse it.

For each sample call of each record: the reference agrees with the shape and dtype rules; Tensors
agree with the reference, also on strided memory; gradients agree with finite differences, to second
order; the tape is a legal graph. For each record: misuse is explained, and the dtypes it accepts
are the dtypes it runs on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import retroprop as rp
from retroprop import dtypes
from retroprop.errors import DTypeError, NoGradientError, RetropropError
from retroprop.ir import verify
from retroprop.ops.catalog import catalog
from retroprop.ops.define import DATA_DEPENDENT, INTEGER, Op
from retroprop.ops.samples import Bad
from tests.ops.drawing import Case, cases, draw_array, draw_call, promoted, smooth, strided

# (test, op) -> why the op is excused from it. Everything that is not here is checked.
EXCUSED: dict[tuple[str, str], str] = {
    **{
        (test, "scan"): "its body has types, so it cannot take others; see tests/ops/test_loop.py"
        for test in ("infer", "gradient type")
    },
    **{
        ("dtype bool", name): "a matrix of nothing but ones, as bool makes it, is singular"
        for name in ("cholesky", "inv", "solve")
    },
    **{
        (f"dtype complex{bits}", "cast"): "the sample casts to a real type, which is an error"
        for bits in (64, 128)
    },
}

ALL = [pytest.param(case, id=str(case)) for case in cases()]
SMOOTH = [pytest.param(case, id=str(case)) for case in cases() if smooth(case)]
OPS = [pytest.param(op, id=op.name) for op in catalog.values()]
MISUSE = [
    pytest.param(op, misuse, id=f"{op.name}-{i}")
    for op in catalog.values()
    for i, misuse in enumerate(op.errors)
]
NARROW = [dtypes.float16, np.dtype(ml_dtypes.bfloat16), dtypes.float32]
TYPES = [
    dtypes.bool, dtypes.int8, dtypes.int32, dtypes.int64, dtypes.uint8, dtypes.uint64,
    *NARROW, dtypes.float64, dtypes.complex64, dtypes.complex128,
]  # fmt: skip


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Edge values (log 0, overflow) are no warnings here."""
    with np.errstate(all="ignore"):
        yield


def excuse(test: str, op: Op) -> None:
    """Skip a test for an op that has a reason not to pass it."""
    if (test, op.name) in EXCUSED:
        pytest.skip(EXCUSED[test, op.name])


def as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def same(actual: Any, expected: Any) -> None:
    """Equal shape, dtype and numbers; the last bits may depend on how the memory lies."""
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    if expected.dtype.kind in "fc":
        close = 8 * np.finfo(expected.dtype).eps
        np.testing.assert_allclose(actual, expected, rtol=close, atol=close)
    else:
        np.testing.assert_array_equal(actual, expected)


def agree(actual: Sequence[Any], expected: Sequence[Any], tolerance: float) -> None:
    """Close to within a tolerance relative to the largest element."""
    for a, e in zip(actual, expected, strict=True):
        numbers = np.asarray(a.detach().numpy() if isinstance(a, rp.Tensor) else a)
        assert numbers.shape == np.shape(e)
        scale = max(1.0, float(np.max(np.abs(e), initial=0.0)))
        np.testing.assert_allclose(numbers, e, rtol=0, atol=tolerance * scale)


class Problem:
    """A scalar function of some operands of a sample call: its floating outputs times weights."""

    def __init__(self, case: Case, dtype: Any = dtypes.float64) -> None:
        self.op, self.attributes = case.op, case.call.attributes
        self.wrt = smooth(case)
        self.arrays = draw_call(case, dtype)
        self.point = [self.arrays[i] for i in self.wrt]
        self.rng = np.random.default_rng(case.number)
        outputs = self.run(self.point)
        self.weights = [self.like(y) if dtypes.is_floating(y.dtype) else None for y in outputs]
        narrow = any(y.dtype == dtypes.float32 for y in outputs)
        self.step, self.tolerance = (1e-2, 1e-3) if narrow else (1e-6, 2e-7)

    def like(self, array: Any) -> Any:
        """Numbers around 1 in the shape of an array."""
        return np.asarray(self.rng.uniform(0.5, 1.5, array.shape)).astype(array.dtype)

    def run(self, point: Sequence[Any]) -> list[Any]:
        """The outputs, with arrays or Tensors in the place of the operands that are varied."""
        operands: list[Any] = list(self.arrays)
        for i, one in zip(self.wrt, point, strict=True):
            operands[i] = one
        outputs = as_tuple(self.op(*operands, **self.attributes))
        return [y if isinstance(y, rp.Tensor) else np.asarray(y) for y in outputs]

    def value(self, point: Sequence[Any]) -> float:
        """The function, computed by the reference."""
        pairs = zip(self.run(point), self.weights, strict=True)
        return float(sum(np.sum(y * w) for y, w in pairs if w is not None))

    def gradient(self, point: Sequence[Any], *, again: bool = False) -> list[Any]:
        """The gradient by backward(); with a tape of its own when it is to be taken `again`."""
        self.leaves = [rp.tensor(array, requires_grad=True) for array in point]
        for y, weight in zip(self.run(self.leaves), self.weights, strict=True):
            if weight is not None:
                y.backward(weight, retain_graph=True, create_graph=again)
        found = [leaf.grad for leaf in self.leaves]
        for leaf in self.leaves:
            leaf.grad = None
        return [
            rp.asarray(np.zeros(leaf.shape, leaf.dtype)) if grad is None else grad
            for leaf, grad in zip(self.leaves, found, strict=True)
        ]


def slopes(function: Callable[[Any], float], point: Sequence[Any], step: float) -> list[Any]:
    """The gradient of a function of several arrays by central differences."""
    result = []
    for i, array in enumerate(point):
        slope = np.zeros(array.shape)
        for where in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = array.copy()
                moved[where] += sign * step
                ends.append(function([*point[:i], moved, *point[i + 1 :]]))
            slope[where] = (ends[0] - ends[1]) / (2 * step)
        result.append(slope)
    return result


def along(function: Callable[[Any], list[Any]], point: Any, direction: Any, step: float) -> Any:
    """The derivative of several arrays along a direction by central differences."""
    ends = [
        function([x + sign * step * d for x, d in zip(point, direction, strict=True)])
        for sign in (1, -1)
    ]
    return [(a - b) / (2 * step) for a, b in zip(*ends, strict=True)]


def backward_of_product(tensors: Sequence[Any], directions: Sequence[Any]) -> None:
    """Gradients of the inner product of Tensors with constants."""
    for tensor, direction in zip(tensors, directions, strict=True):
        if tensor.requires_grad:
            tensor.backward(direction, retain_graph=True)


def by_columns(array: Any) -> Any:
    return np.asarray(array, order="F")


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", ALL)
def test_reference_gives_what_the_rules_infer(case: Case, dtype: str) -> None:
    excuse("infer", case.op)
    op, attributes = case.op, case.op.complete(case.call.attributes)
    arrays = promoted(op, draw_call(case, np.dtype(dtype)))
    result = as_tuple(op.reference(*arrays, **attributes))
    if op.shape is DATA_DEPENDENT:
        with pytest.raises(NoGradientError, match=f"{op.name}: the result's shape depends"):
            op.infer(arrays, attributes)
        return
    assert tuple((np.shape(y), np.asarray(y).dtype) for y in result) == op.infer(arrays, attributes)


@pytest.mark.parametrize("memory", [np.asarray, by_columns, strided])
@pytest.mark.parametrize("case", ALL)
def test_tensors_agree_with_the_reference(case: Case, memory: Callable[..., Any]) -> None:
    excuse("value", case.op)
    arrays = draw_call(case)
    expected = as_tuple(case.op.reference(*promoted(case.op, arrays), **case.call.attributes))
    before = [array.copy() for array in arrays]
    result = case.op(*[rp.asarray(memory(array)) for array in arrays], **case.call.attributes)
    for y, e in zip(as_tuple(result), expected, strict=True):
        assert isinstance(y, rp.Tensor)
        same(y.numpy(), e)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy, err_msg="an operand was changed in place")


@pytest.mark.parametrize("dtype", NARROW, ids=str)
@pytest.mark.parametrize("case", [p for p in ALL if p.values[0].op.form == "elementwise"])
def test_narrow_floats_are_as_good_as_they_can_be(case: Case, dtype: Any) -> None:
    excuse("narrow", case.op)
    arrays = promoted(case.op, draw_call(case, dtype))
    if not case.call.differentiable or not any(array.dtype == dtype for array in arrays):
        return
    wide = [a.astype(np.float64) if a.dtype == dtype else a for a in arrays]
    for y, e in zip(
        as_tuple(case.op(*map(rp.asarray, arrays), **case.call.attributes)),
        as_tuple(case.op.reference(*wide, **case.call.attributes)),
        strict=True,
    ):
        close = 8 * float(ml_dtypes.finfo(dtype).eps)
        np.testing.assert_allclose(y.numpy().astype(np.float64), e, rtol=close, atol=close)


# -- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", SMOOTH)
def test_gradient_agrees_with_finite_differences(case: Case) -> None:
    excuse("gradient", case.op)
    problem = Problem(case)
    expected = slopes(problem.value, problem.point, problem.step)
    agree(problem.gradient(problem.point), expected, problem.tolerance)


@pytest.mark.parametrize("case", SMOOTH)
def test_second_gradient_agrees_with_finite_differences(case: Case) -> None:
    excuse("second", case.op)
    problem = Problem(case)
    direction = [problem.like(x) for x in problem.point]
    once = problem.gradient(problem.point, again=True)
    leaves = problem.leaves

    def first(point: Any) -> list[Any]:
        return [one.numpy() for one in problem.gradient(point)]

    agree(once, first(problem.point), 1e-12)
    expected = along(first, problem.point, direction, 1e-5)
    backward_of_product(once, direction)
    zeros = [np.zeros(x.shape) for x in problem.point]
    pairs = zip(leaves, zeros, strict=True)
    agree([zero if leaf.grad is None else leaf.grad for leaf, zero in pairs], expected, 1e-6)


@pytest.mark.parametrize("case", SMOOTH)
def test_gradient_is_linear_in_the_cotangent(case: Case) -> None:
    """And its derivative in the cotangent is the derivative of the op along a direction."""
    excuse("linear", case.op)
    problem = Problem(case)
    direction = [problem.like(x) for x in problem.point]
    leaves = [rp.tensor(x, requires_grad=True) for x in problem.point]
    cotangents = []
    for y, weight in zip(problem.run(leaves), problem.weights, strict=True):
        if weight is not None:
            cotangents.append(rp.tensor(weight, requires_grad=True))
            y.backward(cotangents[-1], create_graph=True, inputs=leaves)
    once = [leaf.grad for leaf in leaves]
    backward_of_product(
        [one for one in once if one is not None],
        [d for one, d in zip(once, direction, strict=True) if one is not None],
    )

    def floating(point: Any) -> list[Any]:
        pairs = zip(problem.run(point), problem.weights, strict=True)
        return [y for y, weight in pairs if weight is not None]

    expected = along(floating, problem.point, direction, problem.step)
    found = [np.zeros(g.shape) if g.grad is None else g.grad for g in cotangents]
    agree(found, expected, problem.tolerance)


@pytest.mark.parametrize("dtype", NARROW, ids=str)
@pytest.mark.parametrize("case", SMOOTH)
def test_gradient_has_the_type_of_the_operand(case: Case, dtype: Any) -> None:
    excuse("gradient type", case.op)
    problem = Problem(case, dtype)
    if not all(dtypes.is_floating(y.dtype) for y in problem.run(problem.point)):
        return
    for again in (False, True):
        for found, x in zip(
            problem.gradient(problem.point, again=again), problem.point, strict=True
        ):
            assert found.shape == x.shape
            assert found.dtype == dtype


@pytest.mark.parametrize("case", SMOOTH)
def test_tape_is_a_legal_graph(case: Case) -> None:
    excuse("tape", case.op)
    problem = Problem(case)
    outputs = problem.run([rp.tensor(x, requires_grad=True) for x in problem.point])
    recorded = [y for y in outputs if y.requires_grad]
    assert recorded
    graph = rp.Graph.of(*recorded)
    verify(graph)
    assert f" = {case.op.name}(" in str(graph)


@pytest.mark.parametrize("op", OPS)
def test_a_missing_gradient_is_said(op: Op) -> None:
    """An operand without a rule raises when its gradient is asked for, and names the op."""
    for case in cases_of(op):
        for i, drawn in enumerate(case.call.operands):
            rule = op.rules[0 if op.variadic else i]
            if drawn.kind != "float" or rule.reason is None:
                continue
            operands: list[Any] = draw_call(case)
            operands[i] = rp.tensor(operands[i], requires_grad=True)
            for y in as_tuple(op(*operands, **case.call.attributes)):
                if y.requires_grad:
                    with pytest.raises(NoGradientError, match=f"{op.name}: no gradient"):
                        y.backward(np.ones(y.shape), retain_graph=True)


def cases_of(op: Op) -> list[Case]:
    return [Case(op, number, call) for number, call in enumerate(op.samples)]


# -- misuse and types ----------------------------------------------------------------------------


@pytest.mark.parametrize(("op", "misuse"), MISUSE)
def test_misuse_is_explained(op: Op, misuse: Bad) -> None:
    rng = np.random.default_rng(0)
    operands = [rp.asarray(draw_array(one, rng, dtypes.float32)) for one in misuse.operands]
    with pytest.raises(misuse.error, match=misuse.match) as caught:
        op(*operands, **misuse.attributes)
    assert isinstance(caught.value, RetropropError)
    assert "test_conformance.py" in str(caught.value), "the message shows the user's line"


@pytest.mark.parametrize("op", OPS)
def test_record_is_complete(op: Op) -> None:
    """Something is checked for every op, and what can be misused says how."""
    assert list(op.samples), "no samples"
    assert op.__doc__
    assert "." in op.__doc__
    if not op.variadic and op.arity == 1 and not op.attributes:
        return
    if op.arity > 1 or op.variadic or op.shape is not None:
        assert op.errors, "no misuse is described"


def common_type(op: Op, dtype: Any) -> Any:
    """The dtype an op computes operands of `dtype` in, from what it accepts; None for an error."""
    if dtypes.kind(dtype) in op.accepts:
        return dtype
    if dtype == dtypes.bool and op.accepts >= INTEGER:
        return dtypes.int64
    if (dtype == dtypes.bool or dtypes.is_integer(dtype)) and "real floating" in op.accepts:
        return dtypes.float32
    return None


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("op", OPS)
def test_dtypes_it_accepts_are_those_it_runs_on(op: Op, dtype: Any) -> None:
    excuse(f"dtype {dtype}", op)
    case = cases_of(op)[0]
    takes = op.takes_promotion * len(case.call.operands) if op.variadic else op.takes_promotion
    if not any(takes):
        return
    operands = [
        rp.asarray(np.abs(array).astype(dtype) if take else array)
        for array, take in zip(draw_call(case), takes, strict=True)
    ]
    common = common_type(op, dtype)
    if common is None:
        with pytest.raises(DTypeError, match=f"{op.name}: does not take {dtype}"):
            op(*operands, **case.call.attributes)
        return
    result = as_tuple(op(*operands, **case.call.attributes))
    given = [common if take else o.dtype for o, take in zip(operands, takes, strict=True)]
    expected = op.result_dtype(given, op.complete(case.call.attributes))
    expected = expected if isinstance(expected, list) else [expected] * len(result)
    assert [y.dtype for y in result] == expected


def test_every_excuse_is_needed() -> None:
    assert {name for _, name in EXCUSED} <= set(catalog)
    assert all(len(reason) > 20 for reason in EXCUSED.values())

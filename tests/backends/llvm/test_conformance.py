"""Every op of the catalog, compiled: the numbers of its reference. Nothing here names one.

For each op one compiled function makes all its sample calls, so that what is not lowered yet runs
too, by its reference between native parts. Sizes around the vector width, strides, every dtype an
op accepts, and gradients through compiled code follow.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import retroprop as rp
from retroprop import dtypes
from retroprop.errors import RetropropError
from retroprop.ops.catalog import catalog
from retroprop.ops.define import DATA_DEPENDENT, INTEGER, Op
from retroprop.ops.samples import Draw
from tests.ops.drawing import Case, cases, draw_array, draw_call, smooth, strided

STATIC = [  # a loop has types of its own: see test_loop.py
    op for op in catalog.values() if op.shape is not DATA_DEPENDENT and op.form != "loop"
]
DYNAMIC = [op for op in catalog.values() if op.shape is DATA_DEPENDENT]
TYPES = [
    dtypes.bool, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64, dtypes.uint8,
    dtypes.uint32, dtypes.uint64, dtypes.float16, np.dtype(ml_dtypes.bfloat16), dtypes.float32,
    dtypes.float64, dtypes.complex64,
]  # fmt: skip
# One element, less than a vector, a vector and a rest.
SIZES = (1, 7, 33)
MILLION = 1_000_003
EPS = 32  # how far numbers may be off, in units in the last place of the largest of them


def by_name(ops: Sequence[Op]) -> Any:
    """The parameter `op` of a test."""
    return pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in ops])


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Edge values (log 0, overflow) are no warnings here."""
    with np.errstate(all="ignore"):
        yield


def as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def same(actual: Any, expected: Any, eps: float = EPS, what: str = "") -> None:
    """Equal shape, dtype and numbers, but for some units in the last place of the largest."""
    actual, expected = (np.asarray(x.detach().numpy()) for x in (actual, expected))
    assert actual.shape == expected.shape, what
    assert actual.dtype == expected.dtype, what
    if expected.dtype.kind in "biu":
        np.testing.assert_array_equal(actual, expected, err_msg=what)
        return
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    close = eps * float(ml_dtypes.finfo(expected.dtype).eps)
    actual, expected = actual.astype(wide), expected.astype(wide)
    finite = np.abs(expected[np.isfinite(expected)])
    largest = max(1.0, float(np.max(finite, initial=0.0)))
    np.testing.assert_allclose(
        actual, expected, rtol=close, atol=close * min(largest, 1e300), err_msg=what
    )


def agree(
    function: Callable[..., Any], operands: Sequence[Any], what: str = "", eps: float = EPS
) -> None:
    """A function of Tensors gives the same compiled as it does eagerly."""
    expected = as_tuple(function(*operands))
    actual = as_tuple(rp.compile(function)(*operands))
    assert len(actual) == len(expected)
    for number, (a, e) in enumerate(zip(actual, expected, strict=True)):
        same(a, e, eps, what=f"{what} output {number}")


def samples(op: Op) -> list[Case]:
    return [case for case in cases() if case.op is op]


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@by_name(STATIC)
def test_compiled_samples_agree_with_the_reference(op: Op, dtype: str) -> None:
    calls = samples(op)
    operands = [[rp.asarray(a) for a in draw_call(case, np.dtype(dtype))] for case in calls]
    counts = [len(few) for few in operands]

    def every_call(*tensors: Any) -> tuple[Any, ...]:
        made, start = [], 0
        for case, count in zip(calls, counts, strict=True):
            made += as_tuple(op(*tensors[start : start + count], **case.call.attributes))
            start += count
        return tuple(made)

    agree(every_call, [tensor for few in operands for tensor in few], op.name)


@by_name(DYNAMIC)
def test_shapes_that_depend_on_data_are_refused(op: Op) -> None:
    case = samples(op)[0]
    step = rp.compile(lambda *tensors: op(*tensors, **case.call.attributes))
    with pytest.raises(RetropropError, match=op.name):
        step(*[rp.asarray(array) for array in draw_call(case)])


@by_name(STATIC)
def test_strided_operands_are_read_where_they_lie(op: Op) -> None:
    case = max(samples(op), key=lambda case: sum(len(d.shape) for d in case.call.operands))
    operands = [rp.asarray(strided(array)) for array in draw_call(case, dtypes.float32)]
    agree(lambda *tensors: op(*tensors, **case.call.attributes), operands, op.name)


@by_name([op for op in STATIC if op.form == "elementwise"])
def test_views_inside_are_read_where_they_lie(op: Op) -> None:
    """Every operand is a transposed, reversed, broadcast part of what is given."""
    call, rng = op.samples[0], np.random.default_rng(1)
    operands = [
        rp.asarray(draw_array(resized(one, shape), rng, dtypes.float32))
        for one, shape in zip(call.operands, [(9, 5), (5, 9), (9, 1)], strict=False)
    ]
    views = [lambda x: x.mT[:, ::-1], lambda x: x[::-1], lambda x: x.mT]

    def of_views(*tensors: Any) -> Any:
        seen = [view(x) for view, x in zip(views, tensors, strict=False)]
        return op(*seen, **call.attributes)

    agree(of_views, operands, op.name)


# -- sizes ---------------------------------------------------------------------------------------


def resized(one: Draw, shape: tuple[int, ...]) -> Draw:
    """The same kind of numbers in another shape."""
    return Draw(shape, one.low, one.high, one.kind, None, one.apart)


def vectors(op: Op, shape: tuple[int, ...], dtype: Any) -> list[Any]:
    rng = np.random.default_rng(0)
    return [
        rp.asarray(draw_array(resized(one, shape), rng, dtype)) for one in op.samples[0].operands
    ]


@pytest.mark.parametrize("size", [*SIZES, pytest.param(MILLION, id="million")])
@by_name([op for op in STATIC if op.form == "elementwise"])
def test_elementwise_ops_at_odd_sizes(op: Op, size: int) -> None:
    attributes = op.samples[0].attributes
    operands = vectors(op, (size,), dtypes.float32)
    agree(lambda *tensors: op(*tensors, **attributes), operands, f"{op.name} of {size}")


@pytest.mark.parametrize("size", [*SIZES, pytest.param(MILLION, id="million")])
@by_name([op for op in STATIC if op.form in ("reduce", "scan")])
def test_reductions_at_odd_sizes(op: Op, size: int) -> None:
    """Along the long axis and across it; whole sums of a million positive numbers are no trick."""
    shapes = [(size,), (size, 3), (3, size)]
    kind = op.samples[0].operands[0].kind
    rng = np.random.default_rng(0)
    draws = [Draw(shape, 0.9, 1.1, kind, None, False) for shape in shapes]
    operands = [rp.asarray(draw_array(one, rng, dtypes.float64)) for one in draws]

    def along_every_axis(x: Any, long: Any, wide: Any) -> tuple[Any, ...]:
        return (op(x, axis=0), *(op(y, axis=axis) for y in (long, wide) for axis in (0, 1)))

    # NumPy adds up columns one number after the other, and drifts; ours come in blocks.
    agree(along_every_axis, operands, f"{op.name} of {size}", eps=max(EPS, size**0.5))


def test_products_at_odd_sizes() -> None:
    rng = np.random.default_rng(0)
    left = {n: rp.asarray(rng.standard_normal((n, k), np.float32)) for n in SIZES for k in (33,)}
    shapes = [(m, k, n) for m in SIZES for k in SIZES for n in SIZES]

    def every_shape(*tensors: Any) -> tuple[Any, ...]:
        kept = dict(zip(SIZES, tensors, strict=True))
        return tuple(kept[m][:, :k] @ kept[n][:, :k].mT for m, k, n in shapes)

    agree(every_shape, list(left.values()), "matmul")


# -- dtypes --------------------------------------------------------------------------------------


def runs_on(op: Op, dtype: Any) -> bool:
    """Whether an op takes operands of a dtype, as they are or promoted."""
    if dtypes.kind(dtype) in op.accepts:
        return True
    if dtype == dtypes.bool and op.accepts >= INTEGER:
        return True
    return bool(dtype.kind in "biu" and "real floating" in op.accepts)


def operands_of(case: Case, dtype: Any) -> list[Any]:
    """The operands of a sample call, those that the op combines in `dtype`."""
    op = case.op
    takes = op.takes_promotion * len(case.call.operands) if op.variadic else op.takes_promotion
    return [
        rp.asarray(np.nan_to_num(np.abs(array), posinf=3.0).astype(dtype) if take else array)
        for array, take in zip(draw_call(case), takes, strict=True)
    ]


@by_name([op for op in STATIC if any(op.takes_promotion)])
def test_dtypes_agree_with_the_reference(op: Op) -> None:
    """All that it accepts, in one program."""
    case = samples(op)[-1 if op.form == "elementwise" and not op.attributes else 0]
    given = []
    for dtype in TYPES:
        operands = operands_of(case, dtype)
        with contextlib.suppress(RetropropError):  # tests/ops says what each dtype cannot do
            if runs_on(op, dtype):
                op(*operands, **case.call.attributes)
                given.append(operands)
    count = len(case.call.operands)

    def in_every_dtype(*tensors: Any) -> tuple[Any, ...]:
        groups = [tensors[i : i + count] for i in range(0, len(tensors), count)]
        return tuple(y for few in groups for y in as_tuple(op(*few, **case.call.attributes)))

    agree(in_every_dtype, [tensor for operands in given for tensor in operands], op.name)


# -- gradients -----------------------------------------------------------------------------------


@by_name([op for op in STATIC if any(smooth(case) for case in samples(op))])
def test_compiled_gradients_agree_with_eager_ones(op: Op) -> None:
    case = max(samples(op), key=lambda case: (bool(smooth(case)), sum_of_sizes(case)))
    arrays, wrt = draw_call(case), smooth(case)

    def gradients(*leaves: Any) -> tuple[Any, ...]:
        operands = [rp.asarray(array) for array in arrays]
        leaves = tuple(leaf.detach() for leaf in leaves)
        for i, leaf in zip(wrt, leaves, strict=True):
            leaf.requires_grad = True
            operands[i] = leaf
        for y in as_tuple(op(*operands, **case.call.attributes)):
            if dtypes.is_floating(y.dtype) and y.requires_grad:
                rp.sum(y * y).backward(retain_graph=True)
        return tuple(rp.zeros_like(x) if x.grad is None else x.grad for x in leaves)

    agree(gradients, [rp.asarray(arrays[i]) for i in wrt], op.name)


def sum_of_sizes(case: Case) -> int:
    return sum(int(np.prod(one.shape)) for one in case.call.operands)

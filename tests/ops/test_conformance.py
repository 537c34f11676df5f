"""What every op promises, checked for every op: nothing here names one, except to excuse it.

For each sample call of each record: the reference agrees with the shape and dtype rules; Tensors agree with
the reference, also on strided memory; gradients agree with finite differences, to second order; the tape is
a legal graph. For each record: misuse is explained, and the dtypes it accepts are the dtypes it runs on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import retroprop as rp
from retroprop import dtypes
from retroprop.errors import DTypeError, NoGradientError, RetropropError
from retroprop.ir import verify
from retroprop.ops.catalog import catalog
from retroprop.ops.define import DATA_DEPENDENT, FLOATING, Op
from retroprop.ops.samples import Bad
from tests.ops.drawing import Case, cases, differentiable, draw_array, draw_call, quiet, strided

# (test, op) -> why the op is excused from it. Everything else is checked.
EXCUSED: dict[tuple[str, str], str] = {}

ALL = [pytest.param(case, id=str(case)) for case in cases()]
INFERABLE = [pytest.param(case, id=str(case)) for case in cases(inferable=True)]
SMOOTH = [pytest.param(case, id=str(case)) for case in cases() if differentiable(case)]
OPS = [pytest.param(op, id=op.name) for op in catalog.values()]
MISUSE = [
    pytest.param(op, misuse, id=f"{op.name}-{i}")
    for op in catalog.values()
    for i, misuse in enumerate(op.errors)
]
TYPES = [
    dtypes.bool, dtypes.int8, dtypes.int32, dtypes.int64, dtypes.uint8, dtypes.uint64,
    dtypes.float16, np.dtype(ml_dtypes.bfloat16), dtypes.float32, dtypes.float64,
    dtypes.complex64, dtypes.complex128,
]  # fmt: skip


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


class Problem:
    """A scalar function of some operands of a sample call: the outputs times fixed weights."""

    def __init__(self, case: Case, dtype: Any = dtypes.float64) -> None:
        self.case = case
        self.wrt = differentiable(case)
        self.arrays = draw_call(case, dtype)
        self.point = [self.arrays[i] for i in self.wrt]
        self.rng = np.random.default_rng(case.number)
        outputs = self.run(self.arrays)
        self.weights = [self.like(y) if y.dtype == dtype else None for y in outputs]

    def like(self, array: Any) -> Any:
        """Numbers around 1 in the shape of an array."""
        return np.asarray(self.rng.uniform(0.5, 1.5, array.shape)).astype(array.dtype)

    def run(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        return as_tuple(self.case.op(*operands, **self.case.call.attributes))

    def value(self, point: Sequence[Any]) -> float:
        """The function, computed by the reference."""
        arrays = list(self.arrays)
        for i, array in zip(self.wrt, point, strict=True):
            arrays[i] = array
        pairs = zip(self.run(arrays), self.weights, strict=True)
        return float(sum(np.sum(y * w, dtype=np.float64) for y, w in pairs if w is not None))

    def outputs(self, point: Sequence[Any], leaves: bool = True) -> tuple[Any, Any]:
        """Leaves at a point, and the outputs that depend on them as (Tensor, weight) pairs."""
        operands: list[Any] = [rp.asarray(array) for array in self.arrays]
        made = [rp.tensor(array, requires_grad=True) for array in point] if leaves else point
        for i, leaf in zip(self.wrt, made, strict=True):
            operands[i] = leaf
        pairs = zip(self.run(operands), self.weights, strict=True)
        return made, [(y, w) for y, w in pairs if w is not None and y.requires_grad]

    def gradient(self, point: Sequence[Any], *, again: bool = False) -> list[Any]:
        """The gradient by backward(), with a tape of its own when it is taken `again`."""
        leaves, outputs = self.outputs(point)
        for y, weight in outputs:
            y.backward(weight, retain_graph=True, create_graph=again)
        self.leaves = leaves
        return [
            rp.asarray(np.zeros(leaf.shape, leaf.dtype)) if leaf.grad is None else leaf.grad
            for leaf in leaves
        ]


def central_difference(function: Callable[[Any], float], point: list[Any], step: float) -> list[Any]:
    """The gradient of a function of several arrays, one element at a time."""
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


# -- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", ALL)
def test_reference_is_what_the_rules_infer(case: Case, dtype: str) -> None:
    excuse("infer", case.op)
    op, attributes = case.op, case.op.complete(case.call.attributes)
    with quiet():
        arrays = [one.detach().numpy() for one in promoted(case, np.dtype(dtype))]
        result = as_tuple(op.reference(*arrays, **attributes))
    if op.shape is DATA_DEPENDENT:
        with pytest.raises(NoGradientError, match=f"{op.name}: the result's shape depends"):
            op.infer(arrays, attributes)
        return
    inferred = op.infer(arrays, attributes)
    assert tuple((np.shape(y), np.asarray(y).dtype) for y in result) == inferred


def promoted(case: Case, dtype: Any) -> list[Any]:
    """The operands as the op's reference receives them."""
    seen: list[Any] = []

    def reference(*operands: Any, **attributes: Any) -> Any:
        seen.extend(operands)
        return case.op.reference(*operands, **attributes)

    record = Recorder(case.op, reference)
    record(*[rp.asarray(array) for array in draw_call(case, dtype)], **case.call.attributes)
    return [rp.asarray(array) for array in seen]

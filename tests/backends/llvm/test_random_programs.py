"""Programs nobody wrote by hand: random graphs compiled give the numbers of the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import retroprop as rp

SIZES = (1, 2, 3, 7, 8, 17, 33)

# Each takes Tensors of any shape and keeps numbers small: errors must not grow with the program.
ONE: dict[str, Callable[[Any, int], Any]] = {
    "tanh": lambda x, k: rp.tanh(x),
    "sigmoid": lambda x, k: rp.nn.functional.sigmoid(x),
    "relu": lambda x, k: rp.nn.functional.relu(x),
    "exp of minus": lambda x, k: rp.exp(-rp.abs(x)),
    "log": lambda x, k: rp.log1p(x * x),
    "sin": lambda x, k: rp.sin(x),
    "negative": lambda x, k: -x,
    "softmax": lambda x, k: rp.nn.functional.softmax(x, -1 - k % x.ndim),
    "mean": lambda x, k: rp.mean(x, axis=k % x.ndim, keepdims=True),
    "max": lambda x, k: rp.max(x, axis=k % x.ndim, keepdims=True),
    "transpose": lambda x, k: rp.permute_dims(x, (*range(k % x.ndim, x.ndim), *range(k % x.ndim))),
    "flip": lambda x, k: rp.flip(x, axis=k % x.ndim),
    "every other": lambda x, k: x[:: 1 + k % 3],
    "from the second": lambda x, k: x[..., min(k % 2, x.shape[-1] - 1) :],
    "flat": lambda x, k: rp.reshape(x, (-1, 1)) if k % 2 else rp.reshape(x, (1, -1)),
    "gram": lambda x, k: (x @ x.mT) / x.shape[-1],
    "twice": lambda x, k: rp.concat([x, x * 0.5], axis=k % x.ndim),
    "running sum": lambda x, k: rp.cumulative_sum(x, axis=k % x.ndim) / x.shape[k % x.ndim],
}
# Of two operands; the second is stretched or cut to fit where it can be.
TWO: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, z: (x + z) * 0.5,
    "subtract": lambda x, z: (x - z) * 0.5,
    "multiply": lambda x, z: rp.tanh(x) * z,
    "maximum": rp.maximum,
    "where": lambda x, z: rp.where(x > 0.1, x, z * 0.5),
}
INSTRUCTIONS = st.lists(
    st.tuples(st.sampled_from([*ONE, *TWO]), st.integers(0, 50), st.integers(0, 50)),
    min_size=1,
    max_size=12,
)
SHAPES = st.tuples(st.sampled_from(SIZES), st.sampled_from(SIZES))


def fits(x: Any, z: Any) -> bool:
    """Whether two Tensors broadcast."""
    pairs = zip(reversed(x.shape), reversed(z.shape), strict=False)
    return all(a == b or 1 in (a, b) for a, b in pairs)


def interpret(program: list[tuple[str, int, int]], *inputs: Any) -> list[Any]:
    """Every value of a program; an instruction names its operands by number, modulo their count."""
    values = list(inputs)
    for name, first, second in program:
        x = values[first % len(values)]
        if name in ONE:
            made = ONE[name](x, second)
        else:
            others = [z for z in values if fits(x, z)]
            made = TWO[name](x, others[second % len(others)])
        if made.size <= 20_000:
            values.append(made)
    return values[len(inputs) :]


def draw(shapes: tuple[tuple[int, int], ...], dtype: str) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rp.asarray(rng.uniform(-2, 2, shape).astype(dtype)) for shape in shapes]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@hypothesis.given(program=INSTRUCTIONS, shapes=st.tuples(SHAPES, SHAPES))
def test_values(program: Any, shapes: Any, dtype: str) -> None:
    inputs = draw(shapes, dtype)
    expected = interpret(program, *inputs)
    actual = rp.compile(lambda *tensors: tuple(interpret(program, *tensors)))(*inputs)
    close = 1e-5 if dtype == "float32" else 1e-13
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert (a.shape, a.dtype) == (e.shape, e.dtype)
        np.testing.assert_allclose(a.numpy(), e.numpy(), rtol=close, atol=close)


@hypothesis.given(program=INSTRUCTIONS, shapes=st.tuples(SHAPES, SHAPES))
def test_gradients(program: Any, shapes: Any) -> None:
    def gradients(*inputs: Any) -> tuple[Any, ...]:
        leaves = [x.detach().requires_grad_() for x in inputs]
        loss = sum(rp.mean(y * y) for y in interpret(program, *leaves))
        loss.backward()
        return (loss.detach(), *(rp.zeros_like(x) if x.grad is None else x.grad for x in leaves))

    inputs = draw(shapes, "float64")
    expected = gradients(*inputs)
    for a, e in zip(rp.compile(gradients)(*inputs), expected, strict=True):
        np.testing.assert_allclose(a.numpy(), e.numpy(), rtol=1e-10, atol=1e-10)

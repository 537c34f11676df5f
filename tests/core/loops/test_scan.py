"""Loops: eager, compiled, through gradients, and what is said when they are misused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, DTypeError, ShapeError, TraceError

BACKENDS = ["native", "numpy"]


def rand(*shape: int, seed: int = 0) -> rp.Tensor:
    numbers = np.random.default_rng(seed).standard_normal(shape)
    return rp.tensor(numbers, requires_grad=True)


def rnn(w: rp.Tensor, x: rp.Tensor, h: rp.Tensor, **options: Any) -> tuple[Any, Any]:
    def step(h: rp.Tensor, x: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
        h = rp.tanh(h @ w + x)
        return h, h * h

    return rp.scan(step, h, x, **options)


def test_it_is_the_loop_that_one_would_write():
    w, x, h = rand(3, 3), rand(5, 2, 3, seed=1), rand(2, 3, seed=2)
    state, expected = h, []
    for t in range(5):
        state = rp.tanh(state @ w + x[t])
        expected.append((state * state).numpy())
    last, ys = rnn(w, x, h)
    np.testing.assert_array_equal(last.numpy(), state.numpy())
    np.testing.assert_array_equal(ys.numpy(), expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_compiled_it_gives_the_same_values_and_gradients(backend: str, reverse: bool):
    w, x, h = rand(3, 3), rand(5, 2, 3, seed=1), rand(2, 3, seed=2)

    def loss() -> rp.Tensor:
        last, ys = rnn(w, x, h, reverse=reverse)
        return (ys * rp.arange(30).reshape((5, 2, 3))).sum() + last.sum()

    loss().backward()
    expected = [t.grad.numpy() for t in (w, x, h)]

    @rp.compile(backend=backend)
    def step() -> list[rp.Tensor]:
        for t in (w, x, h):
            t.grad = None
        loss().backward()
        return [w.grad, x.grad, h.grad]

    for found, e in zip(step(), expected, strict=True):
        np.testing.assert_allclose(found.numpy(), e, rtol=1e-12, atol=1e-12)


def test_the_program_does_not_grow_with_the_length():
    def nodes(length: int) -> int:
        w, x, h = rand(3, 3), rand(length, 2, 3), rand(2, 3)

        @rp.compile(backend="numpy")
        def step(x: rp.Tensor) -> rp.Tensor:
            w.grad = None
            rnn(w, x, h)[1].sum().backward()
            return w.grad

        step(x)
        return len(step.graph.nodes)

    assert nodes(3) == nodes(300) < 20


def test_a_gradient_through_a_thousand_steps():
    decay, x = rp.tensor(0.999, requires_grad=True, dtype=rp.float64), rand(1000)

    @rp.compile
    def slope() -> rp.Tensor:
        decay.grad = None
        last, _ = rp.scan(lambda s, x: (s * decay + x, None), rp.asarray(0.0, dtype=rp.float64), x)
        last.backward()
        return decay.grad

    powers = np.arange(999, -1, -1)
    expected = np.sum(x.numpy() * powers * 0.999 ** np.maximum(powers - 1, 0))
    np.testing.assert_allclose(slope().item(), expected, rtol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_second_derivatives(backend: str):
    w, x, h = rand(2, 2), rand(4, 1, 2, seed=1), rand(1, 2, seed=2)

    def value(w: rp.Tensor) -> rp.Tensor:
        last, ys = rnn(w, x.detach(), h.detach())
        return ys.sum() + last.sum()

    def slope(w: rp.Tensor) -> rp.Tensor:
        g = rp.grad(value)(w)
        return (g * g).sum()

    expected = rp.grad(slope)(w).numpy()
    found = rp.compile(rp.grad(slope), backend=backend)(w)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
def test_loops_in_loops(backend: str):
    x, w = rand(3, 4, 2), rand(2, seed=1)

    def value(x: rp.Tensor, w: rp.Tensor) -> rp.Tensor:
        def row(total: rp.Tensor, line: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
            inner, _ = rp.scan(lambda s, e: (rp.sin(s * w + e), None), total, line)
            return inner + total, inner

        last, each = rp.scan(row, rp.zeros(2, dtype=rp.float64), x)
        return (last * each).sum()

    both = rp.grad(value, argnums=(0, 1))
    expected = both(x, w)
    for found, e in zip(rp.compile(both, backend=backend)(x, w), expected, strict=True):
        np.testing.assert_allclose(found.numpy(), e.numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_random_state_and_statistics_are_carried_along(backend: str):
    generator = rp.random.Generator(3)
    count = rp.asarray(0)

    def draws() -> rp.Tensor:
        def step(total: rp.Tensor, _: Any) -> tuple[rp.Tensor, rp.Tensor]:
            count.assign(count + 2)
            drawn = rp.random.uniform((4,), generator=generator)
            return total + drawn, drawn

        return rp.scan(step, rp.zeros(4), length=5)[1]

    expected, after = draws().numpy(), generator.get_state()
    generator.manual_seed(3)
    found = rp.compile(draws, backend=backend)()
    np.testing.assert_array_equal(found.numpy(), expected)
    np.testing.assert_array_equal(generator.get_state(), after)
    assert count.item() == 20
    assert len({row.tobytes() for row in expected}) == 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_layer_with_dropout_and_statistics_inside(backend: str):
    def model() -> nn.Module:
        rp.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))

    def run(layer: nn.Module, x: rp.Tensor) -> rp.Tensor:
        return rp.scan(lambda h, x: (layer(h) + x, None), rp.zeros((4, 3)), x)[0]

    x = rp.asarray(np.float32(np.random.default_rng(0).standard_normal((6, 4, 3))))
    one, other = model(), model()
    rp.manual_seed(1)
    expected = run(one, x).numpy()
    rp.manual_seed(1)
    found = rp.compile(lambda x: run(other, x), backend=backend)(x)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        other[1].running_mean.numpy(), one[1].running_mean.numpy(), rtol=1e-4, atol=1e-6
    )


def nested(x: rp.Tensor, w: rp.Tensor, around: Any = lambda f, *a: f(*a)) -> rp.Tensor:
    def inner(total: rp.Tensor, line: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
        return rp.scan(lambda s, e: (rp.sin(s @ w + e), s * e), total, line, reverse=True)

    def row(total: rp.Tensor, line: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
        last, each = around(inner, total, line)
        return last + total, each

    last, each = rp.scan(row, x[0, 0], x)
    return last * each


def counted(x: rp.Tensor, w: rp.Tensor) -> rp.Tensor:
    return rp.fori_loop(0, 4, lambda i, s: rp.tanh(s @ w) + x[0] * i, x[1])


def until(x: rp.Tensor, w: rp.Tensor) -> rp.Tensor:
    last, steps = rp.while_loop(
        lambda state: (state[0] * state[0]).sum() < 50,
        lambda state: (rp.sin(state[0] @ w) + 1.5 * state[0], state[1] + 1),
        (x[0], rp.asarray(0)),
        limit=12,
    )
    return last * steps


LOOPS = {
    "scan": lambda x, w: rp.scan(lambda s, e: (rp.tanh(s @ w + e), s * e), x[0], x)[1],
    "from the end": lambda x, w: rnn(w, x, x[0], reverse=True)[1],
    "nested": nested,
    "in a checkpoint": lambda x, w: rp.checkpoint(nested, x, w),
    "a checkpoint inside": lambda x, w: nested(x, w, rp.checkpoint),
    "fori_loop": counted,
    "while_loop": until,
}


@pytest.mark.parametrize("name", LOOPS)
def test_derivatives_to_the_second_are_those_of_finite_differences(name: str):
    x, w = rand(2, 2, 2).detach(), rand(2, 2, seed=1).detach()
    assert rp.gradcheck(LOOPS[name], [x, w])

    def loss(x: rp.Tensor, w: rp.Tensor) -> rp.Tensor:
        return (LOOPS[name](x, w) ** 2).sum()

    def norm(x: rp.Tensor, w: rp.Tensor) -> rp.Tensor:
        return sum((g * g).sum() for g in rp.grad(loss, argnums=(0, 1))(x, w))

    def run(x: rp.Tensor, w: rp.Tensor) -> tuple[rp.Tensor, ...]:
        return *rp.grad(loss, argnums=(0, 1))(x, w), *rp.grad(norm, argnums=(0, 1))(x, w)

    for found, e in zip(rp.compile(run, strict=True)(x, w), run(x, w), strict=True):
        scale = abs(e.numpy()).max()
        np.testing.assert_allclose(found.numpy() / scale, e.numpy() / scale, 0, 1e-11)


def test_draws_are_the_same_on_any_number_of_threads():
    x = rand(6, 64, 24).detach().astype(rp.float32)

    def run(x: rp.Tensor) -> list[rp.Tensor]:
        def step(h: rp.Tensor, x: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
            h = nn.functional.dropout(rp.tanh(h + x), 0.4) + rp.random.normal(x.shape)
            return h, h * rp.random.uniform(x.shape)

        x = x.detach().requires_grad_()
        last, ys = rp.scan(step, rp.zeros(x.shape[1:]), x)
        ((ys * ys).sum() + last.sum()).backward()
        return [last, ys, x.grad]

    def twice(function: Any, seed: int) -> list[np.ndarray]:
        rp.manual_seed(seed)
        return [one.detach().numpy().copy() for _ in range(2) for one in function(x)]

    one, two = (rp.compile(run, threads=threads, strict=True) for threads in (1, 2))
    found = twice(one, seed=3)
    for other in (twice(two, seed=3), twice(one, seed=3)):
        for a, b in zip(found, other, strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(found, twice(run, seed=3), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert not np.allclose(found[1], found[4])  # the second call draws anew
    assert not np.allclose(found[1], twice(two, seed=4)[1])
    assert two._latest.program.threads == 2


def test_containers_and_no_sequence():
    def step(carry: dict[str, Any], x: None) -> tuple[dict[str, Any], tuple[Any, list[Any]]]:
        assert x is None
        a, b = carry["a"], carry["b"]
        return {"a": b, "b": a + b}, (a, [b, a * b])

    start = {"a": rp.asarray(0), "b": rp.asarray(1)}
    for run in (rp.scan, rp.compile(lambda s, i, length: rp.scan(s, i, length=length))):
        last, (a, (b, product)) = run(step, start, length=6)
        assert last["b"].item() == 13
        assert a.tolist() == [0, 1, 1, 2, 3, 5]
        assert b.tolist() == [1, 1, 2, 3, 5, 8]
        assert product.tolist() == [0, 1, 2, 6, 15, 40]


@given(st.integers(1, 6), st.integers(0, 3), st.booleans())
def test_a_sum_along_a_sequence_is_numpys(length: int, width: int, reverse: bool):
    x = np.random.default_rng(length).standard_normal((length, width))
    _, sums = rp.scan(
        lambda s, x: (s + x, s + x), rp.zeros(width, dtype=rp.float64), x, reverse=reverse
    )
    given = x[::-1] if reverse else x
    expected = np.cumsum(given, axis=0)
    np.testing.assert_allclose(sums.numpy(), expected[::-1] if reverse else expected)


@pytest.mark.parametrize("compiled", [False, True])
def test_misuse_is_explained(compiled: bool):
    def run(step: Any, init: Any, xs: Any = None, **options: Any) -> Any:
        def call() -> Any:
            return rp.scan(step, init, xs, **options)[0]

        return rp.compile(call)() if compiled else call()

    zero, x = rp.zeros(2), rp.zeros((3, 2))
    with pytest.raises(ShapeError, match=r"carry goes in as \(2,\) and comes out as \(1, 2\)"):
        run(lambda c, x: (c.reshape((1, 2)), None), zero, x)
    with pytest.raises(DTypeError, match="carry goes in as float32 and comes out as float64"):
        run(lambda c, x: (c.astype(rp.float64), None), zero, x)
    with pytest.raises(ArgumentError, match="must return a pair"):
        run(lambda c, x: c, zero, x)
    with pytest.raises(ArgumentError, match="other containers"):
        run(lambda c, x: ((c, c), None), zero, x)
    with pytest.raises(ArgumentError, match="give xs or length="):
        run(lambda c, x: (c, None), zero)
    with pytest.raises(ArgumentError, match="no steps"):
        run(lambda c, x: (c, None), zero, length=0)
    with pytest.raises(ShapeError, match=r"3 \(a sequence of shape \(3, 2\)\), 4"):
        run(lambda c, x: (c, None), zero, (x, rp.zeros(4)))
    with pytest.raises(ShapeError, match="single number"):
        run(lambda c, x: (c, None), zero, rp.asarray(1.0))
    with pytest.raises(ArgumentError, match="init holds 'text'"):
        run(lambda c, x: (c, None), "text", x)


def test_a_gradient_from_outside_is_not_for_a_step():
    w = rp.tensor([1.0], requires_grad=True)

    @rp.compile
    def wrong() -> rp.Tensor:
        def step(c: rp.Tensor, _: Any) -> tuple[rp.Tensor, None]:
            (w * c).sum().backward()
            return c, None

        return rp.scan(step, rp.ones(1), length=2)[0]

    with pytest.raises(TraceError, match=r"cannot read or change the \.grad"):
        wrong()


def test_a_checkpoint_around_a_loop_that_counts():
    x, count = rand(3), rp.asarray(0)

    def run() -> rp.Tensor:
        def step(h: rp.Tensor, e: rp.Tensor) -> tuple[rp.Tensor, None]:
            count.assign(count + 1)
            return h * e, None

        x.grad = None
        rp.checkpoint(lambda x: rp.scan(step, rp.ones((), dtype="float64"), x)[0], x).backward()
        return x.grad

    expected = run().numpy()
    np.testing.assert_allclose(rp.compile(run)().numpy(), expected)
    assert count.item() == 6


def test_a_loop_that_reads_nothing():
    start = rp.zeros(2)
    made = rp.compile(lambda: rp.scan(lambda c, _: (c, rp.ones(2)), start, length=3)[1])()
    assert made.tolist() == [[1.0, 1.0]] * 3


@pytest.mark.parametrize("length", [2.0, "3", None])
def test_lengths_are_integers(length: Any):
    with pytest.raises(ArgumentError, match="length"):
        rp.scan(lambda c, _: (c, None), rp.zeros(2), length=length)
    assert rp.scan(lambda c, _: (c + 1, None), rp.asarray(0), length=np.int64(3))[0].item() == 3

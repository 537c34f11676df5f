"""Gradients of functions, and of gradients."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, DTypeError, ShapeError


def test_grad_of_nested_containers_has_their_structure():
    gradient = rp.grad(lambda p: (p["w"] * p["b"][0]).sum())(
        {"w": rp.asarray([2.0]), "b": [rp.asarray([3.0])]}
    )
    assert gradient["w"].tolist() == [3.0]
    assert gradient["b"][0].tolist() == [2.0]


def test_argnums_and_aux():
    def f(x, z):
        return (x * z * z).sum(), "aux"

    (value, aux), (gx, gz) = rp.value_and_grad(f, (0, 1), has_aux=True)(
        rp.asarray(2.0), rp.asarray(3.0)
    )
    assert (value.item(), aux, gx.item(), gz.item()) == (18.0, "aux", 9.0, 12.0)
    gradient, aux = rp.grad(f, has_aux=True)(rp.asarray(2.0), rp.asarray(3.0))
    assert (gradient.item(), aux) == (9.0, "aux")


def test_an_argument_that_does_not_matter_has_a_zero_gradient():
    gradient = rp.grad(lambda x, z: (x * 2.0).sum(), 1)(rp.ones(2), rp.ones(3))
    assert gradient.tolist() == [0.0, 0.0, 0.0]


def test_grad_leaves_no_trace_on_the_arguments():
    x = rp.ones(2, requires_grad=True)
    rp.grad(lambda x: (x * x).sum())(x)
    assert x.grad is None


def test_derivatives_of_any_order():
    f = rp.grad(rp.grad(rp.grad(lambda x: x * x * x * x)))
    assert f(rp.asarray(2.0)).item() == 48.0


def test_grad_inside_backward_gives_a_gradient_penalty():
    w = rp.tensor(3.0, requires_grad=True)
    slope = rp.grad(lambda x: x * x * w)(rp.asarray(2.0))
    (slope * slope).backward()
    assert w.grad.item() == 2 * (2 * 2.0 * 3.0) * 2 * 2.0


def test_vjp_pulls_more_than_once_and_through_several_outputs():
    y, pull = rp.vjp(lambda x: (x * x, {"s": x.sum()}), rp.asarray([1.0, 2.0]))
    assert y[0].tolist() == [1.0, 4.0]
    for _ in range(2):
        (g,) = pull((rp.asarray([1.0, 1.0]), {"s": rp.asarray(10.0)}))
        assert g.tolist() == [12.0, 14.0]
    with pytest.raises(ShapeError, match="direction"):
        pull((rp.zeros(3), {"s": rp.asarray(1.0)}))


def test_jvp_is_the_jacobian_times_the_direction():
    rng = np.random.default_rng(0)
    x, t = rp.asarray(rng.normal(size=4)), rp.asarray(rng.normal(size=4))

    def f(x):
        return x[:3] * x[1:] * x[0]

    _, pushed = rp.jvp(f, [x], [t])
    expected = rp.jacobian(f)(x).numpy() @ t.numpy()
    np.testing.assert_allclose(pushed.numpy(), expected, rtol=1e-12)


def test_jvp_of_a_constant_and_of_an_unused_argument_is_zero():
    _, pushed = rp.jvp(lambda x, z: z * 2.0, [rp.ones(2), rp.ones(2)], [rp.ones(2), rp.zeros(2)])
    assert pushed.tolist() == [0.0, 0.0]


def test_jvp_can_be_differentiated():
    g = rp.grad(lambda x: rp.jvp(lambda v: v * v * v, [x], [rp.asarray(1.0)])[1])
    assert g(rp.asarray(2.0)).item() == 12.0


def test_hessian_and_jacobian_shapes():
    x = rp.ones((2, 2), dtype=rp.float64)
    assert rp.jacobian(lambda x: x.sum(0))(x).shape == (2, 2, 2)
    hessian = rp.hessian(lambda x: (x * x * x).sum())(x).numpy()
    np.testing.assert_allclose(hessian.reshape(4, 4), 6 * np.eye(4))


def test_errors_say_what_to_do():
    with pytest.raises(ShapeError, match=r"rp\.jacobian"):
        rp.grad(lambda x: x)(rp.ones(2))
    with pytest.raises(ShapeError, match="returned float"):
        rp.grad(lambda x: 1.0)(rp.ones(2))
    with pytest.raises(DTypeError, match="int64"):
        rp.grad(lambda x: x.sum())(rp.asarray([1]))
    with pytest.raises(ArgumentError, match="argument 2"):
        rp.grad(lambda x: x.sum(), 2)(rp.ones(2))
    with pytest.raises(ArgumentError, match="tangents"):
        rp.jvp(lambda x: x, [rp.ones(2)], [])


def test_the_gradient_of_put_compiles():
    index = rp.asarray([2, 0, 2])

    def loss(x, z):
        return (rp.ops.put(x, index, z, axis=0) ** 2).sum()

    x, z = rp.asarray([1.0, 2.0, 3.0, 4.0]), rp.asarray([5.0, 6.0, 7.0])
    compiled = rp.compile(rp.grad(loss, argnums=1))
    assert compiled(x, z).tolist() == rp.grad(loss, argnums=1)(x, z).tolist()

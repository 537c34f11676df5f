"""What is special to exponentials, logarithms and powers; the rest is in test_conformance.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError


def gradient(function, *points):
    leaves = [rp.tensor(point, dtype=rp.float64, requires_grad=True) for point in points]
    function(*leaves).sum().backward()
    return [leaf.grad.tolist() for leaf in leaves]


def nth_derivative(function, x, n):
    leaf = rp.tensor(x, dtype=rp.float64, requires_grad=True)
    y = function(leaf)
    for _ in range(n):
        leaf.grad = None
        y.backward(create_graph=True)
        y = leaf.grad
    return y.item()


@pytest.mark.parametrize(
    ("ours", "theirs", "points"),
    [
        (rp.exp, math.exp, [-20.0, -1e-9, 0.0, 3.0, 700.0]),
        (rp.expm1, math.expm1, [-20.0, -1e-9, 1e-300, 3.0]),
        (rp.log, math.log, [1e-300, 0.5, 1.0, 1e300]),
        (rp.log1p, math.log1p, [-0.999, 1e-17, 5.0]),
        (rp.log2, math.log2, [1e-300, 1.0, 8.0]),
        (rp.log10, math.log10, [1e-300, 1.0, 1000.0]),
    ],
)
def test_values(ours, theirs, points):
    found = ours(rp.asarray(np.array(points))).numpy()
    np.testing.assert_allclose(found, [theirs(x) for x in points], rtol=4e-16)


@pytest.mark.parametrize(("exponent", "expected"), [(1, 1.0), (2, 0.0), (3, 0.0)])
def test_gradient_of_a_constant_power_at_zero(exponent, expected):
    with np.errstate(all="raise"):
        assert gradient(lambda x: x**exponent, 0.0) == [expected]


def test_polynomials_differentiate_at_zero_to_any_order():
    with np.errstate(all="raise"):
        assert [nth_derivative(lambda x: x**3, 0.0, n) for n in (1, 2, 3, 4)] == [0, 0, 6, 0]
        assert [nth_derivative(lambda x: x**0, 0.0, n) for n in (1, 2)] == [0, 0]


def test_power_of_a_negative_base():
    with np.errstate(all="raise"):
        assert gradient(lambda x: x**2, [-3.0]) == [[-6.0]]
        assert gradient(lambda x: x**3, [-3.0]) == [[27.0]]
    with np.errstate(invalid="ignore"):
        assert math.isnan((rp.asarray(-3.0) ** 0.5).item())


def test_zero_to_the_zero():
    with np.errstate(all="raise"):
        assert (rp.asarray([0.0]) ** 0.0).tolist() == [1.0]
        assert gradient(rp.pow, [0.0], [0.0]) == [[0.0], [0.0]]
        assert gradient(rp.pow, [0.0], [2.0]) == [[0.0], [0.0]]


def test_derivative_in_the_exponent():
    (found,) = gradient(lambda z: 2.0**z, [3.0, 0.0])
    np.testing.assert_allclose(found, [8 * math.log(2), math.log(2)], rtol=1e-15)


def test_mixed_derivative_at_exponent_zero():
    """d/dx d/dz x^z = 1 / x at z = 0: what is set apart at x = 0 must not leak elsewhere."""
    x = rp.tensor(2.0, dtype=rp.float64, requires_grad=True)
    z = rp.tensor(0.0, dtype=rp.float64, requires_grad=True)
    (x**z).backward(create_graph=True)
    first = x.grad
    x.grad = z.grad = None
    first.backward()
    assert z.grad.item() == pytest.approx(0.5)


def test_the_unneeded_exponent_costs_nothing():
    x = rp.tensor([1.0, 2.0], requires_grad=True)
    y = x**2
    assert set(y.value.node.kept) == {"x", "z"}  # not the output: that is for d/dz


def test_integer_powers():
    assert (rp.asarray([2, 3]) ** 3).tolist() == [8, 27]
    assert (rp.asarray([2, 3]) ** 3).dtype == rp.int64
    with pytest.raises(ArgumentError, match="an integer to the power -2 is no integer"):
        rp.asarray([2, 3]) ** -2
    assert (rp.asarray([2.0]) ** -2).tolist() == [0.25]
    assert (2 ** rp.asarray([1.0, 3.0])).tolist() == [2.0, 8.0]


def test_logaddexp_does_not_overflow():
    y = rp.logaddexp(rp.asarray([1000.0, -1000.0]), rp.asarray([1000.0, -1001.0]))
    np.testing.assert_allclose(y.numpy(), [1000.6931, -999.6867], rtol=1e-6)
    x, z = gradient(rp.logaddexp, [1000.0, -1000.0], [1000.0, -1001.0])
    np.testing.assert_allclose(x, [0.5, 1 / (1 + math.exp(-1))])
    np.testing.assert_allclose(np.add(x, z), [1.0, 1.0])


def test_hypot_has_no_gradient_at_its_corner_and_does_not_overflow():
    with np.errstate(all="raise"):
        assert gradient(rp.hypot, [0.0], [0.0]) == [[0.0], [0.0]]
        np.testing.assert_allclose(gradient(rp.hypot, [3e200], [4e200]), [[0.6], [0.8]])


def test_complex_values_are_forward_only():
    z = rp.exp(rp.asarray([1j * math.pi]))
    assert z.dtype == rp.complex64
    np.testing.assert_allclose(z.numpy(), [-1], atol=1e-6)

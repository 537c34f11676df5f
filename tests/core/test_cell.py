"""The gradient, the hooks and the copies of a cell."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import DTypeError, ShapeError, TapeError


def leaf(*numbers: float) -> rp.Tensor:
    return rp.tensor(list(numbers), requires_grad=True)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copy_of_a_used_leaf_receives_its_own_gradient(copied):
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    twin = copied(x)
    assert twin.requires_grad
    assert twin.is_leaf
    assert twin.grad.tolist() == [2.0, 4.0]
    (twin * 3.0).sum().backward()
    assert twin.grad.tolist() == [5.0, 7.0]
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_computed_tensor_is_not_copied_with_its_tape(copied):
    with pytest.raises(TapeError, match="detach"):
        copied(leaf(1.0) * 2.0)


def test_grad_has_the_shape_and_dtype_of_the_tensor():
    x = leaf(1.0, 2.0)
    for wrong in (rp.ones(3), rp.ones((3, 2)), 1.0):
        with pytest.raises(ShapeError, match="grad has shape"):
            x.grad = wrong
    with pytest.raises(DTypeError, match="float64"):
        x.grad = rp.ones(2, dtype=rp.float64)
    x.grad = np.ones(2)
    assert isinstance(x.grad, rp.Tensor)
    assert x.grad.dtype == rp.float32
    x.grad = None
    assert x.grad is None


@pytest.mark.parametrize("computed", [False, True])
def test_what_a_hook_returns_must_be_like_the_tensor(computed):
    def run(answer):
        x = leaf(1.0, 2.0)
        y = x * 1.0 if computed else x
        y.register_hook(lambda g: answer)
        y.sum().backward()
        return x.grad.tolist()

    assert run(np.asarray([3.0, 4.0])) == [3.0, 4.0]
    with pytest.raises(ShapeError, match=r"hook's gradient has shape \(3,\)"):
        run(rp.ones(3))
    with pytest.raises(DTypeError, match="hook's gradient is float64"):
        run(rp.ones(2, dtype=rp.float64))


def test_hooks_stay_when_the_leaf_is_updated():
    x = leaf(1.0)
    seen = []
    remove = x.register_hook(lambda g: seen.append(g.tolist()))
    with rp.no_grad():
        x.assign(x - 0.5)
    (x * x).sum().backward()
    assert seen == [[1.0]]
    remove()
    (x * x).sum().backward()
    assert seen == [[1.0]]


def test_removing_a_hook_twice_leaves_the_others():
    x = leaf(1.0)
    seen = []
    remove = x.register_hook(lambda g: None)
    remove()
    for number in range(20):
        x.register_hook(lambda g, number=number: seen.append(number))
    remove()
    x.sum().backward()
    assert seen == list(range(20))

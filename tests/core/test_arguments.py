"""What tells calls apart: shapes, types, and everything that is no Tensor."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from tests.core.training import numpy


def test_arrays_and_lists_of_numbers_become_tensors():
    compiled = numpy(lambda x: x * 2)
    assert compiled(np.float32([1, 2])).tolist() == [2.0, 4.0]
    assert compiled([3.0, 4.0]).tolist() == [6.0, 8.0]
    assert len(compiled.programs) == 1
    assert compiled(np.float64(1.5)).item() == 3
    assert compiled(3) == 6
    assert compiled((1, 2)) == (1, 2, 1, 2)


def test_containers_of_tensors_are_arguments():
    compiled = numpy(lambda batch, *, mask: batch["x"][0] * mask + batch["y"])
    x, y = rp.asarray([1.0, 2.0]), rp.asarray(1.0)
    for mask in (rp.asarray([1.0, 0.0]), rp.asarray([0.0, 1.0])):
        found = compiled({"x": (x,), "y": y}, mask=mask)
        assert found.tolist() == (x * mask + y).tolist()
    assert len(compiled.programs) == 1


def test_what_is_no_tensor_is_part_of_the_signature():
    compiled = numpy(lambda x, n, name="a": x * n if name == "a" else x)
    x = rp.asarray(2.0)
    assert [compiled(x, n).item() for n in (1, 2, 3, 2)] == [2, 4, 6, 4]
    assert compiled(x, 3, name="b").item() == 2
    assert compiled(x, True).item() == 2
    assert len(compiled.programs) == 5
    with pytest.raises(ArgumentError, match="is a set, which cannot be told"):
        compiled(x, {1})


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_arguments_of_any_layout_are_read(backend):
    compiled = rp.compile(lambda x: x + 1, backend=backend, verbose=False)
    base = np.arange(12000, dtype=np.float32).reshape(100, 120)
    for array in (base, base.T.copy().T, base[::-1], np.asfortranarray(base)):
        assert np.array_equal(compiled(rp.asarray(array)).numpy(), array + 1)
    assert compiled(rp.zeros((0, 3))).shape == (0, 3)
    assert compiled(rp.permute_dims(rp.asarray(base), (1, 0))).shape == (120, 100)


def test_an_array_that_changes_between_calls_is_seen():
    array = np.zeros(3, np.float32)
    x = rp.asarray(array)
    compiled = numpy(lambda x: x + 1)
    assert compiled(x).tolist() == [1.0] * 3
    array += 5
    assert compiled(x).tolist() == [6.0] * 3


def test_the_same_tensor_twice_is_one_tensor():
    compiled = numpy(lambda x, z: x * z)
    x, z = rp.asarray(3.0), rp.asarray(4.0)
    assert compiled(x, x).item() == 9
    assert compiled(x, z).item() == 12
    assert compiled(z, z).item() == 16
    assert len(compiled.programs) == 1
    slope = numpy(lambda x, z: ((x * z).backward(), x.grad)[1])
    w, v = (rp.tensor(3.0, requires_grad=True) for _ in range(2))
    assert slope(w, v).item() == 3
    w.grad = v.grad = None
    assert slope(w, w).item() == 6
    assert w.grad.item() == 6
    with pytest.raises(ArgumentError, match="given to it twice"):
        numpy(lambda x, z: (x.assign(z + 1), z)[1])(x, x)


def test_state_may_be_an_argument_too():
    w = rp.asarray([1.0, 2.0])

    def step(x):
        w.assign(w + x)
        return w * 1

    compiled = numpy(step)
    assert [compiled(w).tolist() for _ in range(3)] == [[2.0, 4.0], [4.0, 8.0], [8.0, 16.0]]


def test_many_wants_one_line_for_each_step():
    step = numpy(lambda x, y: x + y)
    with pytest.raises(ShapeError, match=r"have \[2, 3\] lines"):
        step.many(rp.ones((2, 1)), rp.ones((3, 1)))
    with pytest.raises(ShapeError, match=r"have \[0\] lines"):
        step.many(rp.ones((0, 1)), rp.ones((0, 1)))
    with pytest.raises(ArgumentError, match="one line for each step"):
        step.many(rp.ones((2, 1)), rp.asarray(1.0))

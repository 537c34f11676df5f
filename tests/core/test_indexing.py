"""`t[key]` and `t[key] = value` against NumPy, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import DTypeError, IndexRangeError, ShapeError, TapeError


def counting(*shape):
    return np.arange(float(np.prod(shape))).reshape(shape)


class Keys:
    """Random keys of every kind for a shape; they may also be out of order with it."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def shape(self):
        return tuple(int(n) for n in self.rng.integers(1, 5, self.rng.integers(0, 5)))

    def slice(self, length):
        ends = [
            None if self.rng.random() < 0.4 else int(self.rng.integers(-length - 2, length + 3))
            for _ in range(2)
        ]
        return slice(*ends, [None, 1, 2, -1, -2][self.rng.integers(5)])

    def key(self, shape):
        common = tuple(int(n) for n in self.rng.integers(1, 4, self.rng.integers(0, 3)))
        parts, axis, dots = [], 0, False
        while axis < len(shape) and self.rng.random() > 0.1:
            kind, length = self.rng.random(), shape[axis]
            if kind < 0.1:
                parts.append(None)
            elif kind < 0.2 and not dots:
                parts.append(Ellipsis)
                dots = True
                axis += int(self.rng.integers(0, 3))
            elif kind < 0.4:
                parts.append(int(self.rng.integers(-length, length)))
                axis += 1
            elif kind < 0.6:
                parts.append(self.slice(length))
                axis += 1
            elif kind < 0.85:
                sizes = tuple(1 if self.rng.random() < 0.2 else n for n in common)
                parts.append(self.rng.integers(-length, length, sizes))
                axis += 1
            elif kind < 0.97:
                covered = shape[axis : axis + int(self.rng.integers(1, 3))]
                parts.append(self.rng.random(covered) < 0.5)
                axis += len(covered)
            else:
                parts.append(bool(self.rng.random() < 0.7))
        return parts[0] if len(parts) == 1 and self.rng.random() < 0.7 else tuple(parts)


def attempt(action):
    try:
        return action(), None
    except (IndexError, ValueError) as error:
        return None, error


@pytest.mark.parametrize("seed", range(40))
def test_reading_is_as_in_numpy(seed):
    keys = Keys(seed)
    for _ in range(40):
        shape = keys.shape()
        key, x = keys.key(shape), counting(*shape)
        expected, numpy_error = attempt(lambda: x[key])  # noqa: B023  called at once
        found, error = attempt(lambda: rp.asarray(x)[key])  # noqa: B023
        assert (error is None) == (numpy_error is None), (shape, key, error, numpy_error)
        if error is None:
            assert found.shape == np.shape(expected), (shape, key)
            np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("seed", range(40))
def test_writing_is_as_in_numpy(seed):
    keys = Keys(1000 + seed)
    for _ in range(25):
        shape = keys.shape()
        key, x = keys.key(shape), counting(*shape)
        selected, error = attempt(lambda: np.shape(x[key]))  # noqa: B023  called at once
        if error is not None:
            continue
        cut = int(keys.rng.integers(0, len(selected) + 1))
        value = keys.rng.normal(size=selected[cut:])
        tensor = rp.asarray(x.copy())
        tensor[key] = value
        x[key] = value
        np.testing.assert_array_equal(tensor.numpy(), x, err_msg=f"{shape} {key}")


@pytest.mark.parametrize("seed", range(20))
def test_gradient_of_reading_counts_the_reads(seed):
    keys = Keys(2000 + seed)
    for _ in range(10):
        shape = keys.shape()
        key = keys.key(shape)
        x = rp.tensor(counting(*shape), requires_grad=True)
        y, error = attempt(lambda: x[key])  # noqa: B023  called at once
        if error is not None:
            continue
        y.backward(np.ones(y.shape))
        expected = np.zeros(shape)
        np.add.at(expected, key, 1)
        np.testing.assert_array_equal(x.grad.numpy(), expected, err_msg=f"{shape} {key}")


@pytest.mark.parametrize("seed", range(20))
def test_gradients_of_writing(seed):
    """What was overwritten gets nothing, what was written gets what its elements got."""
    keys = Keys(3000 + seed)
    for _ in range(10):
        shape = keys.shape()
        key = keys.key(shape)
        marks = np.full(shape, -1)
        selected, error = attempt(lambda: np.shape(marks[key]))  # noqa: B023  called at once
        if error is not None:
            continue
        x = rp.tensor(counting(*shape), requires_grad=True)
        z = rp.tensor(counting(*selected), requires_grad=True)
        y = x * 1
        y[key] = z
        g = keys.rng.normal(size=shape)
        y.backward(g)
        marks[key] = np.arange(marks[key].size).reshape(selected)
        np.testing.assert_array_equal(x.grad.numpy(), np.where(marks < 0, g, 0))
        expected = np.zeros(selected).reshape(-1)
        expected[marks[marks >= 0]] = g[marks >= 0]
        found = np.zeros(selected) if z.grad is None else z.grad.numpy()
        np.testing.assert_array_equal(found, expected.reshape(selected), err_msg=f"{key}")


def test_keys_of_tensors_and_lists():
    x = rp.asarray(counting(3, 4))
    i = rp.asarray([2, 0])
    assert x[i].tolist() == x[[2, 0]].tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
    assert x[i, i].tolist() == [10, 0]
    assert x[rp.asarray(1)].tolist() == [4, 5, 6, 7]
    assert x[x > 9].tolist() == [10, 11]
    assert x[[]].shape == (0, 4)
    assert x[range(2), 1].tolist() == [1, 5]
    assert x[np.int32(1), np.uint8(2)].item() == 6


def test_reading_never_aliases():
    x = rp.asarray(counting(3))
    y = x[:]
    y += 1
    y[0] = 9
    assert x.tolist() == [0, 1, 2]


def test_writing_leaves_earlier_values_alone():
    x = rp.asarray(counting(3))
    before, view = x * 1, x[:2]
    numbers = x.numpy()
    x[0] = 7
    assert x.tolist() == [7, 1, 2]
    assert before.tolist() == numbers.tolist() == [0, 1, 2]
    assert view.tolist() == [0, 1]


def test_in_place_operators_on_parts():
    x = rp.asarray(counting(4))
    x[1:3] += 10
    x[[0, 0]] += 1  # as in NumPy: the last write stays
    assert x.tolist() == [1, 11, 12, 3]


def test_second_order_through_reading_and_writing():
    x = rp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * x
    y[rp.asarray([0, 2])] = x[1] * x[:2]
    y.sum().backward(create_graph=True)
    assert x.grad.tolist() == [2.0, 1.0 + 4.0 + 4.0, 0.0]
    first, x.grad = x.grad, None
    first.sum().backward()
    assert x.grad.tolist() == [1.0, 5.0, 0.0]


def test_a_mask_with_a_number_reads_no_values():
    """So it stays one program for every mask."""
    x = rp.tensor(counting(2, 3), requires_grad=True)
    y = x * 1
    y[x.detach() > 3] = 0.0
    assert "where(" in str(rp.Graph.of(y))
    assert y.tolist() == [[0, 1, 2], [3, 0, 0]]
    y[rp.asarray([True, False])] = -1
    assert y.tolist() == [[-1, -1, -1], [3, 0, 0]]


def test_keys_on_the_tape_are_plain():
    x = rp.tensor(counting(3, 4, 5), requires_grad=True)
    y = x[..., np.int64(-1), 1:]
    assert y.value.node.attributes["key"] == (slice(None), 3, slice(1, 5))


def test_a_leaf_that_requires_a_gradient_is_written_only_without_recording():
    x = rp.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TapeError, match="cannot be changed in place while recording"):
        x[0] = 5.0
    with rp.no_grad():
        x[0] = 5.0
    assert x.tolist() == [5.0, 2.0]
    assert x.requires_grad


def test_values_take_the_type_of_the_cell():
    whole, single = rp.asarray([1, 2]), rp.asarray([1.0, 2.0])
    single[0] = 3
    single[1] = rp.asarray(4.5, dtype=rp.float64)
    assert single.tolist() == [3.0, 4.5]
    assert single.dtype == rp.float32
    with pytest.raises(DTypeError, match="the tensor holds int64, the value is float32"):
        whole[0] = 1.5


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (3, IndexRangeError, "index: 3 is out of range for axis 0 of 3 elements"),
        ((0, -5), IndexRangeError, "index: -5 is out of range for axis 1 of 4 elements"),
        ((0, 0, 0), IndexRangeError, r"index: 3 axes are indexed, the tensor has 2"),
        ((..., 0, ...), IndexRangeError, "one Ellipsis at most"),
        (1.0, IndexRangeError, "index: 1.0 is not an index"),
        ("a", IndexRangeError, "index: 'a' is not an index"),
        ([0.5], DTypeError, "index: a tensor of float32 is not an index"),
        ([0, 3], IndexRangeError, "index 3 is out of range for axis 0 of 3 elements"),
        (([0], [4]), IndexRangeError, "index 4 is out of range for axis 1 of 4 elements"),
        (([0, 1], [0, 1, 2]), ShapeError, "do not broadcast"),
        (
            np.array([True]),
            ShapeError,
            r"a mask of shape \(1,\) does not cover axes of sizes \(3,\)",
        ),
    ],
)
def test_misuse_is_explained(key, error, message):
    x = rp.asarray(counting(3, 4))
    with pytest.raises(error, match=message):
        x[key]
    with pytest.raises(error, match=message):
        x[key] = 0.0


def test_a_value_that_does_not_fit():
    x = rp.asarray(counting(3, 4))
    with pytest.raises(
        ShapeError, match=r"a value of shape \(3,\) does not fit the selected \(4,\)"
    ):
        x[0] = [1.0, 2.0, 3.0]
    x[0] = [[1.0, 2.0, 3.0, 4.0]]  # a leading axis of size 1 is dropped
    assert x[0].tolist() == [1, 2, 3, 4]

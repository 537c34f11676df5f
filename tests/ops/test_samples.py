"""The descriptions of inputs that drive the conformance tests."""

from __future__ import annotations

import numpy as np

from retroprop import dtypes
from retroprop.ops.samples import bad, call, draw, points
from tests.ops.drawing import draw_array, strided


def drawn(description, dtype=dtypes.float32):
    return draw_array(description, np.random.default_rng(0), dtype)


def test_points_cover_every_way_to_broadcast():
    pairs = {tuple(d.shape for d in c.operands) for c in points((0, 1), (0, 1))}
    assert {((), ()), ((0, 2), (0, 2)), ((3,), (2, 3)), ((2, 3), (2, 1)), ((2, 1), (1, 3))} <= pairs


def test_edges_are_values_only():
    *smooth, edge = points((0.0, 1.0), edges=[np.inf, 0.0])
    assert all(c.differentiable for c in smooth)
    assert not edge.differentiable
    assert drawn(edge.operands[0]).tolist() == [np.inf, 0.0]


def test_a_shape_stands_for_a_draw():
    one = call((2, 3), axis=1)
    assert one.operands[0].shape == (2, 3)
    assert one.attributes == {"axis": 1}


def test_misuse_says_what_to_expect():
    misuse = bad((2,), (3,), match="do not broadcast", error=ValueError, axis=0)
    assert (misuse.error, misuse.match, misuse.attributes) == (
        ValueError,
        "do not broadcast",
        {"axis": 0},
    )
    assert len(misuse.operands) == 2


def test_kinds_and_ranges():
    x = drawn(draw((50,), 1.0, 2.0))
    assert x.dtype == np.float32
    assert ((x >= 1) & (x < 2)).all()
    assert drawn(draw((4,), 0.0, 3.0, kind="integer")).dtype == np.int64
    assert drawn(draw((4,), kind="bool")).dtype == np.bool
    assert drawn(draw((4,), kind="complex")).dtype == np.complex64
    assert drawn(draw((4,), kind="complex"), dtypes.float64).dtype == np.complex128


def test_apart_means_apart():
    x = np.sort(drawn(draw((2, 3, 4), apart=True)).reshape(-1))
    assert np.diff(x).min() > 0.05


def test_strided_is_the_same_numbers_elsewhere():
    for shape in ((), (3,), (2, 3), (0, 2)):
        x = np.arange(float(np.prod(shape))).reshape(shape)
        y = strided(x)
        np.testing.assert_array_equal(x, y)
        assert not y.flags.c_contiguous or x.size < 2

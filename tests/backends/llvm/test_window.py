"""Which elements a window meets, and which windows meet an element: against counting all pairs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.backends.llvm.window import Line, adjoint, forward, inside, reach

Meeting = tuple[int, int, int]  # place in x, place in y, tap
Axis = tuple[int, int, int, tuple[int, int], int]  # elements, window, stride, padding, dilation

SMALL: list[Axis] = [
    (n, w, s, (low, high), d)
    for n, w, s, low, high, d in itertools.product(
        range(1, 8), range(1, 5), range(1, 5), range(3), range(3), range(1, 4)
    )
    if n + low + high >= d * (w - 1) + 1
]


def positions(axis: Axis) -> int:
    """How many windows fit."""
    n, w, s, (low, high), d = axis
    return (n + low + high - d * (w - 1) - 1) // s + 1


def all_meetings(axis: Axis) -> set[Meeting]:
    """What meets by the definition of a convolution, pair by pair; only elements that are there."""
    n, w, s, (low, _), d = axis
    return {
        (x, y, k)
        for x, y, k in itertools.product(range(n), range(positions(axis)), range(w))
        if x == y * s + k * d - low
    }


def walked(lines: Iterable[Line]) -> Iterator[Meeting]:
    """(place of the result, place in the operand, tap) that lines go through."""
    for line in lines:
        for i in range(line.count):
            for k, distance in line.taps:
                yield line.start + i * line.jump, i * line.step + distance, k


def walked_inside(lines: Iterable[Line], size: int) -> list[Meeting]:
    """Likewise, of parts that stay inside; their distances count from the first of a part."""
    return [found for line in lines for found in walked(inside(line, size))]


def forward_line(axis: Axis) -> Line:
    n, w, s, padding, d = axis
    del n
    (line,) = forward((positions(axis),), (w,), (s,), (padding,), (d,))
    return line


def adjoint_lines(axis: Axis) -> list[Line]:
    n, w, s, padding, d = axis
    return [line for (line,) in adjoint((n,), (w,), (s,), (padding,), (d,))]


def test_a_convolution_meets_what_its_definition_says() -> None:
    for axis in SMALL:
        found = [(x, y, k) for y, x, k in walked([forward_line(axis)]) if 0 <= x < axis[0]]
        assert len(found) == len(set(found))
        assert set(found) == all_meetings(axis), axis


def test_an_adjoint_meets_what_its_definition_says() -> None:
    for axis in SMALL:
        found = [m for m in walked(adjoint_lines(axis)) if 0 <= m[1] < positions(axis)]
        assert len(found) == len(set(found))
        assert set(found) == all_meetings(axis), axis


def test_parts_inside_meet_the_same_and_nothing_beyond() -> None:
    for axis in SMALL:
        n = axis[0]
        found = [(x, y, k) for y, x, k in walked_inside([forward_line(axis)], n)]
        assert sorted(found) == sorted(all_meetings(axis)), axis
        back = walked_inside(adjoint_lines(axis), positions(axis))
        assert sorted(back) == sorted(all_meetings(axis)), axis


def test_parts_inside_cover_every_result_once_and_in_order() -> None:
    for axis in SMALL:
        for line, size in [
            (forward_line(axis), axis[0]),
            *((line, positions(axis)) for line in adjoint_lines(axis)),
        ]:
            parts = inside(line, size)
            places = [part.start + i * part.jump for part in parts for i in range(part.count)]
            assert places == [line.start + i * line.jump for i in range(line.count)]
            for before, after in itertools.pairwise(parts):
                assert [k for k, _ in before.taps] != [k for k, _ in after.taps]


def test_an_adjoint_gives_every_element_once() -> None:
    for axis in SMALL:
        lines = adjoint_lines(axis)
        places = [line.start + i * line.jump for line in lines for i in range(line.count)]
        assert sorted(places) == list(range(axis[0]))


def test_taps_are_sorted_by_distance_and_evenly_apart() -> None:
    for axis in SMALL:
        for line in (forward_line(axis), *adjoint_lines(axis)):
            distances = [distance for _, distance in line.taps]
            assert distances == sorted(distances)
            for along in (distances, [k for k, _ in line.taps]):
                gaps = {after - before for before, after in itertools.pairwise(along)}
                assert len(gaps) <= 1, (axis, line)


def test_the_reach_is_how_far_the_outermost_taps_fall_outside() -> None:
    for axis in SMALL:
        for lines, size in (
            ([forward_line(axis)], axis[0]),
            (adjoint_lines(axis), positions(axis)),
        ):
            places = [at for _, at, _ in walked(lines)]
            before = max([0, *(-at for at in places)])
            after = max([0, *(at - (size - 1) for at in places)])
            assert reach(lines, size) == (before, after), axis


def test_a_padding_that_no_window_uses_is_not_reached() -> None:
    lines = forward((2,), (2,), (3,), ((0, 2),), (1,))
    assert reach(lines, 4) == (0, 1)
    assert reach(lines, 5) == (0, 0)


def test_lines_without_taps_reach_nowhere() -> None:
    lines = adjoint_lines((5, 1, 3, (0, 0), 1))
    assert [line.taps for line in lines] == [((0, 0),), (), ()]
    assert reach(lines, 2) == (0, 0)
    assert reach([], 2) == (0, 0)


def test_no_positions_are_no_parts() -> None:
    assert inside(Line(0, 0, 1, 1, ((0, 0),)), 3) == []


def test_an_adjoint_of_nothing_has_no_passes() -> None:
    assert adjoint((0,), (3,), (2,), ((1, 1),), (1,)) == []


@pytest.mark.parametrize("sizes", [(5, 4), (1, 6), (2, 2)])
def test_axes_are_combined_in_every_way(sizes: tuple[int, int]) -> None:
    how = ((3, 2), (2, 3), ((1, 0), (0, 1)), (1, 2))
    passes = adjoint(sizes, *how)
    first, second = (
        [line for (line,) in adjoint((n,), *((of[axis],) for of in how))]  # type: ignore[arg-type]
        for axis, n in enumerate(sizes)
    )
    assert passes == list(itertools.product(first, second))
    places = {
        (a.start + i * a.jump, b.start + j * b.jump)
        for a, b in passes
        for i, j in itertools.product(range(a.count), range(b.count))
    }
    assert places == set(itertools.product(*map(range, sizes)))


@st.composite
def axes(draw: st.DrawFn) -> Axis:
    w, s, d = (draw(st.integers(1, most)) for most in (7, 6, 5))
    low, high = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    least = max(1, d * (w - 1) + 1 - low - high)
    return draw(st.integers(least, least + 30)), w, s, (low, high), d


@given(axes())
def test_a_convolution_and_its_adjoint_are_the_same_triples(axis: Axis) -> None:
    there = {(x, y, k) for y, x, k in walked([forward_line(axis)]) if 0 <= x < axis[0]}
    back = {m for m in walked(adjoint_lines(axis)) if 0 <= m[1] < positions(axis)}
    assert there == back == all_meetings(axis)

"""Native convolutions and their adjoints against the references, over all that they are asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retroprop as rp
from retroprop import ops
from retroprop.backends.llvm import target

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}  # of the largest value
SIZES = {1: (5, 8, 13, 16, 31), 2: (3, 5, 6, 8, 9), 3: (2, 3, 4, 5)}
SAME: dict[str, Any] = {
    "stride": (1, 1),
    "padding": ((1, 1), (1, 1)),
    "dilation": (1, 1),
    "groups": 1,
}


class Case(NamedTuple):
    """What a convolution is asked, seen from its x."""

    dtype: str
    batch: int
    channels: int
    out: int
    groups: int
    spatial: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]

    @property
    def how(self) -> dict[str, Any]:
        """The attributes that all three ops have."""
        names = ("stride", "padding", "dilation", "groups")
        return {name: getattr(self, name) for name in names}

    @property
    def positions(self) -> tuple[int, ...]:
        """How many windows fit along each axis."""
        axes = zip(self.spatial, self.window, self.stride, self.padding, self.dilation, strict=True)
        return tuple((n + a + b - d * (w - 1) - 1) // s + 1 for n, w, s, (a, b), d in axes)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of x, of the weights, and of the result."""
        return (
            (self.batch, self.channels, *self.spatial),
            (self.out, self.channels // self.groups, *self.window),
            (self.batch, self.out, *self.positions),
        )

    def arrays(self, seed: int = 0) -> list[Any]:
        """Normal numbers of these shapes."""
        rng = np.random.default_rng(seed)
        return [rp.asarray(rng.standard_normal(shape).astype(self.dtype)) for shape in self.shapes]


def drawn(pick: Callable[[Sequence[Any]], Any], ndim: int, dtype: str) -> Case:
    """A case of choices that all fit together."""
    kind = pick(("one", "one", "two", "each"))
    channels, out = pick((1, 3, 16, 17, 24)), pick((1, 6, 16, 17, 32))
    groups = 1
    if kind == "two":
        channels, out, groups = pick((2, 6, 16, 34)), pick((2, 6, 16, 32, 34)), 2
    elif kind == "each":
        out, groups = channels * pick((1, 1, 2)), channels
    axes = []
    for _ in range(ndim):
        w, s, d = pick((1, 2, 3, 3, 5)), pick((1, 1, 2, 3)), pick((1, 1, 2))
        low, high = pick(((0, 0), (1, 1), (1, 1), (2, 2), (0, 1), (2, 0), (1, 3)))
        n = max(pick(SIZES[ndim]), d * (w - 1) + 1 - low - high, 1)
        axes.append((n, w, s, (low, high), d))
    spatial, window, stride, padding, dilation = zip(*axes, strict=True)
    batch = pick((1, 2, 9, 16))
    return Case(dtype, batch, channels, out, groups, spatial, window, stride, padding, dilation)


def fixed(count: int, seed: int) -> list[Any]:
    """Cases drawn once and for all, as parameters."""
    random = np.random.RandomState(seed)  # whose numbers never change
    made = []
    for i in range(count):
        ndim, dtype = (2, 1, 2, 3)[i % 4], ("float32", "float32", "float64")[i % 3]
        case = drawn(lambda options: options[random.randint(len(options))], ndim, dtype)
        made.append(pytest.param(case, id=f"{i}-{ndim}d-{dtype}-groups{case.groups}"))
    return made


def compiled(fn: Callable[..., Any], **options: Any) -> Any:
    return rp.compile(fn, strict=True, **{"threads": 2, **options})


def expect_close(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    found, expected = found.numpy(), expected.numpy()
    most = np.abs(expected).max(initial=0) or 1
    atol = TOLERANCE[str(expected.dtype)] * most
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


def expect_same(fn: Callable[..., Any], *arrays: Any, **options: Any) -> None:
    """A function gives compiled what it gives eagerly, and does again."""
    expected, native = fn(*arrays), compiled(fn, **options)
    first = native(*arrays)
    expect_close(first, expected)
    assert native(*arrays).numpy().tobytes() == first.numpy().tobytes()


_TWO, _ONES, _TWOS, _PADS = (3, 3), (1, 1), (2, 2), ((1, 1), (1, 1))
# Enough work for several threads, cut in every way there is.
BUSY = {
    "images": Case("float32", 9, 16, 17, 1, (12, 12), _TWO, _ONES, _PADS, _ONES),
    "lines": Case("float64", 2, 16, 17, 1, (24, 23), _TWO, _ONES, _PADS, _ONES),
    "one line": Case("float32", 1, 24, 33, 1, (999,), (5,), (1,), ((2, 2),), (1,)),
    "stride": Case("float32", 5, 16, 32, 1, (24, 23), _TWO, _TWOS, _PADS, _ONES),
    "groups": Case("float32", 11, 32, 34, 2, (11, 12), _TWO, _ONES, _PADS, _TWOS),
    "depthwise": Case("float32", 16, 24, 24, 24, (20, 20), (5, 5), _ONES, _PADS, _ONES),
    "blocks": Case("float32", 2, 600, 40, 1, (4, 5), _TWO, _ONES, _PADS, _ONES),
    "volume": Case("float32", 3, 6, 17, 1, (9, 8, 10), (3,) * 3, (1,) * 3, ((1, 1),) * 3, (1,) * 3),
}


def expect_same_bits(fn: Callable[..., Any], *arrays: Any) -> None:
    """Any number of threads gives the same, and they did run."""
    made = [compiled(fn, threads=count) for count in (1, 2, 3, 8)]
    assert len({native(*arrays).numpy().tobytes() for native in made}) == 1
    assert ", 3 threads, " in made[2].report().splitlines()[0]


def forward_of(case: Case) -> Callable[[Any, Any], Any]:
    return lambda x, w: ops.conv(x, w, **case.how)


def adjoint_of(case: Case) -> Callable[[Any, Any], Any]:
    return lambda z, w: ops.conv_transpose(z, w, **case.how, output=case.spatial)


@pytest.mark.parametrize("case", fixed(72, 1))
def test_a_convolution_is_the_reference(case: Case) -> None:
    x, w, _ = case.arrays()
    expect_same(forward_of(case), x, w)


@pytest.mark.parametrize("case", fixed(60, 2))
def test_an_adjoint_is_the_reference(case: Case) -> None:
    _, w, z = case.arrays()
    expect_same(adjoint_of(case), z, w)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    ndim, dtype = draw(st.integers(1, 3)), draw(st.sampled_from(("float32", "float64")))
    return drawn(lambda options: draw(st.sampled_from(options)), ndim, dtype)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(cases(), st.booleans())
def test_random_convolutions_are_the_reference(case: Case, is_adjoint: bool) -> None:
    x, w, z = case.arrays()
    expect_same(adjoint_of(case) if is_adjoint else forward_of(case), z if is_adjoint else x, w)


@pytest.mark.parametrize("name", BUSY)
@pytest.mark.parametrize("is_adjoint", [False, True], ids=["forward", "adjoint"])
def test_threads_do_not_change_the_bits(name: str, is_adjoint: bool) -> None:
    x, w, z = BUSY[name].arrays()
    fn, first = (adjoint_of(BUSY[name]), z) if is_adjoint else (forward_of(BUSY[name]), x)
    expect_same_bits(fn, first, w)


@pytest.mark.parametrize("batch", [1, 3, 7, 8, 19])
def test_few_large_images_are_cut_into_lines(batch: int) -> None:
    case = Case("float32", batch, 5, 20, 1, (23, 17), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
    x, w, z = case.arrays()
    expect_same(forward_of(case), x, w, threads=3)
    expect_same(adjoint_of(case), z, w, threads=3)


@pytest.mark.skipif(bool(target.why_not(target.named("sse"))), reason="no such instructions")
@pytest.mark.parametrize("case", fixed(12, 4))
def test_another_instruction_set_agrees(case: Case) -> None:
    x, w, z = case.arrays()
    expect_same(forward_of(case), x, w, target="sse")
    expect_same(adjoint_of(case), z, w, target="sse")


def test_an_empty_batch_gives_an_empty_result() -> None:
    case = Case("float32", 0, 3, 5, 1, (7, 6), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
    x, w, z = case.arrays()
    assert compiled(forward_of(case))(x, w).shape == (0, 5, 7, 6)
    assert compiled(adjoint_of(case))(z, w).shape == (0, 3, 7, 6)


def test_no_input_channels_give_zeros() -> None:
    x, w = rp.zeros((2, 0, 5, 5)), rp.zeros((4, 0, 3, 3))
    found = compiled(lambda x, w: ops.conv(x, w, **SAME))(x, w)
    assert found.numpy().tobytes() == np.zeros((2, 4, 5, 5), np.float32).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("window", [(1, 1), (3, 3), (1, 4)])
@pytest.mark.parametrize(("channels", "out"), [(600, 17), (20, 600), (600, 40)])
def test_many_channels_are_summed_up_in_blocks(
    channels: int, out: int, window: tuple[int, int], dtype: str
) -> None:
    none = ((0, 0), (0, 1))
    case = Case(dtype, 2, channels, out, 1, (4, 5), window, (1, 1), none, (1, 1))
    x, w, z = case.arrays()
    expect_same(forward_of(case), x, w)
    expect_same(adjoint_of(case), z, w)


def test_blocks_with_strides_dilation_and_groups() -> None:
    how = ((2, 1), ((2, 1), (1, 2)), (1, 2))
    case = Case("float32", 3, 640, 36, 2, (6, 7), (3, 3), *how)
    x, w, z = case.arrays()
    expect_same(forward_of(case), x, w)
    expect_same(adjoint_of(case), z, w)


@pytest.mark.parametrize("count", [1, 7, 8, 15, 16, 17, 31, 33, 48, 65])
def test_every_rest_of_output_channels(count: int) -> None:
    case = Case("float32", 2, 4, count, 1, (5, 5), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
    x, w, z = case.arrays()
    expect_same(forward_of(case), x, w)
    expect_same(adjoint_of(case), z, w)


@pytest.mark.parametrize("places", range(1, 20))
def test_every_rest_of_places(places: int) -> None:
    case = Case("float32", 2, 3, 17, 1, (places,), (3,), (1,), ((1, 1),), (1,))
    x, w, z = case.arrays()
    expect_same(forward_of(case), x, w)
    expect_same(adjoint_of(case), z, w)


def test_a_stride_beyond_the_window_leaves_zeros_in_the_adjoint() -> None:
    case = Case("float32", 2, 3, 17, 1, (11, 10), (2, 1), (4, 3), ((0, 0), (1, 1)), (1, 1))
    x, w, z = case.arrays()
    expect_same(forward_of(case), x, w)
    expect_same(adjoint_of(case), z, w)


def test_two_convolutions_of_one_input_with_different_padding() -> None:
    rng = np.random.default_rng(0)
    x = rp.asarray(rng.standard_normal((3, 5, 8, 7)).astype(np.float32))
    w = rp.asarray(rng.standard_normal((5, 5, 3, 3)).astype(np.float32))
    pads = [((0, 0), (0, 0)), ((1, 1), (1, 1)), ((0, 2), (3, 0))]

    def fn(x: Any, w: Any) -> Any:
        y = x * 2
        return [ops.conv(y, w, **{**SAME, "padding": pad}) for pad in pads]

    for found, expected in zip(compiled(fn)(x, w), fn(x, w), strict=True):
        expect_close(found, expected)


VIEWS: dict[str, Callable[[Any], Any]] = {
    "slice": lambda x: x[1:, ::2, 1:-1, 2:],
    "backwards": lambda x: x[:, ::-1, ::-1],
    "flip": lambda x: rp.flip(x, axis=(2, 3)),
    "transpose": lambda x: rp.permute_dims(x, (0, 1, 3, 2)),
    "channels from places": lambda x: rp.permute_dims(x, (0, 3, 1, 2)),
    "batch and channels": lambda x: rp.permute_dims(x, (1, 0, 2, 3)),
    "broadcast": lambda x: rp.broadcast_to(x[:, :1], x.shape),
    "joined": lambda x: rp.concat([x, x[:, :2]], axis=1),
    "reshape": lambda x: rp.reshape(x, (x.shape[0] * 2, -1, *x.shape[2:])),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("is_made", [False, True], ids=["given", "made"])
def test_a_convolution_of_a_view(name: str, is_made: bool) -> None:
    rng = np.random.default_rng(0)
    x = rp.asarray(rng.standard_normal((4, 6, 8, 7)).astype(np.float32))
    channels = VIEWS[name](x).shape[1]
    w = rp.asarray(rng.standard_normal((17, channels, 3, 3)).astype(np.float32))
    expect_same(lambda x, w: ops.conv(VIEWS[name](rp.exp(x) if is_made else x), w, **SAME), x, w)


@pytest.mark.parametrize("name", ["flip", "transpose", "slice", "joined"])
def test_a_view_of_a_convolution(name: str) -> None:
    rng = np.random.default_rng(0)
    x = rp.asarray(rng.standard_normal((4, 3, 8, 7)).astype(np.float32))
    w = rp.asarray(rng.standard_normal((6, 3, 3, 3)).astype(np.float32))
    v = rp.asarray(rng.standard_normal((5, 8 if name == "joined" else 6, 2, 2)).astype(np.float32))
    v = v[:, :3] if name == "slice" else v

    def fn(x: Any, w: Any, v: Any) -> Any:
        return ops.conv(VIEWS[name](ops.conv(x, w, **SAME)), v, **SAME)

    expect_same(fn, x, w, v)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[1::5])
def test_weights_of_any_strides(order: tuple[int, ...]) -> None:
    case = Case("float32", 2, 6, 18, 1, (5, 6), (3, 2), (1, 1), ((1, 1), (0, 1)), (1, 1))
    x, w, z = case.arrays()
    turned = rp.permute_dims(w, order)
    back = tuple(int(i) for i in np.argsort(order))
    expect_same(lambda x, v: forward_of(case)(x, rp.permute_dims(v, back)), x, turned)
    expect_same(lambda z, v: adjoint_of(case)(z, rp.permute_dims(v, back)[:, :, ::-1]), z, turned)


def test_an_image_may_be_its_own_weights() -> None:
    x = rp.asarray(np.random.default_rng(0).standard_normal((4, 4, 5, 5)).astype(np.float32))
    expect_same(lambda x: ops.conv(x * 2, x, **SAME), x)
    expect_same(lambda x: ops.conv(x, x, **SAME), x)


def test_a_border_is_zero_after_every_step() -> None:
    """A step full of NaN leaves nothing in the memory of the next one."""
    rng = np.random.default_rng(0)
    w = rp.asarray((rng.standard_normal((17, 17, 3, 3)) / 12).astype(np.float32))
    x = rp.asarray(rng.standard_normal((2, 17, 6, 6)).astype(np.float32))

    def fn(x: Any, w: Any) -> Any:
        for _ in range(4):
            x = rp.tanh(ops.conv(x, w, **SAME))
        return x

    native, expected = compiled(fn), fn(x, w)
    expect_close(native(x, w), expected)
    assert np.isnan(native(rp.full(x.shape, float("nan")), w).numpy()).all()
    expect_close(native(x, w), expected)


def test_infinity_stays_where_windows_see_it() -> None:
    x = np.ones((1, 3, 9, 9), np.float32)
    x[0, 1, 4, 4] = np.inf
    w = rp.ones((18, 3, 3, 3))
    found = compiled(lambda x, w: ops.conv(x, w, **SAME))(rp.asarray(x), w).numpy()
    near = np.zeros((9, 9), bool)
    near[3:6, 3:6] = True
    assert (np.isinf(found) == near).all()


def test_whole_numbers_are_summed_up_exactly() -> None:
    rng = np.random.default_rng(0)
    x = rp.asarray(rng.integers(-8, 9, (3, 40, 9, 8)).astype(np.float32))
    w = rp.asarray(rng.integers(-8, 9, (33, 40, 3, 2)).astype(np.float32))
    how = {**SAME, "stride": (2, 1), "dilation": (1, 2)}
    found = compiled(lambda x, w: ops.conv(x, w, **how))(x, w)
    assert found.numpy().tobytes() == ops.conv(x, w, **how).numpy().tobytes()


def test_each_image_is_convolved_alone() -> None:
    """The bits of an image do not depend on those beside it, nor on how many there are."""
    case = Case("float32", 16, 5, 19, 1, (6, 7), (3, 3), (1, 2), ((1, 1), (1, 0)), (1, 1))
    x, w, _ = case.arrays()
    native = compiled(forward_of(case))
    whole = native(x, w).numpy()
    for some in (slice(0, 1), slice(3, 5), slice(4, 16)):
        assert native(x[some], w).numpy().tobytes() == whole[some].tobytes()

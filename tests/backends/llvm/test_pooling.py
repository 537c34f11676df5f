"""Native pooling and its gradient against the reference: to the bit, also for ties and NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.backends.llvm import target
from retroprop.errors import RetropropError

F = nn.functional
SIZES = {1: (11,), 2: (7, 10), 3: (5, 6, 7)}
CHANNELS = (1, 3, 16, 19, 40)
WINDOWS: dict[str, dict[str, Any]] = {
    "2": {"kernel_size": 2},
    "3/2": {"kernel_size": 3, "stride": 2},
    "3/1 same": {"kernel_size": 3, "stride": 1, "padding": 1},
    "3/2 padded, ceil": {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    "2/3": {"kernel_size": 2, "stride": 3},
    "2/3 ceil": {"kernel_size": 2, "stride": 3, "ceil_mode": True},
    "2/3 padded, ceil": {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True},
    "2/1": {"kernel_size": 2, "stride": 1},
    "1": {"kernel_size": 1},
}
DILATED: dict[str, dict[str, Any]] = {
    "2/1 by 2": {"kernel_size": 2, "dilation": 2, "stride": 1},
    "3/3 by 2, padded, ceil": {"kernel_size": 3, "dilation": 2, "padding": 1, "ceil_mode": True},
}
MEANS: list[dict[str, Any]] = [{}, {"count_include_pad": False}]


def whole(*shape: int, dtype: Any = np.float32) -> Any:
    """Few different numbers, so that most windows have ties and sums are exact."""
    return np.random.default_rng(0).integers(-2, 3, shape).astype(dtype)


def broken(*shape: int, dtype: Any = np.float32) -> Any:
    """Many ties, -inf and NaN, and whole stretches of -inf."""
    rng = np.random.default_rng(1)
    x = rng.choice(np.array([-np.inf, -np.inf, 0, 1, 2, np.nan, np.inf], dtype), shape)
    x[..., : shape[-1] // 2] = -np.inf
    return x


def both(pool: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A pooling with its gradient, for a cotangent of 1, 2, 3, ..."""

    def fn(x: Any) -> Any:
        y, pull = rp.vjp(pool, x)
        numbers = rp.reshape(rp.arange(1, y.size + 1, dtype=y.dtype), y.shape)
        return y, pull(numbers % 97)[0]

    return fn


def expect(pool: Callable[[Any], Any], x: Any, *, exact: bool = True, **options: Any) -> None:
    """Values and gradient are those of the reference."""
    x, fn = rp.asarray(x), both(pool)
    native = rp.compile(fn, strict=True, **{"threads": 2, **options})
    for found, expected in zip(native(x), fn(x), strict=True):
        assert found.dtype == expected.dtype
        most = np.abs(expected.numpy()).max()
        if exact:
            np.testing.assert_array_equal(found.numpy(), expected.numpy())
        else:
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=0, atol=1e-6 * most)


def maximum(count: int, **options: Any) -> Callable[[Any], Any]:
    return lambda x: getattr(F, f"max_pool{count}d")(x, **options)


def mean(count: int, **options: Any) -> Callable[[Any], Any]:
    return lambda x: getattr(F, f"avg_pool{count}d")(x, **options)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", [*WINDOWS, *DILATED])
def test_maxima_and_their_gradient(name: str, count: int) -> None:
    number = [*WINDOWS, *DILATED].index(name)
    channels = CHANNELS[(number + count) % len(CHANNELS)]
    dtype = np.float64 if number % 3 == 2 else np.float32
    shape = (3, channels, *SIZES[count])
    pool = maximum(count, **{**WINDOWS, **DILATED}[name])
    expect(pool, whole(*shape, dtype=dtype))
    expect(pool, broken(*shape, dtype=dtype))


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("divisor", MEANS, ids=["with padding", "without padding"])
def test_means_and_their_gradient(name: str, count: int, divisor: dict[str, Any]) -> None:
    number = [*WINDOWS].index(name)
    channels = CHANNELS[(number + count) % len(CHANNELS)]
    dtype = np.float64 if number % 3 == 2 else np.float32
    pool = mean(count, **WINDOWS[name], **divisor)
    x = np.random.default_rng(0).standard_normal((3, channels, *SIZES[count])).astype(dtype)
    expect(pool, x, exact=False)


@pytest.mark.parametrize("name", ["2", "2/3 padded, ceil"])
def test_means_of_whole_numbers_are_exact(name: str) -> None:
    for divisor in MEANS:
        x = rp.asarray(whole(3, 19, 8, 9))
        pool = mean(2, **WINDOWS[name], **divisor)
        found = rp.compile(pool, strict=True, threads=2)(x)
        np.testing.assert_array_equal(found.numpy(), pool(x).numpy())


@pytest.mark.parametrize("channels", [*CHANNELS, 4, 7, 8, 9, 15, 17, 31, 33, 64, 65])
def test_every_rest_of_channels(channels: int) -> None:
    expect(maximum(2, kernel_size=3, stride=2, padding=1), whole(2, channels, 6, 5))
    expect(mean(2, kernel_size=2), whole(2, channels, 6, 5))


@pytest.mark.parametrize("axis", [0, 1])
def test_windows_may_differ_along_axes(axis: int) -> None:
    def turned(*pair: int) -> tuple[int, ...]:
        return pair[::-1] if axis else pair

    how = {"kernel_size": turned(3, 1), "stride": turned(1, 2), "padding": turned(1, 0)}
    expect(maximum(2, **how, dilation=turned(2, 1)), whole(3, 17, 9, 8))
    expect(mean(2, **how), whole(3, 17, 9, 8), exact=False)


def test_means_divided_by_another_number() -> None:
    expect(mean(2, kernel_size=3, stride=2, divisor_override=5), whole(3, 5, 8, 9), exact=False)


def test_one_sample_without_a_batch() -> None:
    expect(maximum(2, kernel_size=2), whole(5, 8, 9))
    expect(mean(3, kernel_size=2), whole(3, 4, 4, 5))


@pytest.mark.parametrize("special", [np.nan, -np.inf, np.inf])
@pytest.mark.parametrize("channels", [3, 16])
def test_images_of_nothing_else(special: float, channels: int) -> None:
    x = np.full((2, channels, 6, 7), special, np.float32)
    for options in WINDOWS.values():
        expect(maximum(2, **options), x)


def test_a_mean_of_infinity_stays_within_its_windows() -> None:
    x = whole(2, 17, 7, 7)
    x[0, 3, 2, 2], x[1, 5, 6, 6], x[1, 16, 0, 0] = np.inf, np.nan, -np.inf
    found = rp.compile(mean(2, kernel_size=2), strict=True)(rp.asarray(x)).numpy()
    np.testing.assert_array_equal(found, F.avg_pool2d(rp.asarray(x), 2).numpy())


@pytest.mark.parametrize("at", range(9))
def test_a_lone_nan_wins_wherever_it_is(at: int) -> None:
    x = np.zeros((1, 17, 3, 3), np.float32)
    x[:, ::2, at // 3, at % 3] = np.nan
    expect(maximum(2, kernel_size=3), x)
    expect(maximum(2, kernel_size=2, stride=1, padding=1), x)


def test_zeros_of_both_signs_are_a_tie_that_the_first_wins() -> None:
    x = np.zeros((2, 17, 6, 6), np.float32)
    x[np.random.default_rng(0).random(x.shape) < 0.5] = -0.0
    found = rp.compile(maximum(2, kernel_size=2), strict=True)(rp.asarray(x)).numpy()
    assert found.tobytes() == x[:, :, ::2, ::2].tobytes()


TIES = [[0, 0, 1, 1], [0, 0, 0, 1], [1, 1, 0, 1], [1, 1, 0, 1]]
# By PyTorch 2.13: values and gradients of TIES for a cotangent of 4, 8, 12, ...
RECORDED: list[tuple[Callable[[Any], Any], list[list[float]], list[list[float]]]] = [
    (
        maximum(2, kernel_size=3, stride=2, padding=1),
        [[0, 1], [1, 1]],
        [[4, 0, 8, 0], [0, 0, 0, 16], [12, 0, 0, 0], [0, 0, 0, 0]],
    ),
    (
        maximum(2, kernel_size=2, stride=1),
        [[0, 1, 1], [1, 1, 1], [1, 1, 1]],
        [[4, 0, 20, 0], [0, 0, 0, 24], [44, 52, 0, 36], [0, 0, 0, 0]],
    ),
    (
        maximum(2, kernel_size=2, stride=1, dilation=2, padding=1),
        [[0, 0, 1, 0], [1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 0]],
        [[0, 0, 56, 28], [8, 4, 64, 56], [56, 132, 64, 0], [40, 36, 0, 0]],
    ),
    (
        mean(2, kernel_size=2, stride=2, padding=1, count_include_pad=False),
        [[0, 0.5, 1], [0.5, 0.25, 1], [1, 0.5, 1]],
        [[4, 4, 4, 12], [8, 5, 5, 12], [8, 5, 5, 12], [28, 16, 16, 36]],
    ),
    (
        mean(2, kernel_size=2, stride=3, padding=1, ceil_mode=True),
        [[0, 0.5], [0.5, 0.5]],
        [[1, 0, 2, 2], [0, 0, 0, 0], [3, 0, 4, 4], [3, 0, 4, 4]],
    ),
    (
        mean(2, kernel_size=2, stride=2, padding=1),
        [[0, 0.25, 0.25], [0.25, 0.25, 0.5], [0.25, 0.25, 0.25]],
        [[1, 2, 2, 3], [4, 5, 5, 6], [4, 5, 5, 6], [7, 8, 8, 9]],
    ),
]


@pytest.mark.parametrize("number", range(len(RECORDED)))
def test_ties_and_padding_are_as_recorded(number: int) -> None:
    pool, values, gradient = RECORDED[number]

    def fn(x: Any) -> Any:
        y, pull = rp.vjp(pool, x)
        return y, pull(rp.reshape(rp.arange(1, y.size + 1, dtype=y.dtype) * 4, y.shape))[0]

    x = rp.asarray(np.array(TIES, np.float32)[None, None])
    found, slope = rp.compile(fn, strict=True)(x)
    assert found.numpy()[0, 0].tolist() == values
    assert slope.numpy()[0, 0].tolist() == gradient


@pytest.mark.skipif(bool(target.why_not(target.named("sse"))), reason="no such instructions")
@pytest.mark.parametrize("channels", CHANNELS)
def test_another_instruction_set_agrees(channels: int) -> None:
    expect(maximum(2, kernel_size=3, stride=2, padding=1), broken(3, channels, 8, 9), target="sse")
    x = whole(3, channels, 8, 9)
    expect(mean(2, kernel_size=3, stride=2, padding=1), x, exact=False, target="sse")


def test_threads_do_not_change_the_bits() -> None:
    x = rp.asarray(np.random.default_rng(0).standard_normal((16, 19, 32, 31)).astype(np.float32))
    for pool in (
        maximum(2, kernel_size=3, stride=2, padding=1),
        mean(2, kernel_size=3, stride=2, padding=1),
    ):
        made = [rp.compile(both(pool), strict=True, threads=n) for n in (1, 2, 3, 8)]
        results = {b"".join(r.numpy().tobytes() for r in native(x)) for native in made}
        assert len(results) == 1
        assert ", 3 threads, " in made[2].report().splitlines()[0]


def test_an_index_that_is_read_is_the_reference_too() -> None:
    def fn(x: Any) -> Any:
        y, index = F.max_pool2d(x, 3, 2, 1, return_indices=True)
        return y, index

    x = rp.asarray(broken(3, 5, 9, 8))
    for found, expected in zip(rp.compile(fn, verbose=False)(x), fn(x), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_an_index_and_a_gradient_together() -> None:
    def fn(x: Any) -> Any:
        (y, index), pull = rp.vjp(lambda x: F.max_pool2d(x, 2, return_indices=True), x)
        return y, index, pull((rp.ones(y.shape), rp.zeros(index.shape)))[0]

    x = rp.asarray(whole(3, 5, 8, 8))
    for found, wanted in zip(rp.compile(fn, verbose=False)(x), fn(x), strict=True):
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())


def test_very_large_windows_are_left_to_the_reference() -> None:
    pool = maximum(2, kernel_size=9, stride=2)
    x = rp.asarray(whole(2, 3, 12, 13))
    with pytest.raises(RetropropError, match="no native code for: max_pool"):
        rp.compile(pool, strict=True)(x)
    found = rp.compile(both(pool), verbose=False)(x)
    for mine, theirs in zip(found, both(pool)(x), strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    expect(maximum(2, kernel_size=8, stride=2), whole(2, 3, 12, 13))  # the largest one


def test_an_empty_batch_is_left_empty() -> None:
    for pool in (maximum(2, kernel_size=2), mean(2, kernel_size=2)):
        found = rp.compile(pool, verbose=False)(rp.ones((0, 3, 6, 6)))
        assert found.shape == (0, 3, 3, 3)


def test_one_pooling_after_another() -> None:
    def fn(x: Any) -> Any:
        y = F.max_pool2d(x, 3, 1, 1)
        return F.avg_pool2d(y * 2, 2) + F.max_pool2d(rp.exp(y), 2)

    x = np.random.default_rng(0).standard_normal((4, 17, 8, 8)).astype(np.float32)
    expect(fn, x, exact=False)


@pytest.mark.parametrize("name", ["flip", "transpose", "channels", "slice", "broadcast"])
def test_pooling_of_a_view(name: str) -> None:
    view: Callable[[Any], Any] = {
        "flip": lambda x: rp.flip(x, axis=(1, 2)),
        "transpose": lambda x: rp.permute_dims(x, (0, 1, 3, 2)),
        "channels": lambda x: rp.permute_dims(x, (0, 3, 1, 2)),
        "slice": lambda x: x[:, 1:, ::2, 1:-1],
        "broadcast": lambda x: rp.broadcast_to(x[:, :1], x.shape),
    }[name]
    expect(lambda x: F.max_pool2d(view(x), 2), whole(3, 6, 8, 10))
    expect(lambda x: F.avg_pool2d(view(x), 2), whole(3, 6, 8, 10), exact=False)


@pytest.mark.parametrize("pool", ["max_pool2d", "avg_pool2d"])
def test_gradients_of_gradients(pool: str) -> None:
    def fn(x: Any) -> Any:
        def slope(x: Any) -> Any:
            return rp.grad(lambda x: rp.sum(getattr(F, pool)(x, 2) ** 3))(x)

        y, pull = rp.vjp(slope, x)
        return y, pull(y)[0]

    x = np.random.default_rng(0).standard_normal((2, 5, 6, 6)).astype(np.float32)
    native = rp.compile(fn, verbose=False)
    for found, expected in zip(native(rp.asarray(x)), fn(rp.asarray(x)), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)

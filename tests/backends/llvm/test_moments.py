"""Native means and variances against double precision: badly scaled data, every layout and axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, ops
from retroprop.backends.llvm import target

F = nn.functional
SHAPES = [
    (16, 19, 13, 13),
    (2, 33, 9, 8),
    (64, 3, 14, 14),
    (1, 16, 31, 32),
    (40, 64, 2, 3),
    (9, 8, 1, 1),
]
AXES = [(0, 2, 3), (2, 3), (0,), None]
DATA = {"plain": (1.0, 0.0), "tiny": (1e-12, 1e-11), "wide": (1e2, 1e6), "narrow": (1e-2, 1e4)}


def image(x: Any) -> Any:
    """The same numbers with channels last: through a convolution that changes nothing."""
    channels, count = x.shape[1], x.ndim - 2
    w = rp.reshape(rp.eye(channels, dtype=x.dtype), (channels, channels, *(1,) * count))
    how = {"stride": (1,) * count, "padding": ((0, 0),) * count, "dilation": (1,) * count}
    return ops.conv(x, w, **how, groups=1)


def drawn(shape: tuple[int, ...], scale: float, shift: float, dtype: Any = np.float32) -> Any:
    return (np.random.default_rng(0).standard_normal(shape) * scale + shift).astype(dtype)


def compiled(axis: Any, *, is_image: bool, **options: Any) -> Any:
    def fn(x: Any) -> Any:
        return ops.moments(image(x) if is_image else x, axis=axis)

    return rp.compile(fn, strict=True, **{"threads": 2, **options})


def expect_exact(x: Any, axis: Any, *, is_image: bool, **options: Any) -> None:
    """Mean and variance up to the rounding of sums in the type of x.

    A mean that is off by d adds d² to the variance, and 2 d (mean of an image - mean) where the
    moments of several images are combined.
    """
    mean, variance = compiled(axis, is_image=is_image, **options)(rp.asarray(x))
    wide = x.astype(np.float64)
    exact, spread = wide.mean(axis, keepdims=True), wide.var(axis, keepdims=True)
    assert mean.shape == variance.shape == exact.shape
    assert mean.dtype == variance.dtype == x.dtype
    size = np.sqrt(np.square(exact) + spread)
    slack = 5 * np.finfo(x.dtype).eps * size
    assert np.all(np.abs(mean.numpy() - exact) <= slack)
    places = max(int(np.prod(x.shape[2:])), 1)
    allowed = 8 * np.finfo(x.dtype).eps * spread
    allowed += slack**2 + 2 * slack * np.sqrt(spread / places)
    assert np.all(np.abs(variance.numpy() - spread) <= allowed)
    assert np.all(variance.numpy() >= 0)


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("is_image", [True, False], ids=["image", "plain"])
def test_moments_of_images(shape: tuple[int, ...], axis: Any, is_image: bool) -> None:
    for scale, shift in DATA.values():
        expect_exact(drawn(shape, scale, shift), axis, is_image=is_image)


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("is_image", [True, False], ids=["image", "plain"])
def test_moments_in_double_precision(axis: Any, is_image: bool) -> None:
    for shape in SHAPES[:3]:
        x = drawn(shape, 1.0, 3.0, np.float64)
        mean, variance = compiled(axis, is_image=is_image)(rp.asarray(x))
        np.testing.assert_allclose(mean.numpy(), x.mean(axis, keepdims=True), rtol=1e-12)
        np.testing.assert_allclose(variance.numpy(), x.var(axis, keepdims=True), rtol=1e-11)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((9, 17), [(0,), (1,), 0, -1, None]),
        ((9, 17, 12), [(0, 2), (2,), (0,), (1, 2), None]),
        ((5, 17, 3, 4, 5), [(0, 2, 3, 4), (2, 3, 4), (0, 2), (1,), (3, 1), None]),
    ],
    ids=["2d", "3d", "5d"],
)
def test_any_number_of_axes(shape: tuple[int, ...], axes: list[Any]) -> None:
    for axis in axes:
        for scale, shift in ((1.0, 0.0), (1e2, 1e6)):
            expect_exact(drawn(shape, scale, shift), axis, is_image=False)
            if len(shape) > 2:
                expect_exact(drawn(shape, scale, shift), axis, is_image=True)


@pytest.mark.parametrize("channels", [1, 2, 7, 8, 9, 15, 16, 31, 33, 65, 100, 129])
def test_every_rest_of_channels(channels: int) -> None:
    for axis in ((0, 2, 3), (2, 3)):
        expect_exact(drawn((5, channels, 6, 7), 1.0, 10.0), axis, is_image=True)


@pytest.mark.parametrize("places", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64])
def test_every_rest_of_places(places: int) -> None:
    for channels in (5, 16):
        for axis in ((0, 2), (2,)):
            expect_exact(drawn((4, channels, places), 1.0, 10.0), axis, is_image=True)


@pytest.mark.parametrize("is_image", [True, False], ids=["image", "plain"])
def test_one_constant_channel_has_no_variance(is_image: bool) -> None:
    x = drawn((16, 19, 8, 8), 1.0, 5.0)
    x[:, 3], x[:, 17], x[:, 18] = 7.0, 0.0, -65536.0
    for axis in ((0, 2, 3), (2, 3)):
        mean, variance = compiled(axis, is_image=is_image)(rp.asarray(x))
        for channel, value in ((3, 7.0), (17, 0.0), (18, -65536.0)):
            assert np.all(mean.numpy()[:, channel] == value)
            assert np.all(variance.numpy()[:, channel] == 0)
        assert np.all(np.delete(variance.numpy(), [3, 17, 18], axis=1) > 0)


@pytest.mark.parametrize("is_image", [True, False], ids=["image", "plain"])
def test_a_constant_that_sums_do_not_hold_has_hardly_any(is_image: bool) -> None:
    x = np.full((7, 17, 13, 13), 0.1, np.float32)
    for axis in ((0, 2, 3), (2, 3)):
        mean, variance = compiled(axis, is_image=is_image)(rp.asarray(x))
        np.testing.assert_allclose(mean.numpy(), x[0, 0, 0, 0], rtol=5e-6)
        assert np.all(variance.numpy() <= (5e-6 * 0.1) ** 2)


@pytest.mark.parametrize("is_image", [True, False], ids=["image", "plain"])
def test_images_of_very_different_means(is_image: bool) -> None:
    """What lies between images counts like what lies within them."""
    x = drawn((16, 19, 6, 6), 1.0, 0.0)
    x += (1000.0 * np.arange(16, dtype=np.float32) - 8000)[:, None, None, None]
    expect_exact(x, (0, 2, 3), is_image=is_image)


def test_a_nan_stays_in_its_channel() -> None:
    x = drawn((16, 19, 6, 6), 1.0, 0.0)
    x[3, 5, 2, 2], x[4, 18, 0, 0] = np.nan, np.inf
    mean, variance = compiled((0, 2, 3), is_image=False)(rp.asarray(x))

    def fn(x: Any) -> Any:
        return ops.moments(F.max_pool2d(x, 1), axis=(0, 2, 3))  # channels last, and NaN stays NaN

    for found in (variance, rp.compile(fn, strict=True)(rp.asarray(x))[1]):
        broken = np.isnan(found.numpy()).reshape(-1)
        assert np.flatnonzero(broken).tolist() == [5, 18]
    assert np.isnan(mean.numpy()[0, 5, 0, 0])
    assert mean.numpy()[0, 18, 0, 0] == np.inf


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("is_image", [True, False], ids=["image", "plain"])
def test_threads_do_not_change_the_bits(axis: Any, is_image: bool) -> None:
    x = rp.asarray(drawn((16, 19, 32, 31), 1.0, 100.0))
    made = [compiled(axis, is_image=is_image, threads=n) for n in (1, 2, 3, 8)]
    results = {b"".join(r.numpy().tobytes() for r in native(x)) for native in made}
    assert len(results) == 1
    assert ", 3 threads, " in made[2].report().splitlines()[0]


@pytest.mark.skipif(bool(target.why_not(target.named("sse"))), reason="no such instructions")
@pytest.mark.parametrize("axis", AXES, ids=str)
def test_another_instruction_set_agrees(axis: Any) -> None:
    for is_image in (True, False):
        expect_exact(drawn((9, 19, 7, 6), 1.0, 10.0), axis, is_image=is_image, target="sse")


def test_nothing_has_no_moments() -> None:
    native = rp.compile(lambda x: ops.moments(x, axis=(2, 3)), verbose=False)
    mean, variance = native(rp.ones((0, 3, 4, 4)))
    assert mean.shape == variance.shape == (0, 3, 1, 1)


def test_the_gradient_of_both() -> None:
    def fn(x: Any) -> Any:
        def loss(x: Any) -> Any:
            mean, variance = ops.moments(image(x), axis=(0, 2, 3))
            return rp.sum(mean**2 + rp.exp(variance))

        return rp.value_and_grad(loss)(x)

    x = rp.asarray(drawn((5, 17, 6, 5), 1.0, 1.0, np.float64))
    for found, expected in zip(rp.compile(fn, strict=True)(x), fn(x), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-10, atol=1e-13)


# -- batch normalisation -------------------------------------------------------------------------


def normalised(x: Any, weight: Any, bias: Any, g: Any) -> tuple[Any, ...]:
    """y, its three gradients and both statistics by the textbook, in double precision."""
    axes = (0, *range(2, x.ndim))
    shape = (1, -1, *(1,) * (x.ndim - 2))
    x, weight, bias, g = (a.astype(np.float64) for a in (x, weight, bias, g))
    count = x.size / x.shape[1]
    scale = 1 / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    normal = (x - x.mean(axes, keepdims=True)) * scale
    y = normal * weight.reshape(shape) + bias.reshape(shape)
    inner = g * weight.reshape(shape)
    dx = inner - inner.mean(axes, keepdims=True)
    dx = (dx - normal * (inner * normal).mean(axes, keepdims=True)) * scale
    mean, variance = 0.1 * x.mean(axes), 0.9 + 0.1 * x.var(axes) * count / (count - 1)
    return y, dx, (g * normal).sum(axes), g.sum(axes), mean, variance


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("is_image", [True, False], ids=["image", "plain"])
@pytest.mark.parametrize("shape", [(16, 19, 6, 7), (33, 5, 9), (2, 16, 3, 4, 5), (32, 24)], ids=str)
def test_a_step_of_batch_normalisation(shape: tuple[int, ...], is_image: bool, dtype: str) -> None:
    rng = np.random.default_rng(1)
    channels = shape[1]
    x, g = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    weight, bias = (rng.uniform(0.5, 2, channels).astype(dtype) for _ in range(2))
    mean, variance = rp.zeros(channels, dtype=dtype), rp.ones(channels, dtype=dtype)

    def fn(x: Any, weight: Any, bias: Any, g: Any) -> Any:
        def layer(x: Any, weight: Any, bias: Any) -> Any:
            given = image(x) if is_image and x.ndim > 2 else x
            return F.batch_norm(given, mean, variance, weight, bias, training=True)

        y, pull = rp.vjp(layer, x, weight, bias)
        return (y, *pull(g))

    native = rp.compile(fn, strict=True, threads=2)
    found = native(*map(rp.asarray, (x, weight, bias, g)))
    rtol = 1e-11 if dtype == "float64" else 1e-5
    expected = normalised(x, weight, bias, g)
    for mine, theirs in zip((*found, mean, variance), expected, strict=True):
        assert mine.dtype == np.dtype(dtype)
        most = np.abs(theirs).max()
        np.testing.assert_allclose(mine.numpy(), theirs, rtol=0, atol=rtol * most)

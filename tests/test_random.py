"""Draws: golden numbers, distributions (tested by hand at fixed seeds), ends, gradients, misuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, DTypeError, ShapeError

N = 40_000


def seeded(seed: int = 0) -> rp.random.Generator:
    return rp.random.Generator(seed)


def kolmogorov(sample: Any, distribution: Callable[[Any], Any]) -> float:
    """sqrt(n) times the largest gap to a distribution function; above 1.95 in 1 of 1000 samples."""
    x = np.sort(np.asarray(sample, np.float64))
    below = distribution(x)
    steps = np.arange(len(x) + 1) / len(x)
    gap = max(np.abs(below - steps[:-1]).max(), np.abs(below - steps[1:]).max())
    return float(gap * math.sqrt(len(x)))


def normal_below(x: Any) -> Any:
    return np.array([0.5 * math.erfc(-one / math.sqrt(2)) for one in x])


def test_golden_numbers() -> None:
    g = seeded(42)
    g.bits((10,))
    assert rp.random.uniform((3,), generator=g).tolist() == [
        0.7295992374420166,
        0.6706398129463196,
        0.5864003300666809,
    ]
    assert rp.random.uniform((1,), dtype=rp.float64, generator=g).item() == 0.32641814575508354
    assert rp.random.randint((6,), 0, 100, generator=g).tolist() == [26, 75, 42, 2, 81, 91]
    assert rp.random.permutation(8, generator=g).tolist() == [7, 2, 6, 5, 4, 0, 3, 1]
    coins = rp.random.bernoulli((3, 2), 0.5, generator=seeded(5)).tolist()
    assert coins == [[False, True], [False, False], [True, True]]


def test_golden_normals() -> None:
    """To a few units in the last place: log, sin and cos may round differently elsewhere."""
    x = rp.random.normal((4,), generator=seeded(42)).numpy()
    expected = [0.8864974975585938, -0.6653750538825989, 0.4393560588359833, 1.036023736000061]
    np.testing.assert_allclose(x, expected, rtol=1e-6)
    wide = rp.random.normal((3,), dtype=rp.float64, generator=seeded(42)).numpy()
    expected = [0.986455334458821, -2.277814698416371, -0.07627225471398703]
    np.testing.assert_allclose(wide, expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", [rp.float32, rp.float64])
def test_uniform(dtype: Any) -> None:
    x = rp.random.uniform((N,), dtype=dtype, generator=seeded()).numpy()
    assert x.dtype == dtype
    assert 0 <= x.min() < x.max() < 1
    assert abs(x.mean() - 0.5) < 4 / math.sqrt(12 * N)
    assert abs(x.var() - 1 / 12) < 0.002
    assert kolmogorov(x, lambda v: v) < 1.95
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 4 / math.sqrt(N)


def test_uniform_never_reaches_the_high_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when all bits are set and low + (high - low) u rounds up to high."""
    monkeypatch.setattr(
        rp.random.Generator, "bits", lambda self, shape, bits=32: rp.full(shape, 2**bits - 1)
    )
    assert rp.random.uniform((2,)).tolist() == [1 - 2**-24] * 2
    assert rp.random.uniform((1,), 1.0, 2.0).item() < 2.0
    assert rp.random.uniform((1,), dtype=rp.float64).item() == 1 - 2**-53


@pytest.mark.parametrize("dtype", [rp.float32, rp.float64])
def test_normal(dtype: Any) -> None:
    x = rp.random.normal((N,), dtype=dtype, generator=seeded(1)).numpy()
    assert x.dtype == dtype
    assert abs(x.mean()) < 4 / math.sqrt(N)
    assert abs(x.var() - 1) < 4 * math.sqrt(2 / N)
    assert abs((x**3).mean()) < 4 * math.sqrt(15 / N)
    assert abs((x**4).mean() - 3) < 4 * math.sqrt(96 / N)
    assert kolmogorov(x, normal_below) < 1.95


def test_normal_is_finite_at_every_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for word in (0, 2**32 - 1):
        monkeypatch.setattr(
            rp.random.Generator, "bits", lambda self, shape, bits=32, w=word: rp.full(shape, w)
        )
        assert bool(rp.all(rp.isfinite(rp.random.normal((2,)))))
        assert bool(rp.all(rp.isfinite(rp.random.gumbel((2,)))))
        assert bool(rp.all(rp.random.exponential((2,)) > 0))


def test_normal_moves_and_stretches() -> None:
    mean = rp.tensor([1.0, -1.0], requires_grad=True)
    std = rp.tensor([2.0, 3.0], requires_grad=True)
    x = rp.random.normal((5, 2), mean, std, generator=seeded())
    plain = rp.random.normal((5, 2), generator=seeded())
    assert np.allclose(x.detach().numpy(), plain.numpy() * [2, 3] + [1, -1], atol=1e-6)
    rp.sum(x).backward()
    assert mean.grad.tolist() == [5.0, 5.0]
    np.testing.assert_allclose(std.grad.numpy(), plain.numpy().sum(0), rtol=1e-5)


@pytest.mark.parametrize(("low", "high"), [(-2.0, 2.0), (0.5, 3.0), (-4.0, -1.0), (6.0, 9.0)])
def test_truncated_normal(low: float, high: float) -> None:
    mean, std = 0.5, 1.5
    x = rp.random.truncated_normal((N,), mean, std, low, high, generator=seeded(2)).numpy()
    assert low <= x.min() < x.max() <= high
    ends = [(end - mean) / std for end in (low, high)]
    mirror = -1 if sum(ends) > 0 else 1  # measure in the tail that does not cancel
    edges = normal_below(sorted(mirror * end for end in ends))

    def below(v: Any) -> Any:
        part = (normal_below(mirror * (v - mean) / std) - edges[0]) / (edges[1] - edges[0])
        return part if mirror > 0 else 1 - part

    assert kolmogorov(x, below) < 1.95


def test_bernoulli() -> None:
    p = rp.asarray([[0.0], [0.1], [0.5], [1.0]])
    x = rp.random.bernoulli((4, N), p, generator=seeded(3))
    assert x.dtype == rp.bool
    rates = x.numpy().mean(1)
    assert rates[0] == 0
    assert rates[3] == 1
    assert abs(rates[1] - 0.1) < 4 * 0.3 / math.sqrt(N)
    assert abs(rates[2] - 0.5) < 4 * 0.5 / math.sqrt(N)
    ones = rp.random.bernoulli((3,), 1, dtype=rp.float32)
    assert ones.dtype == rp.float32
    assert ones.tolist() == [1, 1, 1]


def test_randint() -> None:
    x = rp.random.randint((N,), -3, 4, generator=seeded(4))
    assert x.dtype == rp.int64
    counts = np.bincount(x.numpy() + 3, minlength=7)
    assert ((counts - N / 7) ** 2 / (N / 7)).sum() < 22.5  # chi-square, 6 degrees, 1 in 1000
    assert rp.random.randint((50,), 2).tolist().count(0) not in {0, 50}
    bytes_ = rp.random.randint((2000,), 0, 256, dtype=rp.uint8)
    assert bytes_.dtype == rp.uint8
    assert int(bytes_.numpy().max()) == 255


def test_permutation() -> None:
    for n in (0, 1, 7):
        assert sorted(rp.random.permutation(n).tolist()) == list(range(n))
    first = [rp.random.permutation(5, generator=seeded(s))[0].item() for s in range(2000)]
    assert ((np.bincount(first) - 400) ** 2 / 400).sum() < 18.5  # chi-square, 4 degrees
    x = rp.asarray([[1, 2, 3], [4, 5, 6]])
    columns = rp.random.permutation(x, axis=1, generator=seeded(1)).numpy()
    assert sorted(columns[0].tolist()) == [1, 2, 3]
    assert (columns[1] - columns[0] == 3).all()


def test_exponential_and_gumbel() -> None:
    e = rp.random.exponential((N,), 2.0, generator=seeded(5)).numpy()
    assert kolmogorov(e, lambda v: 1 - np.exp(-2 * v)) < 1.95
    g = rp.random.gumbel((N,), generator=seeded(6)).numpy()
    assert kolmogorov(g, lambda v: np.exp(-np.exp(-v))) < 1.95


def test_categorical() -> None:
    p = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])
    with np.errstate(divide="ignore"):
        logits = np.log(p) + 3.0
    x = rp.random.categorical((N,), logits, generator=seeded(7))
    assert x.shape == (N, 2)
    assert x.dtype == rp.int64
    for row in range(2):
        rates = np.bincount(x.numpy()[:, row], minlength=3) / N
        np.testing.assert_allclose(rates, p[row], atol=4 * 0.5 / math.sqrt(N))
    assert int(x.numpy()[:, 1].max()) == 1  # what has no probability is not drawn
    turned = rp.random.categorical((), logits.T, axis=0, generator=seeded(8))
    assert turned.shape == (2,)


@pytest.mark.parametrize("dtype", [rp.float16, np.dtype(ml_dtypes.bfloat16)])
def test_narrow_types(dtype: Any) -> None:
    for draw in (rp.random.uniform, rp.random.normal, rp.random.truncated_normal, rp.random.gumbel):
        assert draw((4,), dtype=dtype).dtype == dtype


def test_shapes() -> None:
    assert rp.random.uniform(3).shape == (3,)
    assert rp.random.normal([2, 0]).shape == (2, 0)
    assert rp.random.normal(()).shape == ()
    assert rp.random.randint((), 5).shape == ()


def test_draws_need_no_gradient_and_do_not_grow_a_tape() -> None:
    generator = seeded()
    x = rp.random.uniform((2,), generator=generator)
    assert not x.requires_grad
    assert x.is_leaf
    assert generator.state.is_leaf


MISUSE: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: rp.random.uniform((-1,)), ShapeError, "uniform: .* is not a shape"),
    (lambda: rp.random.uniform((2.5,)), ShapeError, "uniform: .* is not a shape"),
    (lambda: rp.random.uniform((2,), dtype=rp.int64), DTypeError, "int64 is not a floating type"),
    (lambda: rp.random.uniform((2,), 1.0, 0.0), ArgumentError, "low is 1.0, high is 0.0"),
    (lambda: rp.random.normal((2,), std=-1.0), ArgumentError, "std is -1.0"),
    (lambda: rp.random.normal((2,), rp.zeros((3, 2))), ShapeError, "do not broadcast"),
    (lambda: rp.random.bernoulli((2,), 1.5), ArgumentError, "p is 1.5"),
    (lambda: rp.random.randint((2,), 5, 5), ArgumentError, "no int64 is from 5 to 5 - 1"),
    (lambda: rp.random.randint((2,), 300, dtype=rp.uint8), ArgumentError, "no uint8 is from 0"),
    (lambda: rp.random.randint((2,), 3, dtype=rp.float32), DTypeError, "not an integer type"),
    (lambda: rp.random.permutation(-1), ArgumentError, "there are no -1 numbers"),
    (lambda: rp.random.exponential((2,), 0.0), ArgumentError, "rate is 0.0"),
    (lambda: rp.random.truncated_normal((2,), low=2.0, high=1.0), ArgumentError, "low is 2.0"),
    (lambda: rp.random.truncated_normal((2,), low=50.0, high=60.0), ArgumentError, "deviations"),
    (lambda: rp.random.categorical((), rp.asarray([1, 2])), DTypeError, "must be floating"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_explained(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

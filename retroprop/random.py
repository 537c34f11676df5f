"""Random tensors: `rp.random`. Same generator state, same numbers, bit for bit.

Every draw takes the shape first, then parameters, and by name `dtype` (float32) and `generator`
(the default one, see `manual_seed`). Gradients flow into the parameters of `uniform` and `normal`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from retroprop import dtypes, shapes
from retroprop.core.faces import astype
from retroprop.core.quantile import normal_quantile
from retroprop.core.rng import Generator, default_generator, manual_seed
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, ShapeError
from retroprop.ops.arithmetic import divide, minimum, negative, sqrt, where
from retroprop.ops.comparison import less
from retroprop.ops.exponential import log, log1p
from retroprop.ops.indexing import take
from retroprop.ops.movement import cast, concatenate, reshape, take_slice
from retroprop.ops.searching import argmax, argsort
from retroprop.ops.trigonometric import cos, sin

__all__ = [
    "Generator",
    "bernoulli",
    "bits",
    "categorical",
    "default_generator",
    "exponential",
    "gumbel",
    "manual_seed",
    "normal",
    "permutation",
    "randint",
    "truncated_normal",
    "uniform",
]

Shape = int | Sequence[int]


def bits(shape: Shape, bits: int = 32, *, generator: Generator | None = None) -> Tensor:
    """Uniform integers in [0, 2**bits): uint32 up to 32 bits, uint64 up to 64.

    Example:
        >>> import retroprop as rp
        >>> rp.random.bits((2, 3)).dtype
        dtype('uint32')
    """
    return _source(generator).bits(_shape("bits", shape), bits)


def uniform(
    shape: Shape,
    low: Any = 0.0,
    high: Any = 1.0,
    *,
    dtype: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Uniform numbers in [low, high): the low end can occur, the high end cannot.

    Between 0 and 1 they are the multiples of 2**-24 (float32) or 2**-53 (float64).

    Args:
        shape:     of the result.
        low, high: numbers, or tensors that broadcast to the shape.
        dtype:     a floating type; float32 by default.
        generator: the default one if None.

    Example:
        >>> import retroprop as rp
        >>> x = rp.random.uniform((1000,), -1.0, 1.0, generator=rp.random.Generator(0))
        >>> bool(rp.min(x) >= -1), bool(rp.max(x) < 1), abs(rp.mean(x).item()) < 0.05
        (True, True, True)
    """
    dims, kind = _shape("uniform", shape), _floating("uniform", dtype)
    if _numbers(low, high) and not low <= high:
        raise ArgumentError(f"uniform: low is {low}, high is {high}", fix="low must not be above")
    unit = _unit(_source(generator), dims, _work(kind))
    if _numbers(low, high) and (low, high) == (0, 1):
        return astype(unit, kind)
    stretched = astype(unit * (high - low) + low, kind)
    below: Tensor = where(less(stretched, high), stretched, low)
    return below


def normal(
    shape: Shape,
    mean: Any = 0.0,
    std: Any = 1.0,
    *,
    dtype: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Normally distributed numbers.

    Args:
        shape:     of the result.
        mean, std: numbers, or tensors that broadcast to the shape.
        dtype:     a floating type; float32 by default.
        generator: the default one if None.

    Numerics: Box-Muller. The radius comes from 32 (float64: 53) bits, so the tails reach out to 6.6
    (8.6) standard deviations, and no rounding but that of log, sqrt, sin and cos enters.

    Example:
        >>> import retroprop as rp
        >>> x = rp.random.normal((10000,), 5.0, 2.0, generator=rp.random.Generator(0))
        >>> abs(rp.mean(x).item() - 5) < 0.1, abs(rp.std(x).item() - 2) < 0.1
        (True, True)

    Source: Box and Muller 1958, A note on the generation of random normal deviates.
    """
    dims, kind = _shape("normal", shape), _floating("normal", dtype)
    if _numbers(std) and std < 0:
        raise ArgumentError(f"normal: std is {std}, it must not be negative")
    source, work, count = _source(generator), _work(kind), shapes.size(dims)
    half = -(-count // 2)
    width = 32 if work == dtypes.float32 else 53
    drawn = cast(source.bits((2, half), width), dtype=work)
    radius = sqrt(-2.0 * log((take_slice(drawn, key=(0,)) + 1.0) * 2.0**-width))
    angle = take_slice(drawn, key=(1,)) * (2.0 * math.pi * 2.0**-width)
    both = concatenate(radius * cos(angle), radius * sin(angle), axis=0)
    flat = both if 2 * half == count else take_slice(both, key=(slice(0, count),))
    return _moved(astype(reshape(flat, dims), kind), mean, std)


def truncated_normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    *,
    dtype: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Normally distributed numbers given that they lie in [low, high].

    Args:
        shape:     of the result.
        mean, std: of the normal distribution before it is cut.
        low, high: the ends, as values (not in units of std).
        dtype:     a floating type; float32 by default.
        generator: the default one if None.

    Numerics: inverse distribution function in float64, in the lower tail, where it is accurate.

    Example:
        >>> import retroprop as rp
        >>> x = rp.random.truncated_normal((1000,), std=3.0, generator=rp.random.Generator(0))
        >>> bool(rp.all(x >= -2)) and bool(rp.all(x <= 2))
        True
    """
    dims, kind = _shape("truncated_normal", shape), _floating("truncated_normal", dtype)
    if std <= 0 or not low < high:
        raise ArgumentError(
            f"truncated_normal: std is {std}, low is {low}, high is {high}",
            fix="std must be positive and low below high",
        )
    start, stop = (low - mean) / std, (high - mean) / std
    flip = start + stop > 0  # the upper tail is the lower one, mirrored
    if flip:
        start, stop = -stop, -start
    below, above = (0.5 * math.erfc(-end / math.sqrt(2.0)) for end in (start, stop))
    if above <= 0.0:
        raise ArgumentError(
            f"truncated_normal: [{low}, {high}] lies over 37 deviations off the mean {mean}"
        )
    unit = _open_unit(_source(generator), dims, dtypes.float64)
    drawn = normal_quantile(unit * (above - below) + below)
    value = (negative(drawn) if flip else drawn) * std + mean
    inside = where(less(value, low), low, where(less(value, high), value, high))
    return astype(inside, kind)


def bernoulli(
    shape: Shape, p: Any = 0.5, *, dtype: Any = dtypes.bool, generator: Generator | None = None
) -> Tensor:
    """True with probability p, False otherwise.

    Args:
        shape:     of the result.
        p:         a number from 0 to 1, or a tensor of them that broadcasts to the shape.
        dtype:     of the result: bool by default, or a number type for ones and zeros.
        generator: the default one if None.

    Example:
        >>> import retroprop as rp
        >>> rp.random.bernoulli((3,), 1.0).tolist()
        [True, True, True]
    """
    dims = _shape("bernoulli", shape)
    if _numbers(p) and not 0 <= p <= 1:
        raise ArgumentError(f"bernoulli: p is {p}, a probability is from 0 to 1")
    drawn = less(_unit(_source(generator), dims, dtypes.float32), p)
    return astype(drawn, dtype)


def randint(
    shape: Shape,
    low: int,
    high: int | None = None,
    *,
    dtype: Any = dtypes.int64,
    generator: Generator | None = None,
) -> Tensor:
    """Whole numbers from low to high - 1, all equally likely; from 0 when only one bound is given.

    They are 64-bit words modulo the number of values, so no value is favoured by more than the
    number of values divided by 2**64.

    Example:
        >>> import retroprop as rp
        >>> sorted(set(rp.random.randint((200,), 1, 7).tolist()))
        [1, 2, 3, 4, 5, 6]
    """
    dims, kind = _shape("randint", shape), dtypes.canonical(dtype)
    low, high = (0, low) if high is None else (low, high)
    if not dtypes.is_integer(kind):
        raise DTypeError(f"randint: {kind} is not an integer type", fix="use rp.random.uniform")
    limits = dtypes.iinfo(kind)
    if not (limits.min <= low < high <= limits.max + 1) or high - low >= 1 << 63:
        raise ArgumentError(f"randint: no {kind} is from {low} to {high} - 1")
    word = _source(generator).bits(dims, 64)
    offset: Tensor = cast(word % (high - low), dtype=dtypes.int64)
    return astype(offset + low, kind)


def permutation(x: Any, *, axis: int = 0, generator: Generator | None = None) -> Tensor:
    """The numbers below x in random order, or a tensor's slices along an axis in random order.

    Example:
        >>> import retroprop as rp
        >>> sorted(rp.random.permutation(4).tolist())
        [0, 1, 2, 3]
    """
    if isinstance(x, int) or (hasattr(x, "__index__") and not isinstance(x, Tensor)):
        if x.__index__() < 0:
            raise ArgumentError(f"permutation: there are no {x} numbers")
        return _order(_source(generator), x.__index__())
    tensor = x if isinstance(x, Tensor) else Tensor(x)
    at = shapes.normalise_axis(axis, tensor.ndim, "permutation")
    taken: Tensor = take(tensor, _order(_source(generator), tensor.shape[at]), axis=at)
    return taken


def exponential(
    shape: Shape, rate: Any = 1.0, *, dtype: Any = None, generator: Generator | None = None
) -> Tensor:
    """Exponentially distributed numbers, above 0, with mean 1 / rate.

    Example:
        >>> import retroprop as rp
        >>> bool(rp.all(rp.random.exponential((100,)) > 0))
        True
    """
    dims, kind = _shape("exponential", shape), _floating("exponential", dtype)
    if _numbers(rate) and rate <= 0:
        raise ArgumentError(f"exponential: rate is {rate}, it must be positive")
    drawn = negative(log1p(negative(_open_unit(_source(generator), dims, _work(kind)))))
    return astype(divide(drawn, rate), kind)


def gumbel(shape: Shape, *, dtype: Any = None, generator: Generator | None = None) -> Tensor:
    """Numbers with the standard Gumbel distribution: minus the log of exponential ones.

    Example:
        >>> import retroprop as rp
        >>> x = rp.random.gumbel((10000,), generator=rp.random.Generator(0))
        >>> abs(rp.mean(x).item() - 0.5772) < 0.05
        True
    """
    dims, kind = _shape("gumbel", shape), _floating("gumbel", dtype)
    drawn = exponential(dims, dtype=_work(kind), generator=generator)
    return astype(negative(log(drawn)), kind)


def categorical(
    shape: Shape, logits: Any, *, axis: int = -1, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with probabilities softmax(logits) along an axis.

    Args:
        shape:     of what is drawn for each row of logits; () for one index.
        logits:    log-probabilities up to a constant, floating; -inf is never drawn.
        axis:      the axis of logits that is drawn from.
        generator: the default one if None.

    Returns:
        (*shape, *logits.shape without the axis), int64.

    Example:
        >>> import retroprop as rp
        >>> rp.random.categorical((3,), [-float("inf"), 0.0]).tolist()
        [1, 1, 1]

    Source: Gumbel 1954; the largest of logits with Gumbel noise falls on i with probability p_i.
    """
    dims = _shape("categorical", shape)
    given = logits if isinstance(logits, Tensor) else Tensor(logits)
    if not dtypes.is_floating(given.dtype):
        raise DTypeError(f"categorical: logits are {given.dtype}, they must be floating")
    at = shapes.normalise_axis(axis, given.ndim, "categorical")
    noise = gumbel((*dims, *given.shape), dtype=_work(given.dtype), generator=generator)
    drawn: Tensor = argmax(given.detach() + noise, axis=len(dims) + at)
    return drawn


def _source(generator: Generator | None) -> Generator:
    return default_generator() if generator is None else generator


def _shape(name: str, shape: Shape) -> tuple[int, ...]:
    """A shape as a tuple; a single size is one axis."""
    dims = (shape,) if hasattr(shape, "__index__") else tuple(shape)
    if not all(hasattr(n, "__index__") and n.__index__() >= 0 for n in dims):
        raise ShapeError(f"{name}: {shape!r} is not a shape", fix="give sizes, such as (2, 3)")
    return tuple(n.__index__() for n in dims)


def _floating(name: str, dtype: Any) -> Any:
    """The dtype of a draw, which has to be floating."""
    kind = dtypes.default_float if dtype is None else dtypes.canonical(dtype)
    if not dtypes.is_floating(kind):
        raise DTypeError(f"{name}: {kind} is not a floating type", fix="use rp.random.randint")
    return kind


def _work(dtype: Any) -> Any:
    """The dtype numbers are drawn in: 16-bit ones are rounded from float32."""
    return dtypes.float64 if dtype == dtypes.float64 else dtypes.float32


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _unit(source: Generator, shape: tuple[int, ...], dtype: Any) -> Tensor:
    """Uniform in [0, 1): as many bits as the dtype holds exactly."""
    width = 24 if dtype == dtypes.float32 else 53
    unit: Tensor = cast(source.bits(shape, width), dtype=dtype) * 2.0**-width
    return unit


def _open_unit(source: Generator, shape: tuple[int, ...], dtype: Any) -> Tensor:
    """Uniform in (0, 1), fine near 0 and never 1."""
    width, largest = (32, 1 - 2.0**-24) if dtype == dtypes.float32 else (53, 1 - 2.0**-53)
    unit: Tensor = (cast(source.bits(shape, width), dtype=dtype) + 0.5) * 2.0**-width
    below_one: Tensor = minimum(unit, largest)
    return below_one


def _moved(x: Tensor, mean: Any, std: Any) -> Tensor:
    """x stretched and moved, keeping its shape and dtype; skipped where nothing would change."""
    result = x if _numbers(std) and std == 1 else x * std
    result = result if _numbers(mean) and mean == 0 else result + mean
    if result.shape != x.shape:
        raise ShapeError(f"normal: mean and std do not broadcast to the shape {x.shape}")
    return astype(result, x.dtype)


def _order(source: Generator, count: int) -> Tensor:
    """0 .. count - 1 in the order of 64-bit random words."""
    order: Tensor = argsort(source.bits((count,), 64))
    return order

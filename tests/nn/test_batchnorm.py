"""Batch and instance normalisation layers: statistics, modes, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ShapeError


def normal(*shape: int) -> Any:
    return np.random.default_rng(0).normal(3.0, 2.0, size=shape).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_batches_are_normalised_by_channel(count: int) -> None:
    x = normal(8, 3, *(4,) * count)
    layer: Any = getattr(nn, f"BatchNorm{count}d")(3)
    y = layer(rp.asarray(x)).detach().numpy()
    axes = (0, *range(2, count + 2))
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axes), 1, rtol=1e-4)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * x.mean(axes), rtol=1e-5)
    var = 0.9 + 0.1 * x.var(axes, ddof=1)
    np.testing.assert_allclose(layer.running_var.numpy(), var, rtol=1e-5)
    assert layer.num_batches_tracked.item() == 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_samples_are_normalised_by_channel(count: int) -> None:
    x = normal(8, 3, *(4,) * count)
    layer: Any = getattr(nn, f"InstanceNorm{count}d")(3)
    y = layer(rp.asarray(x)).numpy()
    axes = tuple(range(2, count + 2))
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-5)
    assert layer.running_mean is None
    assert layer.weight is None
    assert layer(rp.asarray(x[0])).tolist() == layer(rp.asarray(x[:1]))[0].tolist()


def test_evaluation_uses_the_running_statistics() -> None:
    x = normal(64, 3, 5)
    layer = nn.BatchNorm1d(3, momentum=1.0)
    y = layer(rp.asarray(x))
    layer.eval()
    z = layer(rp.asarray(x[:1]))
    assert z.shape == (1, 3, 5)
    np.testing.assert_allclose(z.detach().numpy(), y.detach().numpy()[:1], atol=1e-2)
    assert layer.num_batches_tracked.item() == 1


def test_momentum_none_averages_all_batches() -> None:
    layer = nn.BatchNorm1d(2, momentum=None)
    batches = [normal(4, 2) + i for i in range(3)]
    for batch in batches:
        layer(rp.asarray(batch))
    expected = np.mean([b.mean(0) for b in batches], axis=0)
    np.testing.assert_allclose(layer.running_mean.numpy(), expected, rtol=1e-5)


def test_statistics_are_forgotten() -> None:
    layer = nn.BatchNorm1d(2)
    layer(rp.asarray(normal(4, 2)))
    with rp.no_grad():
        layer.weight.assign([5.0, 6.0])
    layer.reset_parameters()
    assert layer.weight.tolist() == [1.0, 1.0]
    assert layer.running_mean.tolist() == [0.0, 0.0]
    assert layer.running_var.tolist() == [1.0, 1.0]
    assert layer.num_batches_tracked.item() == 0


def test_without_statistics_or_parameters() -> None:
    layer = nn.BatchNorm2d(3, affine=False, track_running_stats=False)
    assert list(layer.state_dict()) == []
    x = rp.asarray(normal(4, 3, 2, 2))
    assert layer(x).tolist() == layer.eval()(x).tolist()


def test_gradients_do_not_reach_the_statistics() -> None:
    layer = nn.BatchNorm1d(2)
    layer(rp.tensor(normal(4, 2), requires_grad=True))
    for buffer in layer.buffers():
        assert not buffer.requires_grad


@pytest.mark.parametrize(
    ("layer", "shape", "match", "fix"),
    [
        (nn.BatchNorm2d(3), (4, 3), "BatchNorm2d expects .* got", "BatchNorm1d"),
        (nn.BatchNorm1d(3), (4, 3, 5, 5), "BatchNorm1d expects", "use BatchNorm2d"),
        (nn.BatchNorm2d(3), (4, 8, 8, 3), "3 channels, height", "rp.permute_dims"),
        (nn.BatchNorm2d(3), (4, 6, 8, 8), r"got \(4, 6, 8, 8\)", "nn.BatchNorm2d(6)"),
        (nn.BatchNorm1d(3), (1, 3), "1 values per channel", "larger batch"),
        (nn.BatchNorm2d(3), (0, 3, 2, 2), "0 values per channel", "larger batch"),
        (nn.InstanceNorm2d(3), (4, 5, 8, 8), "InstanceNorm2d expects", "nn.InstanceNorm2d(5)"),
        (nn.InstanceNorm1d(3), (4, 3, 1), "1 values per channel of a sample", "more than one"),
    ],
    ids=repr,
)
def test_misfits_come_with_a_way_out(
    layer: Any, shape: tuple[int, ...], match: str, fix: str
) -> None:
    with pytest.raises(ShapeError, match=match) as caught:
        layer(rp.ones(shape))
    assert fix in str(caught.value)

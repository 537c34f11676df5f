"""Dropout functions: rates, scales, gradients, arguments."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_rate_and_scale(p: float) -> None:
    y = F.dropout(rp.ones((200, 100)), p).numpy()
    assert abs((y == 0).mean() - p) < 0.02
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-5)


def test_defaults_follow_pytorch() -> None:
    x = rp.ones(100)
    assert (F.dropout(x).numpy() == 0).any()
    assert F.dropout(x, training=False) is x
    assert F.alpha_dropout(x) is x
    assert F.feature_alpha_dropout(rp.ones((2, 3)), 0.5).tolist() == [[1.0] * 3] * 2


def test_channels_are_dropped_whole() -> None:
    y = F.dropout2d(rp.ones((50, 20, 2, 3)), 0.5).numpy()
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :, :1, :1], y.shape))
    assert 0.4 < (y[:, :, 0, 0] == 0).mean() < 0.6
    assert F.dropout1d(rp.ones((20, 3))).shape == (20, 3)
    assert F.dropout3d(rp.ones((2, 3, 2, 2, 2)), 1.0).sum().item() == 0


def test_alpha_dropout_puts_one_value_for_what_it_drops() -> None:
    x = rp.random.normal((100, 100))
    y = F.alpha_dropout(x, 0.3, training=True).numpy()
    values, counts = np.unique(y, return_counts=True)
    assert abs(counts.max() / y.size - 0.3) < 0.02
    assert values[counts.argmax()] < -1
    assert abs(y.mean()) < 0.03
    assert abs(y.std() - 1) < 0.03


def test_gradients_pass_through_the_same_mask() -> None:
    x = rp.tensor(np.ones((5, 8, 3), np.float32), requires_grad=True)
    for function in (F.dropout, F.dropout1d):
        x.grad = None
        y = function(x, 0.4)
        y.sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())


def test_in_place() -> None:
    x = rp.ones(50)
    assert F.dropout(x, inplace=True) is x
    assert set(x.tolist()) == {0.0, 2.0}
    z = rp.ones((2, 3, 4))
    assert F.dropout1d(z, 1.0, inplace=True) is z
    assert z.sum().item() == 0


def test_misuse() -> None:
    for function in (F.dropout, F.alpha_dropout, F.feature_alpha_dropout, F.dropout1d):
        with pytest.raises(ArgumentError, match=r"p is -0\.1, a probability"):
            function(rp.ones((2, 3)), -0.1)
    with pytest.raises(ShapeError, match="with 3 spatial axes"):
        F.dropout3d(rp.ones((2, 3)))
    with pytest.raises(ShapeError, match="feature_alpha_dropout expects"):
        F.feature_alpha_dropout(rp.ones(3))

"""The network: quantiles in order, a start at the naive forecast, causal convolutions."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError
from retroprop.tasks.series.network import Forecaster, TemporalBlock, band_loss, price_loss

RNG = np.random.default_rng(0)


def inputs():
    shapes = ((5, 12, 3), (5, 4, 6), (5, 3))
    return [rp.asarray(RNG.normal(size=shape).astype(np.float32)) for shape in shapes]


@pytest.mark.parametrize("model", ["gru", "lstm", "tcn"])
def test_quantiles_never_cross_and_begin_near_the_naive_forecast(model):
    rp.manual_seed(0)
    net = Forecaster(model, (3, 6, 3), 12, 4, 8, 1, 0.0, fold=3)
    out = net(*inputs()).numpy()
    assert out.shape == (5, 4, 3)
    assert np.abs(out[..., 1]).max() < 0.3
    state = net.state_dict()
    net.load_state_dict({
        name: rp.asarray(RNG.normal(size=value.shape).astype(np.float32))
        for name, value in state.items()
    })  # fmt: skip
    out = net(*inputs()).numpy()
    assert (np.diff(out, axis=2) >= 0).all()


def test_prices_have_a_variance_that_begins_at_that_of_garch():
    net = Forecaster("gru", (3, 6, 3), 12, 4, 8, 1, 0.0, finance=True)
    given = inputs()
    out = net(*given).numpy()
    np.testing.assert_allclose(out[..., 3], given[1].numpy()[..., -1], atol=0.2)


def test_a_block_looks_at_nothing_later():
    rp.manual_seed(0)
    block = TemporalBlock(2, 3, 2, 0.0)
    x = RNG.normal(size=(1, 2, 20)).astype(np.float32)
    before = block(rp.asarray(x)).numpy()
    x[:, :, 12:] += 1
    after = block(rp.asarray(x)).numpy()
    np.testing.assert_array_equal(before[:, :, :12], after[:, :, :12])
    assert (before[:, :, 12] != after[:, :, 12]).any()


def test_an_unknown_model_is_named():
    with pytest.raises(ArgumentError, match="unknown model 'grue'"):
        Forecaster("grue", (1, 1, 1), 4, 1, 4, 1, 0.0)


def test_unknown_values_do_not_count_in_the_loss():
    target = np.zeros((1, 2, 2), np.float32)
    target[0, 0] = 1, 1
    target[0, 1] = 100, 0
    loss = band_loss(rp.zeros((1, 2, 3)), rp.asarray(target)).item()
    assert loss == pytest.approx((0.1 + 0.5 + 0.9) / 3, rel=1e-5)


def test_the_variance_that_fits_costs_least():
    returns = (2 * RNG.normal(size=(200, 1))).astype(np.float32)
    target = np.stack([np.zeros_like(returns), np.ones_like(returns), returns], axis=2)

    def cost(log_variance):
        guess = np.zeros((200, 1, 4), np.float32)
        guess[..., 3] = log_variance
        return price_loss(rp.asarray(guess), rp.asarray(target)).item()

    true = float(np.log((returns**2).mean()))
    assert cost(true) < min(cost(true - 0.5), cost(true + 0.5))

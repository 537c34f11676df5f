"""A small network with everything that has state, to be trained eagerly and compiled."""

from __future__ import annotations

import numpy as np

import retroprop as rp
from retroprop import nn, optim

__all__ = ["Training", "batches", "numpy", "same"]


F = nn.functional


def numpy(function):
    return rp.compile(function, backend="numpy", verbose=False)


def batches(steps, batch=8, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((steps, batch, 5)).astype(np.float32)
    return rp.asarray(x), rp.asarray(rng.integers(0, 3, (steps, batch)))


class Training:
    """A small network with everything that has state."""

    def __init__(self, make=optim.Adam, wrap=lambda step: step, clip=None, last=False, **options):
        rp.manual_seed(0)
        self.model = nn.Sequential(
            nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3)
        )
        self.opt = make(list(self.model.parameters()), **options)

        def step(x, y):
            loss = F.cross_entropy(self.model(x), y)
            if not last:
                self.opt.zero_grad()
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(self.model.parameters(), clip)
            self.opt.step()
            if last:
                self.opt.zero_grad()
            return loss

        self.step = wrap(step)
        rp.manual_seed(1)

    def run(self, steps, **options):
        return [self.step(x, y).item() for x, y in zip(*batches(steps, **options), strict=True)]

    def state(self):
        cells = {**self.model.state_dict(), **self.opt.tensors()}
        return {name: np.array(cell.detach().numpy()) for name, cell in cells.items()}


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)

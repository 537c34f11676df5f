"""What steps may change is found, and put back."""

from __future__ import annotations

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.train.rates.kept import Kept, reach

GLOBAL = rp.ones(1)


def reaches(root, wanted):
    return any(found is wanted for found in reach(root))


def test_variables_of_functions_are_found():
    inner, default = rp.zeros(1), rp.zeros(2)

    def step(x, scale=default):
        return inner * x * scale + GLOBAL

    for wanted in (inner, default, GLOBAL):
        assert reaches(step, wanted)
    assert reaches(rp.compile(step), inner)
    assert reaches(lambda x: step(x), inner)


def test_attributes_and_containers_are_found():
    class Model:
        def __init__(self):
            self.parts = {"a": [nn.Linear(2, 2)], "b": (rp.random.Generator(1),)}

        def step(self):
            return self.parts

    model = Model()
    assert reaches(model.step, model.parts["a"][0].weight)
    assert reaches(model, model.parts["b"][0].state)
    itself = []
    itself.append(itself)
    assert list(reach(itself)) == [itself]


def test_a_variable_without_a_value_is_no_obstacle():
    def step():
        return later

    assert list(reach(step)) == [step]
    later = 1
    assert later


def test_cells_modes_schedules_and_generators_come_back():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    optimizer = optim.Adam(model.parameters(), lr=optim.schedule.constant(0.5))
    draw, seeded = np.random.default_rng(1), rp.random.Generator(4)
    model.eval()
    model[1].train()
    kept = Kept(model, optimizer, draw, seeded)
    schedule, weight = optimizer.param_groups[0].schedule, model[0].weight.numpy().copy()
    first = draw.random(), rp.random.uniform((), generator=seeded).item()
    kept.put_back()
    optimizer.lr = 0.1
    seeded.manual_seed(9)
    model.train()
    model(rp.ones((3, 2))).sum().backward()
    optimizer.step()
    kept.put_back()
    assert optimizer.param_groups[0].schedule is schedule
    assert (optimizer.lr, optimizer.count.item(), seeded.seed) == (0.5, 0, 4)
    assert model[0].weight.grad is None
    np.testing.assert_array_equal(model[0].weight.numpy(), weight)
    assert model[1].running_mean.tolist() == [0.0, 0.0]
    assert [m.training for m in (model, model[0], model[1])] == [False, False, True]
    assert first == (draw.random(), rp.random.uniform((), generator=seeded).item())


def test_a_tensor_that_did_not_change_keeps_its_history():
    w = rp.tensor([2.0], requires_grad=True)
    product = w * 3
    kept = Kept(product)
    kept.put_back()
    product.backward()
    assert w.grad.item() == 3

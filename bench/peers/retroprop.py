"""retroprop itself: `rp.compile` of the whole step; one step a call, or many."""

from __future__ import annotations

from typing import Any

from workloads import Workload

import retroprop as rp
from peers import Program, batches
from retroprop import nn, optim
from retroprop.nn import functional as F


class MLP(nn.Module):
    """The network of a workload."""

    def __init__(self, workload: Workload):
        super().__init__()
        self.fc = nn.ModuleList(nn.Linear(*sizes) for sizes in workload.layers)
        self.activation = {"relu": F.relu, "tanh": F.tanh}[workload.activation]

    def forward(self, x: Any) -> Any:
        """The outputs of the last layer."""
        *hidden, last = self.fc
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


def make(workload: Workload, *, many: bool = False, eager: bool = False) -> Program:
    """The training loop: one native call a step, `many` steps in it, or `eager`, as Python runs."""
    model = MLP(workload)
    model.load_state_dict({name: rp.asarray(w) for name, w in workload.weights().items()})
    optimizer = {"sgd": optim.SGD, "adam": optim.Adam}[workload.optimizer](
        model.parameters(), lr=workload.lr
    )
    loss_of = {"cross_entropy": F.cross_entropy, "mse": F.mse_loss}[workload.loss]

    def step(x: Any, y: Any) -> Any:
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    if eager:
        return Program(lambda x, y: step(x, y).detach(), *batches(workload, rp.asarray))
    compiled = rp.compile(step)
    if many:
        x, y = workload.many()
        return Program(compiled.many, [rp.asarray(x)], [rp.asarray(y)], len(x))
    return Program(compiled, *batches(workload, rp.asarray))

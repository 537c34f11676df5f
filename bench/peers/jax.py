"""JAX with optax: the whole step under one `jit` with donated state, or many in a `lax.scan`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from workloads import Workload

from peers import Program, batches


def make(workload: Workload, *, scan: bool = False) -> Program:
    """The training loop: one step a call, or many of them in one `lax.scan`."""
    one = training_step(workload)

    def several(state: Any, x: Any, y: Any) -> Any:
        return lax.scan(lambda state, batch: one(state, *batch), state, (x, y))

    compiled = jax.jit(several if scan else one, donate_argnums=0)
    state = initial_state(workload)

    def step(x: Any, y: Any) -> Any:
        nonlocal state
        state, loss = compiled(state, x, y)
        return loss

    if scan:
        x, y = workload.many()
        return Program(step, [on_device(x)], [on_device(y)], len(x))
    return Program(step, *batches(workload, on_device))


def on_device(array: np.ndarray) -> Any:
    """An array of JAX's; it has no 64-bit integers unless asked."""
    return jax.device_put(array.astype(np.int32) if array.dtype == np.int64 else array)


def optimizer_of(workload: Workload) -> Any:
    """The optimizer of the workload."""
    return {"sgd": optax.sgd, "adam": optax.adam}[workload.optimizer](workload.lr)


def initial_state(workload: Workload) -> Any:
    """Weights (inputs, outputs) and the state of the optimizer."""
    weights = {name: on_device(np.ascontiguousarray(w.T)) for name, w in workload.weights().items()}
    return weights, optimizer_of(workload).init(weights)


def training_step(workload: Workload) -> Any:
    """step(state, x, y) -> new state, loss."""
    optimizer, last = optimizer_of(workload), len(workload.layers) - 1
    activation = {"relu": jax.nn.relu, "tanh": jnp.tanh}[workload.activation]

    def loss_of(weights: Any, x: Any, y: Any) -> Any:
        for i in range(last + 1):
            x = x @ weights[f"fc.{i}.weight"] + weights[f"fc.{i}.bias"]
            x = x if i == last else activation(x)
        if workload.loss == "mse":
            return jnp.square(x - y).mean()
        return optax.softmax_cross_entropy_with_integer_labels(x, y).mean()

    def step(state: Any, x: Any, y: Any) -> Any:
        weights, memory = state
        loss, gradients = jax.value_and_grad(loss_of)(weights, x, y)
        updates, memory = optimizer.update(gradients, memory, weights)
        return (optax.apply_updates(weights, updates), memory), loss

    return step

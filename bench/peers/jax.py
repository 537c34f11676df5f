"""JAX with optax: the whole step under one `jit` with donated state, or many in a `lax.scan`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import layers
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
        return Program(step, [data_on_device(workload)(x)], [on_device(y)], len(x))
    return Program(step, *batches(workload, data_on_device(workload)))


def on_device(array: np.ndarray) -> Any:
    """An array of JAX's; it has no 64-bit integers unless asked."""
    return jax.device_put(array.astype(np.int32) if array.dtype == np.int64 else array)


def data_on_device(workload: Workload) -> Any:
    """How a batch is handed over: images channels last."""

    def convert(array: np.ndarray) -> Any:
        if workload.is_image and array.dtype == np.float32:
            array = np.ascontiguousarray(np.moveaxis(array, -3, -1))
        return on_device(array)

    return convert


def optimizer_of(workload: Workload) -> Any:
    """The optimizer of the workload."""
    if workload.clip:
        cut = optax.clip_by_global_norm(workload.clip)
        return optax.chain(cut, optax.adam(workload.lr))
    if workload.optimizer == "adam":
        return optax.adam(workload.lr)
    if workload.optimizer == "adamw":
        return optax.adamw(workload.lr, weight_decay=workload.decay)
    return optax.sgd(workload.lr, 0.9 if workload.optimizer == "momentum" else None)


def initial_state(workload: Workload) -> Any:
    """Weights (inputs, outputs) or (*window, inputs, outputs), and the state of the optimizer."""

    def turned(w: np.ndarray) -> np.ndarray:
        return w.T if w.ndim < 4 else w.transpose(2, 3, 1, 0)

    tables = ("0.weight", "0.places") if workload.tokens else ()
    weights = {
        name: on_device(np.ascontiguousarray(w if name in tables else turned(w)))
        for name, w in workload.weights().items()
    }
    return weights, optimizer_of(workload).init(weights)


def layer_norm(weights: Any, name: str, x: Any) -> Any:
    """Each line with mean 0 and variance 1, scaled and moved."""
    x = x - x.mean(-1, keepdims=True)
    scale = lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-5)
    return x * scale * weights[f"{name}weight"] + weights[f"{name}bias"]


def recurrent(layer: layers.Recurrent, weights: Any, x: Any, name: str, depth: int) -> Any:
    """One layer of LSTM or GRU: the inputs' share at once, then the steps."""

    def of(part: str) -> Any:
        return weights[f"{name}{part}_l{depth}"]

    share = x.swapaxes(0, 1) @ of("weight_ih") + of("bias_ih")
    w, b, zero = of("weight_hh"), of("bias_hh"), jnp.zeros((len(x), layer.hidden))

    def lstm(state: Any, z: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(z + h @ w, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def gru(h: Any, z: Any) -> Any:
        zr, zz, zn = jnp.split(z, 3, -1)
        hr, hz, hn = jnp.split(h @ w + b, 3, -1)
        r, u = jax.nn.sigmoid(zr + hr), jax.nn.sigmoid(zz + hz)
        h = (1 - u) * jnp.tanh(zn + r * hn) + u * h
        return h, h

    if layer.kind == "LSTM":
        return lax.scan(lstm, (zero, zero), share + b)[1].swapaxes(0, 1)
    return lax.scan(gru, zero, share)[1].swapaxes(0, 1)


def block(layer: layers.Block, weights: Any, x: Any, name: str) -> Any:
    """Attention, then the dense part."""

    def dense(part: str, x: Any) -> Any:
        return x @ weights[f"{name}{part}.weight"] + weights[f"{name}{part}.bias"]

    batch, time, d = x.shape
    heads = dense("qkv", layer_norm(weights, f"{name}ln1.", x))
    q, k, v = jnp.moveaxis(heads.reshape(batch, time, 3, layer.heads, -1), 2, 0)
    a = jnp.einsum("bthe,bshe->bhts", q, k) * (d // layer.heads) ** -0.5
    a = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((time, time), bool)), a, -1e30), -1)
    x = x + dense("proj", jnp.einsum("bhts,bshe->bthe", a, v).reshape(batch, time, d))
    return x + dense("fc2", jax.nn.gelu(dense("fc1", layer_norm(weights, f"{name}ln2.", x))))


def run(described: Any, weights: Any, x: Any, path: str = "") -> Any:
    """What layers make of x, channels last."""
    for i, layer in enumerate(described):
        name = f"{path}{i}"
        match layer:
            case layers.Linear():
                x = x @ weights[f"{name}.weight"]
                x = x + weights[f"{name}.bias"] if layer.bias else x
            case layers.Conv():
                x = lax.conv_general_dilated(
                    x,
                    weights[f"{name}.weight"],
                    (layer.stride,) * 2,
                    ((layer.padding,) * 2,) * 2,
                    dimension_numbers=("NHWC", "HWIO", "NHWC"),
                    feature_group_count=layer.groups,
                )
                x = x + weights[f"{name}.bias"] if layer.bias else x
            case layers.Norm():
                scale = lax.rsqrt(x.var((0, 1, 2)) + 1e-5) * weights[f"{name}.weight"]
                x = (x - x.mean((0, 1, 2))) * scale + weights[f"{name}.bias"]
            case layers.Activation():
                x = {"relu": jax.nn.relu, "tanh": jnp.tanh}[layer.name](x)
            case layers.MaxPool():
                window, stride, pad = layer.window, layer.stride, (layer.padding,) * 2
                x = lax.reduce_window(
                    x,
                    -jnp.inf,
                    lax.max,
                    (1, window, window, 1),
                    (1, stride, stride, 1),
                    ((0, 0), pad, pad, (0, 0)),
                )
            case layers.Mean():
                x = x.mean((1, 2))
            case layers.Flatten():
                x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
            case layers.Embedding():
                x = weights[f"{name}.weight"][x]
                x = x + weights[f"{name}.places"] if layer.places else x
            case layers.Recurrent():
                for depth in range(layer.depth):
                    x = recurrent(layer, weights, x, f"{name}.", depth)
            case layers.LastStep():
                x = x[:, -1]
            case layers.LayerNorm():
                x = layer_norm(weights, f"{name}.", x)
            case layers.Block():
                x = block(layer, weights, x, f"{name}.")
            case layers.Residual():
                other = run(layer.shortcut, weights, x, f"{name}.shortcut.")
                x = jax.nn.relu(run(layer.body, weights, x, f"{name}.body.") + other)
    return x


def training_step(workload: Workload) -> Any:
    """step(state, x, y) -> new state, loss. Running statistics of normalisation are left out."""
    optimizer = optimizer_of(workload)

    def loss_of(weights: Any, x: Any, y: Any) -> Any:
        x = run(workload.layers, weights, x)
        if workload.loss == "mse":
            return jnp.square(x - y).mean()
        return optax.softmax_cross_entropy_with_integer_labels(x, y).mean()

    def step(state: Any, x: Any, y: Any) -> Any:
        weights, memory = state
        loss, gradients = jax.value_and_grad(loss_of)(weights, x, y)
        updates, memory = optimizer.update(gradients, memory, weights)
        return (optax.apply_updates(weights, updates), memory), loss

    return step

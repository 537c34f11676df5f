"""`again` keeps a second computation apart from the first."""

from __future__ import annotations

import numpy as np

import retroprop as rp
from retroprop import ops


def test_it_is_the_tensor_itself_and_hands_the_gradient_on():
    x = rp.tensor([1.0, 2.0], requires_grad=True)
    y = ops.again(x, rp.asarray(0.0), number=1)
    (y * y).sum().backward()
    assert y.tolist() == [1.0, 2.0]
    assert x.grad.tolist() == [2.0, 4.0]


def test_equal_nodes_are_merged_and_those_behind_it_are_not():
    def names(number: int | None) -> list[str]:
        @rp.compile
        def step(x: rp.Tensor) -> rp.Tensor:
            y = rp.exp(x)
            z = x if number is None else ops.again(x, y, number=number)
            return rp.sum(y) * rp.exp(z)

        given = rp.asarray(np.float32([0.5, 1.5]))
        np.testing.assert_allclose(step(given).numpy(), step._fn(given).numpy(), rtol=1e-6)
        return [node.op.name for node in step.graph.nodes]

    assert names(None).count("exp") == 1
    assert names(3).count("exp") == 2


def test_checkpoint_saves_memory_in_a_compiled_step_and_changes_no_bit():
    layers = [rp.nn.Conv2d(8, 8, 3, padding=1) for _ in range(12)]
    x = rp.asarray(np.random.default_rng(0).standard_normal((8, 8, 16, 16)).astype(np.float32))

    def run(checkpoint: bool) -> tuple[list[bytes], int]:
        def block(some: list[rp.nn.Conv2d]):
            def forward(v: rp.Tensor) -> rp.Tensor:
                for layer in some:
                    v = rp.tanh(layer(v))
                return v

            return forward

        @rp.compile
        def step(v: rp.Tensor) -> list[rp.Tensor]:
            for start in range(0, 12, 4):
                forward = block(layers[start : start + 4])
                v = rp.checkpoint(forward, v) if checkpoint else forward(v)
            (v * v).mean().backward()
            grads = [layer.weight.grad for layer in layers]
            for layer in layers:
                layer.zero_grad()
            return grads

        made = [grad.numpy().tobytes() for grad in step(x)]
        return made, step._latest.program.facts.peak

    plain, most = run(False)
    again, least = run(True)
    assert again == plain
    assert least < 0.8 * most

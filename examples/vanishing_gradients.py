"""Why deep sigmoid networks do not learn, and three remedies, in numbers.

For a network of 20 layers, the size of the gradient in the first layer compared with the last one.
Sigmoids let it vanish layer by layer (Hochreiter 1991; Glorot and Bengio 2010); ReLU with He's
initialisation, batch normalisation and residual connections each keep it alive.
"""

import numpy as np

import retroprop as rp
from retroprop import nn

DEPTH, WIDTH = 20, 64


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, inner: nn.Module) -> None:
        self.inner = inner

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        """The input and what the inner layers make of it, added."""
        return x + self.inner(x)


def ratio(block, init=None) -> float:
    """Gradient norm of the first layer over that of the last, for 20 blocks."""
    rp.manual_seed(0)
    model = nn.Sequential(*(block() for _ in range(DEPTH)), nn.Linear(WIDTH, 10))
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if init is not None:
        for layer in layers:
            init(layer.weight)
    x = rp.random.normal((128, WIDTH))
    y = rp.asarray(np.arange(128) % 10)
    nn.functional.cross_entropy(model(x), y).backward()
    first, last = layers[0].weight.grad, layers[-2].weight.grad
    return (rp.linalg.vector_norm(first) / rp.linalg.vector_norm(last)).item()


def he(weight: rp.Tensor) -> None:
    """He's initialisation: variance 2 / inputs, which ReLU halves again."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


cases = {
    "sigmoid": ratio(lambda: nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Sigmoid())),
    "ReLU, He initialisation": ratio(lambda: nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU()), he),
    "sigmoid with batch norm": ratio(
        lambda: nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.Sigmoid())
    ),
    "sigmoid with residuals": ratio(
        lambda: Residual(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Sigmoid()))
    ),
}
for name, value in cases.items():
    print(f"{name:26} gradient of layer 1 / layer {DEPTH}: {value:.1e}")
assert cases.pop("sigmoid") < 1e-8
assert all(value > 1e-3 for value in cases.values())

"""In a deep network of sigmoids the gradient vanishes layer by layer, and stays away.

    python examples/health/vanishing_sigmoids.py
    python examples/health/vanishing_sigmoids.py --data mnist.npz --examples 20000 --epochs 6 \
        --out docs/images/health

The slope of a sigmoid is at most 1/4, so each layer passes on a small part of the gradient: the
first ones hardly move. With tanh, whose slope at 0 is 1, and the same weights all layers learn.

Source: Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks", sections 3 and 4.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.train.charts import Series, line_chart
from retroprop.train.charts.strips import strips

DEPTH, WIDTH = 8, 100
UNITS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def images(path: Path, examples: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (examples, 784) of mean 0 and deviation 1, and their classes."""
    with np.load(path) as archive:
        x, y = archive["x_train"][:examples], archive["y_train"][:examples]
    x = x.reshape(len(x), -1).astype(np.float32)
    return (x - x.mean()) / x.std(), y.astype(np.int64)


def network(unit: type[nn.Module]) -> nn.Sequential:
    """Linear layers, started as Glorot and Bengio propose, with units between them."""
    rp.manual_seed(0)
    sizes = [784, *[WIDTH] * (DEPTH - 1), 10]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, unit()]
    return nn.Sequential(*layers[:-1])


def train(unit: type[nn.Module], x: np.ndarray, y: np.ndarray, epochs: int) -> rp.Trainer:
    """Train, and look at all layers forty times."""
    model = network(unit)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    every = max(1, epochs * (len(x) // 64) // 40)
    trainer = rp.Trainer(model, "cross_entropy", optimizer, metrics=["accuracy"], health=every)
    trainer.fit(x, y, epochs=epochs, batch_size=64, progress=False)
    return trainer


def gradients(trainer: rp.Trainer) -> np.ndarray:
    """The size of the gradient of each layer's outputs, (looks, layers)."""
    assert trainer.monitor is not None
    _, squares = trainer.monitor.history.series("gradient", "layer")
    return np.sqrt(squares)


def draw(trainers: dict[str, rp.Trainer], folder: Path) -> None:
    """The gradient of each layer over time for each kind of unit, and both losses."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"layer {number}" for number in range(1, DEPTH + 1)]
    losses = []
    for name, trainer in trainers.items():
        assert trainer.monitor is not None
        history = trainer.monitor.history
        picture = strips(
            rows,
            history.events,
            gradients(trainer),
            title=f"Gradient of each layer over time: {name}",
            log=True,
            standalone=True,
        )
        (folder / f"vanishing-{name}.svg").write_text(picture, encoding="utf-8")
        curve = np.convolve(history.losses, np.ones(25) / 25, mode="valid")
        losses.append(Series(name, range(25, 25 + len(curve)), curve.tolist()))
    title = f"{DEPTH} layers: training loss"
    picture = line_chart(losses, title=title, x_label="step", standalone=True)
    (folder / "vanishing-loss.svg").write_text(picture, encoding="utf-8")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
here = Path(__file__).parents[1] / "data" / "fashion_mnist.npz"
parser.add_argument("--data", type=Path, default=here, help="an .npz with x_train and y_train")
parser.add_argument("--examples", type=int, default=3000)
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--out", type=Path, help="folder for the pictures")
options = parser.parse_args()

x, y = images(options.data, options.examples)
trainers = {name: train(unit, x, y, options.epochs) for name, unit in UNITS.items()}
for name, trainer in trainers.items():
    sizes = gradients(trainer)
    per_layer = [(size[0] / size[-1]) ** (1 / (DEPTH - 1)) for size in (sizes[0], sizes[-1])]
    print(
        f"{name:8} factor per layer {per_layer[0]:.2f} at first, {per_layer[1]:.2f} at the end   "
        f"training accuracy {trainer.history[-1]['accuracy']:.3f}"
    )
if options.out:
    draw(trainers, options.out)
sigmoid, tanh = trainers.values()
assert sigmoid.monitor is not None
assert "vanishing_gradient" in {finding.rule for finding in sigmoid.monitor.findings}
assert tanh.history[-1]["accuracy"] > sigmoid.history[-1]["accuracy"] + 0.2

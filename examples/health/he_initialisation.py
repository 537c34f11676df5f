"""A ReLU network of 30 layers stalls with Glorot's initialisation and trains with He's.

    python examples/health/he_initialisation.py
    python examples/health/he_initialisation.py --data mnist.npz --examples 20000 --epochs 6 \
        --out docs/images/health

Glorot's variance, 1 / inputs, is made for units that pass on what they are given. A ReLU passes on
half of it: layer by layer the signal and its gradient are halved (1 / sqrt(2) in size), and nothing
of it arrives after 30 layers. He's variance, 2 / inputs, makes up for that. (With many more steps
the last layers learn to make something of what little arrives; see the picture of a full run.)

Source: He, Zhang, Ren, Sun 2015, "Delving deep into rectifiers", arXiv:1502.01852, figure 3.
"""

# slow: 10 seconds

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.train.charts import Series, line_chart

DEPTH, WIDTH, LOOK = 30, 128, 10
STARTS = {"Glorot": nn.init.xavier_normal_, "He": nn.init.kaiming_normal_}


def images(path: Path, examples: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (examples, 784) of mean 0 and deviation 1, and their classes."""
    with np.load(path) as archive:
        x, y = archive["x_train"][:examples], archive["y_train"][:examples]
    x = x.reshape(len(x), -1).astype(np.float32)
    return (x - x.mean()) / x.std(), y.astype(np.int64)


def network(start: str) -> nn.Sequential:
    """Linear layers with ReLUs between them; biases are 0 at first."""
    rp.manual_seed(0)
    sizes = [784, *[WIDTH] * (DEPTH - 1), 10]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs)
        STARTS[start](layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def train(start: str, x: np.ndarray, y: np.ndarray, epochs: int) -> rp.Trainer:
    """Train, and look at the gradients at every tenth step."""
    model = network(start)
    optimizer = optim.SGD(model.parameters(), lr=0.005, momentum=0.9)
    trainer = rp.Trainer(model, "cross_entropy", optimizer, metrics=["accuracy"], health=LOOK)
    trainer.fit(x, y, epochs=epochs, batch_size=64, progress=False)
    return trainer


def gradients(trainer: rp.Trainer) -> np.ndarray:
    """The size of the gradient of each layer's outputs when it was first looked at."""
    assert trainer.monitor is not None
    _, squares = trainer.monitor.history.series("gradient", "layer")
    return np.sqrt(squares[0])


def smooth(losses: list[float], window: int = 25) -> np.ndarray:
    """A moving mean."""
    return np.convolve(losses, np.ones(window) / window, mode="valid")


def draw(trainers: dict[str, rp.Trainer], folder: Path) -> None:
    """Two pictures: the loss over the steps, and the gradient over the layers."""
    losses, sizes = [], []
    for name, trainer in trainers.items():
        assert trainer.monitor is not None
        curve = smooth(trainer.monitor.history.losses)
        losses.append(Series(name, range(25, 25 + len(curve)), curve.tolist()))
        sizes.append(Series(name, range(1, DEPTH + 1), gradients(trainer).tolist()))
    title = f"{DEPTH} layers of ReLUs: training loss"
    loss = line_chart(losses, title=title, x_label="step", standalone=True)
    title = f"Gradient of each layer at step {LOOK}"
    gradient = line_chart(sizes, title=title, x_label="layer", log_y=True, standalone=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "he-initialisation-loss.svg").write_text(loss, encoding="utf-8")
    (folder / "he-initialisation-gradient.svg").write_text(gradient, encoding="utf-8")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
here = Path(__file__).parents[1] / "data" / "fashion_mnist.npz"
parser.add_argument("--data", type=Path, default=here, help="an .npz with x_train and y_train")
parser.add_argument("--examples", type=int, default=3000)
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--out", type=Path, help="folder for the pictures")
options = parser.parse_args()

x, y = images(options.data, options.examples)
trainers = {start: train(start, x, y, options.epochs) for start in STARTS}
for start, trainer in trainers.items():
    assert trainer.monitor is not None
    sizes, found = gradients(trainer), [finding.rule for finding in trainer.monitor.findings]
    print(
        f"{start:7} gradient of layer 1 / layer {DEPTH}: {sizes[0] / sizes[-1]:.1e}   "
        f"training accuracy {trainer.history[-1]['accuracy']:.3f}   findings {found}"
    )
if options.out:
    draw(trainers, options.out)
accuracy = {start: trainer.history[-1]["accuracy"] for start, trainer in trainers.items()}
assert accuracy["He"] > accuracy["Glorot"] + 0.2

"""With batch normalisation a network gets to the same accuracy in a fraction of the steps.

    python examples/health/batch_norm.py
    python examples/health/batch_norm.py --data mnist.npz --examples 60000 --steps 10000 \
        --out docs/images/health

The experiment of Ioffe and Szegedy: three hidden layers of 100 sigmoids, small random weights,
batches of 60 and plain gradient descent, with the same learning rate, with and without batch
normalisation before each sigmoid.

Source: Ioffe, Szegedy 2015, "Batch normalization", arXiv:1502.03167, section 4.1 and figure 1a.
"""

# slow: 10 seconds

import argparse
from pathlib import Path

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.train.charts import Series, line_chart

BATCH, EVERY = 60, 50  # examples of a step, steps between two tests

Images = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def images(path: Path, examples: int) -> Images:
    """Images (examples, 784) with pixels in [0, 1] and classes, to learn from and to test with."""
    with np.load(path) as archive:
        parts = [archive[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    x, y, x_test, y_test = (part[:examples] for part in parts)
    flat = [part.reshape(len(part), -1) / np.float32(255) for part in (x, x_test)]
    return flat[0], y.astype(np.int64), flat[1], y_test.astype(np.int64)


def network(*, norm: bool) -> nn.Sequential:
    """784 pixels, three times 100 sigmoids, ten classes."""
    rp.manual_seed(0)
    layers: list[nn.Module] = []
    for inputs in (784, 100, 100):
        layers.append(nn.Linear(inputs, 100, bias=not norm))
        if norm:
            layers.append(nn.BatchNorm1d(100))
        layers.append(nn.Sigmoid())
    model = nn.Sequential(*layers, nn.Linear(100, 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.1)
    return model


def train(data: Images, steps: int, *, norm: bool) -> list[float]:
    """The test accuracy after every 50 steps."""
    x, y, x_test, y_test = data
    model = network(norm=norm)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    trainer = rp.Trainer(model, "cross_entropy", optimizer, metrics=["accuracy"], health=False)
    order = np.random.default_rng(0).permutation(len(x))
    found = []
    for start in range(0, steps * BATCH, EVERY * BATCH):
        rows = order.take(range(start, start + EVERY * BATCH), mode="wrap")
        trainer.fit(x[rows], y[rows], epochs=1, batch_size=BATCH, progress=False)
        found.append(trainer.evaluate(x_test, y_test, batch_size=1000)["accuracy"])
    return found


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
here = Path(__file__).parents[1] / "data" / "fashion_mnist.npz"
parser.add_argument("--data", type=Path, default=here, help="an .npz with x_train, ..., y_test")
parser.add_argument("--examples", type=int, default=5000)
parser.add_argument("--steps", type=int, default=600)
parser.add_argument("--out", type=Path, help="folder for the picture")
options = parser.parse_args()

data = images(options.data, options.examples)
plain = train(data, options.steps, norm=False)
normed = train(data, options.steps, norm=True)
needed = next(i for i, each in enumerate(normed, 1) if each >= plain[-1]) * EVERY
print(f"without batch norm: {plain[-1]:.3f} after {options.steps} steps")
print(f"with batch norm:    {normed[-1]:.3f}; {plain[-1]:.3f} after {needed} steps")
print(f"the same accuracy in {needed / options.steps:.0%} of the steps")
if options.out:
    times = range(EVERY, options.steps + 1, EVERY)
    picture = line_chart(
        [Series("with batch norm", times, normed), Series("without", times, plain)],
        title="Test accuracy: three layers of sigmoids",
        x_label="step",
        standalone=True,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "batch-norm.svg").write_text(picture, encoding="utf-8")
assert needed < 0.5 * options.steps

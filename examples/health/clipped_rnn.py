"""The gradient of a recurrent network explodes; clipped, the network learns.

    python examples/health/clipped_rnn.py
    python examples/health/clipped_rnn.py --data mnist.npz --examples 20000 --epochs 6 \
        --out docs/images/health

A plain recurrent network of ReLUs reads images row by row. Its recurrent weights are a rotation
that also stretches, by 1.5, so states and gradients grow from row to row. One step along such a
gradient makes the weights larger, and the next gradient much larger: after a few steps the loss is
no number any more. Clipping the norm of the gradient keeps its direction and bounds the step.

Source: Pascanu, Mikolov, Bengio 2013, "On the difficulty of training recurrent neural networks",
    arXiv:1211.5063, sections 2.2 and 3.2.
"""

import argparse
from pathlib import Path

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import DivergedError
from retroprop.train.charts import Series, line_chart

HIDDEN, GAIN = 64, 1.5
SHOWN = 6.0  # a loss above this one is not drawn


class RowReader(nn.Module):
    """A recurrent network over the rows of an image, and a linear layer on its last state."""

    def __init__(self) -> None:
        self.rnn = nn.RNN(28, HIDDEN, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(HIDDEN, 10)
        nn.init.orthogonal_(self.rnn.weight_hh_l0, gain=GAIN)

    def forward(self, images: rp.Tensor) -> rp.Tensor:
        """(batch, 28 rows, 28 columns) to (batch, 10) logits."""
        outputs, _ = self.rnn(images)
        return self.head(outputs[:, -1])


def images(path: Path, examples: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (examples, 28, 28) with pixels in [0, 1], and their classes."""
    with np.load(path) as archive:
        x, y = archive["x_train"][:examples], archive["y_train"][:examples]
    return x / np.float32(255), y.astype(np.int64)


def train(x: np.ndarray, y: np.ndarray, epochs: int, bound: float | None) -> rp.Trainer:
    """Train with plain gradient descent; it may end early, in numbers that are not finite."""
    rp.manual_seed(0)
    model = RowReader()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    trainer = rp.Trainer(
        model, "cross_entropy", optimizer, metrics=["accuracy"], clip_grad_norm=bound, health=20
    )
    try:
        trainer.fit(x, y, epochs=epochs, batch_size=64, progress=False)
    except DivergedError as error:
        print(f"stopped: {error.what}")
    return trainer


def told(name: str, trainer: rp.Trainer, y: np.ndarray) -> float:
    """Print what became of a training; returns its accuracy, that of a guess if there is none."""
    assert trainer.monitor is not None
    norms = trainer.monitor.history.norms
    guess = float(np.bincount(y).max() / len(y))
    accuracy = trainer.history[-1]["accuracy"] if trainer.history else guess
    found = sorted({finding.rule for finding in trainer.monitor.findings})
    print(
        f"{name:10} largest gradient {max(norms):.1e}, median {np.median(norms):.1e}   "
        f"training accuracy {accuracy:.3f}   findings {found}"
    )
    return float(accuracy)


def draw(trainers: dict[str, rp.Trainer], folder: Path) -> None:
    """The loss and the norm of the gradient, step by step."""
    folder.mkdir(parents=True, exist_ok=True)
    for what, title, most in (
        ("losses", f"Training loss, as far as it is below {SHOWN:g}", SHOWN),
        ("norms", "Norm of the gradient", np.inf),
    ):
        lines = []
        for name, trainer in trainers.items():
            assert trainer.monitor is not None
            values = np.array(getattr(trainer.monitor.history, what))
            values[values > most] = np.nan
            lines.append(Series(name, range(1, len(values) + 1), values.tolist()))
        end = float(len(lines[-1].x))
        picture = line_chart(
            lines,
            title=title,
            x_label="step",
            log_y=what == "norms",
            mark=(end, f"unclipped: stopped after step {end:.0f}"),
            standalone=True,
        )
        (folder / f"clipped-rnn-{what}.svg").write_text(picture, encoding="utf-8")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
here = Path(__file__).parents[1] / "data" / "fashion_mnist.npz"
parser.add_argument("--data", type=Path, default=here, help="an .npz with x_train and y_train")
parser.add_argument("--examples", type=int, default=3000)
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--out", type=Path, help="folder for the pictures")
options = parser.parse_args()

x, y = images(options.data, options.examples)
trainers = {
    "clipped": train(x, y, options.epochs, 1.0),
    "unclipped": train(x, y, options.epochs, None),
}
clipped, unclipped = (told(name, trainer, y) for name, trainer in trainers.items())
if options.out:
    draw(trainers, options.out)
assert clipped > unclipped + 0.2

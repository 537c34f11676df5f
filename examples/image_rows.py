"""A recurrent network that reads photographs row by row, trained by the Trainer.

Each image of 28 rows is a sequence of 28 steps with 28 features; the GRU's last output decides the
class.
"""

from pathlib import Path

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.train import EarlyStopping


class RowReader(nn.Module):
    """A GRU over the rows of an image, and a linear layer on its last output."""

    def __init__(self) -> None:
        self.gru = nn.GRU(28, 48, batch_first=True)
        self.head = nn.Linear(48, 10)

    def forward(self, images: rp.Tensor) -> rp.Tensor:
        """(batch, 28 rows, 28 columns) to (batch, 10) logits."""
        outputs, _ = self.gru(images)
        return self.head(outputs[:, -1])


archive = np.load(Path(__file__).parent / "data" / "fashion_mnist.npz")
x, y = archive["x_train"][:2000] / np.float32(255), archive["y_train"][:2000].astype(np.int64)
x_test, y_test = archive["x_test"] / np.float32(255), archive["y_test"].astype(np.int64)

rp.manual_seed(0)
model = RowReader()
trainer = rp.Trainer(
    model,
    loss="cross_entropy",
    optimizer=optim.Adam(model.parameters(), lr=5e-3),
    metrics=["accuracy"],
    callbacks=[EarlyStopping(patience=3)],
    clip_grad_norm=1.0,
)
trainer.fit(x, y, epochs=5, batch_size=50, validation_data=(x_test[:500], y_test[:500]))
scores = trainer.evaluate(x_test, y_test)
print(f"test accuracy {scores['accuracy']:.3f}")
assert scores["accuracy"] > 0.7

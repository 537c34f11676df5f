"""What a Trainer does with a step whose numbers are not finite: it says why, and stops or skips.

Such a step was not applied. It is run again op by op (`health.provenance`), and the error names
what made the first number that is not finite, with the samples of the data set behind it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.errors import ArgumentError, DivergedError
from retroprop.health.provenance import Provenance
from retroprop.health.provenance_words import SMALLER

if TYPE_CHECKING:
    from retroprop.data.dataset import Dataset
    from retroprop.train.trainer import Trainer

__all__ = ["Divergence"]

Array = np.ndarray[Any, Any]

_RECENT = 6  # losses that are looked back on
_ROSE = 3.0  # times: this much more is a rise
_PATIENCE = 100  # batches in a row that may be skipped: then nothing is learnt any more


class Divergence:
    """Watches over the steps of one Trainer.

    Args:
        trainer:   whose steps they are.
        nonfinite: "stop" raises the error; "skip" goes on with the next batch.

    Attributes:
        skipped: how many batches were passed over.
        first:   the error of the first of them, or None.

    Raises:
        ArgumentError: nonfinite is neither.
    """

    def __init__(self, trainer: Trainer, nonfinite: str) -> None:
        if nonfinite not in ("stop", "skip"):
            raise ArgumentError(f'nonfinite must be "stop" or "skip", not {nonfinite!r}')
        self.trainer, self.nonfinite = trainer, nonfinite
        self.skipped = 0
        self.first: DivergedError | None = None
        self._in_a_row = 0
        self._losses: deque[float] = deque(maxlen=_RECENT)

    def went_well(self, losses: list[float]) -> None:
        """Steps were applied."""
        self._losses.extend(losses)
        self._in_a_row = 0

    def meet(self, error: DivergedError, data: Dataset, row: Array) -> None:
        """A step was not applied: count it as skipped, or raise.

        Args:
            row: the examples that it took.

        Raises:
            DivergedError: says where it comes from.
        """
        self._in_a_row += 1
        if self.nonfinite == "stop":
            raise self._explained(error, data, row) from None
        if self._in_a_row >= min(_PATIENCE, len(data)):
            told = self._explained(error, data, row)
            told.what = f"{self._in_a_row} batches in a row were skipped; of the last, {told.what}"
            raise told from None
        if self.first is None:
            self.first = self._explained(error, data, row)
        self.skipped += 1

    def _explained(self, error: DivergedError, data: Dataset, row: Array) -> DivergedError:
        trainer = self.trainer
        at = f"at step {trainer.step + 1} (epoch {trainer.epoch + 1}); this step was not applied"
        found = trainer.engine.provenance(*trainer.batch(data, row))
        if found is None:
            text = f"{error.what} {at}\n  run again op by op it stays finite: it is at the edge"
            return DivergedError(text, fix=self._fix(None), where=error.where)
        rows = tuple(int(row[sample]) for sample in found.samples)
        found = found._replace(rows=rows, chain=(*found.chain, *self._history()))
        text = "\n  ".join([f"{error.what} {at}", found.cause(), *found.details()])
        return DivergedError(text, fix=self._fix(found), where=found.where, provenance=found)

    def _rose(self) -> bool:
        losses = self._losses
        return len(losses) > 1 and losses[-1] > _ROSE * abs(min(losses))

    def _history(self) -> list[str]:
        """How it came to this, where the steps before tell."""
        if not self._rose():
            return []
        losses, rate = self._losses, self.trainer.optimizer.lr
        rise = f"the loss rose from {min(losses):.3g} to {losses[-1]:.3g}"
        return [f"learning rate {rate:g}: {rise} in the last {len(losses)} steps"]

    def _fix(self, found: Provenance | None) -> str:
        rate = self.trainer.optimizer.lr
        slower = f"lower the learning rate (now {rate:g}), set clip_grad_norm=1.0"
        if found is not None and not self._rose() and found.remedy not in ("", SMALLER):
            return found.remedy
        return f"{slower}, and check the data for huge values"

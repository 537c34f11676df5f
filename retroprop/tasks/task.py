"""What a task says about itself; everything else about a run is the same for all of them.

A task is one kind of job: it knows how its data are read and split, what has to be learned about
them before training, which network and loss fit, how good the result is and how to show it. The
life of a run (`tasks.job`, `tasks.run`) calls these in order:

    read -> split -> learn -> examples -> build, loss, metrics, augment -> measure -> report

and later, in a folder opened again: restore -> build -> open -> predict, or measure.
"""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TextIO

from retroprop import nn
from retroprop.data.dataset import Dataset, length
from retroprop.errors import ArgumentError
from retroprop.tasks.options import COMMON, Option
from retroprop.train.trainer import Trainer

__all__ = ["Part", "Parts", "Task", "write_csv"]


def write_csv(stream: TextIO, columns: Mapping[str, Sequence[Any]]) -> None:
    """Columns of equal length as CSV, under their names.

    Example:
        >>> import sys
        >>> write_csv(sys.stdout, {"example": [1], "prediction": ["a"]})
        example,prediction
        1,a
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))


class Part:
    """Raw examples of one part of the data, as they were read.

    Attributes:
        x:     inputs, anything that `data.take` can take examples of.
        y:     targets, or None when there are none.
        ids:   where each example comes from, in words or numbers; None for their positions.
        notes: sentences on what was assumed or left out.

    Example:
        >>> len(Part(np.zeros((2, 5)), np.array([0, 1])))
        2
    """

    def __init__(self, x: Any, y: Any = None, ids: Any = None, notes: Any = ()) -> None:
        self.x, self.y, self.notes = x, y, list(notes)
        self.ids = range(length(x)) if ids is None else ids

    def __len__(self) -> int:
        return len(self.ids)


class Parts(NamedTuple):
    """What a data set is cut into: to learn from, to validate on (or None), to test on."""

    train: Any
    validation: Any
    test: Any


class Task(ABC):
    """One kind of job.

    Args:
        options: every option of the run with its value.

    Attributes:
        name:     as in `--task NAME`.
        about:    what it does and which data it takes, in one line.
        presets:  stem of the file in tasks/presets/ with its sets of defaults.
        OPTIONS:  the options of a run, the common ones and its own.
        PREDICT:  what `predict` can be told besides the data.
        keep:     the weights of which epoch: the "best" by the loss of the validation part, or the
                  "last", where that loss is a poor guide.
        settled:  what `settle` chose, once the network was trained.
        folder:   of the run, once it is opened again.
    """

    name: str = ""
    about: ClassVar[str] = ""
    presets: ClassVar[str] = ""
    OPTIONS: ClassVar[Mapping[str, Option]] = COMMON
    PREDICT: ClassVar[Mapping[str, Option]] = {}
    keep: ClassVar[str] = "best"

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.settled: dict[str, Any] = {}
        self.folder: Path | None = None

    # -- data ------------------------------------------------------------------------------------

    @classmethod
    def claims(cls, source: Any, target: str | None) -> str:
        """Why a source is data for this task, in words that follow "because"; "" when it is not.

        Asked of every task when the user named none, so it looks at little: names and first lines.
        """
        return ""

    @classmethod
    @abstractmethod
    def read(cls, source: Any, given: dict[str, Any], target: str | None = None) -> Any:
        """The data of a source: anything with `notes`, sentences on what was inferred.

        Args:
            source: a path, frame or arrays.
            given:  the options that the user gave.
            target: the column to predict, where there are columns.

        Raises:
            DataError: names file, row and column of what cannot be used.
        """

    @classmethod
    def preset(cls, data: Any) -> str:
        """The name of the preset that fits the data."""
        return "default"

    @classmethod
    def adapted(cls, data: Any, options: dict[str, Any]) -> dict[str, Any]:
        """Options whose defaults follow from the data and from other options."""
        return {}

    @abstractmethod
    def split(self, data: Any) -> Parts:
        """The parts of the data; nothing of one may be known in another."""

    @abstractmethod
    def learn(self, train: Any) -> None:
        """What has to be known about the training part: scales, vocabularies, classes."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """What was learned, as JSON."""

    @abstractmethod
    def restore(self, record: dict[str, Any]) -> None:
        """Take back what `to_dict` gave."""

    @abstractmethod
    def examples(self, part: Any) -> Dataset:
        """Network inputs and targets of a part."""

    @abstractmethod
    def open(self, source: Any, *, with_target: bool = False) -> Any:
        """New data for the trained network, checked against what it was trained on: a part.

        Raises:
            DataError: naming the file or column that does not fit.
        """

    # -- training --------------------------------------------------------------------------------

    @abstractmethod
    def build(self) -> nn.Module:
        """The network, freshly initialised; needs options and what was learned, nothing else."""

    @abstractmethod
    def loss(self) -> Any:
        """What is minimised, as a Trainer takes it."""

    def metrics(self) -> list[Any]:
        """What is measured over each epoch, as a Trainer takes it."""
        return []

    def augment(self) -> Any:
        """A function (x, y, random generator) -> (x, y) on a training batch, or None."""
        return None

    def class_weight(self, examples: Dataset) -> dict[int, float] | None:
        """How much each class counts, or None for all the same."""
        if self.options["class_weight"] == "none":
            return None
        raise ArgumentError(f"class_weight is for classes; {self.name} has none")

    # -- for the doctor --------------------------------------------------------------------------

    def columns(self, part: Any) -> dict[str, Any]:
        """The raw columns of a part, where the data are a table."""
        return {}

    def dropped(self) -> dict[str, str]:
        """Columns that were left out when the table was read, and why."""
        return {}

    @property
    def measured_by(self) -> str:
        """The name of what `judge` gives."""
        return "less loss"

    def judge(self, trainer: Trainer, x: Any, y: Any) -> tuple[float, float]:
        """A score of network inputs and targets, larger is better, and its standard error."""
        return -trainer.evaluate(x, y)["loss"], 0.0

    # -- what came of it -------------------------------------------------------------------------

    def settle(self, trainer: Trainer, parts: Parts) -> dict[str, Any]:
        """What is chosen once the network is trained, as JSON: a threshold, on the validation part.

        It is kept with what was learned, and stands in `settled` from then on. Buffers of the
        network may be changed too: where anything was chosen its weights are written again.
        """
        return {}

    @abstractmethod
    def headline(self) -> str:
        """What is being learned, in a few words: "classification of 10 classes"."""

    @abstractmethod
    def measure(self, trainer: Trainer, part: Any) -> tuple[dict[str, float], Any]:
        """Scores by name ("accuracy"), and whatever `report` needs to show where they come from."""

    @abstractmethod
    def summary(self, result: dict[str, Any]) -> str:
        """The scores in one line of words, without the full stop."""

    def report(self, part: Any, seen: Any) -> dict[str, Any]:
        """Fields of `train.report.ReportData` that show what was measured."""
        return {}

    def title(self) -> str:
        """What the report page is called, before the name of the data."""
        return self.name

    def description(self, model: nn.Module) -> str:
        """The network as a table of text, for the report."""
        return str(model)

    def write(self, answer: dict[str, Any], out: Path) -> None:
        """Write what `predict` gave, with the column `example`, to a file or folder: here CSV."""
        with open(out, "w", encoding="utf-8", newline="") as file:
            write_csv(file, answer)

    @abstractmethod
    def predict(self, trainer: Trainer, part: Any, options: dict[str, Any]) -> dict[str, Any]:
        """Columns of predictions by name, one entry per example each."""

"""From raw data to network inputs and back; everything learned comes from the training part only.

A preprocessor is stored with the model (`to_dict` is plain JSON whose floats survive to the last
bit), so that `predict` treats new data exactly as training data was treated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from retroprop.data.encode import Encoder, encoders, restored
from retroprop.data.infer import infer_schema
from retroprop.data.schema import Schema
from retroprop.data.table import RawTable, Table, raw_table
from retroprop.data.target import Target
from retroprop.errors import DataError

__all__ = ["Preprocessor", "TablePreprocessor"]


class Preprocessor(ABC):
    """What all preprocessors share: `fit`, `transform`, the target, and a JSON record.

    Attributes:
        kind:   "table", "images" or "arrays".
        target: what is predicted, or None.
    """

    kind = ""

    def __init__(self, target: Target | None = None) -> None:
        self.target = target

    def fit(self, x: Any, y: Any = None) -> Any:
        """Learn from the training part; `y` (raw targets) gives the scale of a regression."""
        self._learn(x)
        if y is not None and self.target is not None:
            self.target.fit(y)
        return self

    @abstractmethod
    def _learn(self, x: Any) -> None:
        """What `fit` learns from the inputs."""

    @abstractmethod
    def transform(self, x: Any) -> Any:
        """Raw data to float32 network inputs."""

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one transformed example."""

    def fit_transform(self, x: Any, y: Any = None) -> Any:
        """`fit`, then `transform` the same data."""
        return self.fit(x, y).transform(x)

    def transform_target(self, y: Any) -> Any:
        """Raw targets to int64 class indices or standardised float32 numbers."""
        return self._required().transform(y)

    def inverse_target(self, outputs: Any) -> Any:
        """Network outputs to the units of the data (regression), class indices to class names."""
        return self._required().inverse(outputs)

    def _required(self) -> Target:
        if self.target is None:
            raise DataError("this preprocessor knows no target", fix="give it target=Target(...)")
        return self.target

    def to_dict(self) -> dict[str, Any]:
        """Everything learned, as plain JSON values; `preprocessor_from_dict` reads it."""
        target = None if self.target is None else self.target.to_dict()
        return {"kind": self.kind, "target": target, **self._record()}

    @abstractmethod
    def _record(self) -> dict[str, Any]:
        """What `to_dict` adds for this kind."""

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Any:
        """The preprocessor that `to_dict` wrote.

        Raises:
            DataError: a record of another kind or version, or damaged.
        """
        try:
            if record["kind"] != cls.kind:
                raise DataError(f"a record of kind {cls.kind!r} is expected: {record['kind']!r}")
            made = cls._restored(record)
            made.target = Target.from_dict(record["target"]) if record["target"] else None
        except (KeyError, TypeError, ValueError, AttributeError) as cause:
            if isinstance(cause, DataError):
                raise
            raise DataError(f"damaged preprocessor record: {cause!r}") from cause
        return made

    @classmethod
    @abstractmethod
    def _restored(cls, record: dict[str, Any]) -> Preprocessor:
        """The preprocessor that `_record` describes."""


class TablePreprocessor(Preprocessor):
    """Tables to inputs: numbers standardised, categories one-hot, dates as elapsed time and cycles.

    Args:
        schema: the meaning of the columns; found out by `fit` when None.
        target: what is predicted; its column is never an input.

    `fit` and `transform` take a `Table`, a frame (pandas, polars) or a dict of columns.

    Example:
        >>> rows = {"size": [1.0, 2.0, 3.0], "city": ["Rome", "Oslo", "Rome"]}
        >>> pre = TablePreprocessor().fit(rows)
        >>> pre.feature_names
        ['size', 'city=Rome', 'city=other']
        >>> pre.transform({"city": ["Rome"], "size": [2.0]}).tolist()
        [[0.0, 1.0, 0.0]]
    """

    kind = "table"

    def __init__(self, schema: Schema | None = None, target: Target | None = None) -> None:
        super().__init__(target)
        self.schema = schema
        self.encoders_: list[Encoder] = []

    @property
    def feature_names(self) -> list[str]:
        """A name for every column of the transformed array."""
        return [name for one in self.encoders_ for name in one.names]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(features,)"""
        return (len(self.feature_names),)

    def _learn(self, x: Any) -> None:
        if self.schema is None:
            raw = x if isinstance(x, RawTable) else raw_table(x)
            target = () if self.target is None else (self.target.name,)
            self.schema = infer_schema(raw, exclude=target)[0]
        table = self._table(x)
        if len(table) == 0:
            raise DataError("no rows to learn from", file=table.source)
        kinds = {column.name: column.kind for column in self.schema.columns}
        self.encoders_ = [one.fit(table.columns[one.name]) for one in encoders(kinds, len(table))]
        if not self.feature_names:
            raise DataError(
                "every input column has one value only in the training part", file=table.source
            )

    def _table(self, x: Any) -> Table:
        if isinstance(x, Table):
            return x
        assert self.schema is not None
        return self.schema.parse(x if isinstance(x, RawTable) else raw_table(x))

    def transform(self, x: Any) -> Any:
        """A table to a float32 array (rows, features).

        Raises:
            DataError: columns missing, or cells that do not fit, by file, row and column.
        """
        if not self.encoders_:
            raise DataError("this preprocessor has learned nothing yet", fix="call fit first")
        table = self._table(x)
        absent = [one.name for one in self.encoders_ if one.name not in table.columns]
        if absent:
            raise DataError(f"columns missing: {', '.join(absent)}", file=table.source)
        parts = [one.transform(table.columns[one.name]) for one in self.encoders_]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _record(self) -> dict[str, Any]:
        assert self.schema is not None
        columns = [one.to_dict() for one in self.encoders_]
        return {"schema": self.schema.to_dict(), "encoders": columns}

    @classmethod
    def _restored(cls, record: dict[str, Any]) -> TablePreprocessor:
        made = cls(Schema.from_dict(record["schema"]))
        made.encoders_ = [restored(item) for item in record["encoders"]]
        return made

"""Tables with a target column, and new tables for a trained model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from retroprop.data.data import Data, Inputs, assemble
from retroprop.data.infer import infer_schema
from retroprop.data.preprocess import TablePreprocessor
from retroprop.data.split import repeat_groups
from retroprop.data.table import RawTable
from retroprop.data.target import decide_target
from retroprop.errors import DataError, nearest

__all__ = ["inputs_from_table", "table_data", "target_column"]

# Names that say "this is what to predict", tried in this order when no target is given.
TARGET_NAMES = ("target", "label", "labels", "class", "y", "outcome")


def target_column(raw: RawTable, target: str | None) -> tuple[str, list[str]]:
    """The name of the target column: the one given, or one with a telling name (which is said).

    Raises:
        DataError: "no column "prize"; did you mean "price"?", or no target given and none to guess.
    """
    names = ", ".join(f'"{name}"' for name in raw.names[:30]) + ", ..." * (len(raw.names) > 30)
    if target is not None:
        if target in raw.columns:
            return target, []
        close = nearest(target, raw.names)
        hint = f'; did you mean "{close}"?' if close else ""
        raise DataError(
            f'no column "{target}"{hint}', file=raw.source, fix=f"the columns are {names}"
        )
    lowered = {name.lower(): name for name in reversed(raw.names)}
    for name in TARGET_NAMES:
        if name in lowered:
            return lowered[name], [f'target: "{lowered[name]}" (guessed from its name)']
    raise DataError(
        "which column is to be predicted?",
        file=raw.source,
        fix=f"name the target column (--target NAME, or target=...), one of {names}",
    )


def table_data(
    raw: RawTable,
    target: str | None = None,
    *,
    task: str | None = None,
    types: Mapping[str, str] | None = None,
    missing: Iterable[str] = (),
    limit: int | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> Data:
    """A table and its target column to training and test data; arguments as in `load`."""
    missing = (missing,) if isinstance(missing, str) else tuple(missing)
    name, notes = target_column(raw, target)
    notes = [*raw.notes, *notes]
    found, reasons = decide_target(raw, name, task, missing)
    y = found.encode(raw, missing)
    known = y >= 0 if found.task == "classification" else ~np.isnan(y)
    if not known.all():
        notes.append(f'{int((~known).sum())} rows without a value of "{name}" are left out')
        raw, y = raw.take(np.flatnonzero(known)), y[known]
    if len(y) < 2:
        raise DataError(
            f"{len(y)} row with a target; at least 2 are needed", file=raw.source, column=name
        )
    schema, more = infer_schema(raw, (name,), types, missing)
    notes += [*reasons, *more]
    return assemble(
        "table", found, schema.parse(raw), y, raw.rows, limit=limit, test_fraction=test_fraction,
        seed=seed, groups=_repeats(raw, name, notes), schema=schema, source=raw.source, notes=notes,
    )  # fmt: skip


def _repeats(raw: RawTable, target: str, notes: list[str]) -> Any:
    """Group of each row by its inputs."""
    keys = [column.keys() for name, column in raw.columns.items() if name != target]
    return repeat_groups(np.stack(keys, axis=1), notes, "rows") if keys else None


def inputs_from_table(
    raw: RawTable, preprocessor: TablePreprocessor, with_target: bool = False
) -> Inputs:
    """A new table for a trained model; arguments as in `read_inputs`.

    Raises:
        DataError: columns missing, cells of the wrong kind; with a target also no target column,
            no values in it, or classes that training did not have.
    """
    schema, target = preprocessor.schema, preprocessor.target
    assert schema is not None
    name = target.name if target else ""
    notes = list(raw.notes)
    extra = schema.extra_columns(raw, (name,))
    if extra and not schema.missing_columns(raw):
        notes.append(f"columns that training did not have are ignored: {', '.join(extra[:20])}")
    if not with_target:
        return Inputs(schema.parse(raw), None, raw.rows, notes)
    if target is None or name not in raw.columns:
        names = ", ".join(f'"{column}"' for column in raw.names[:30])
        raise DataError(
            f'no target column "{name}" to compare with; the table has {names}', file=raw.source
        )
    y = target.encode(raw, schema.missing)
    known = y >= 0 if target.task == "classification" else ~np.isnan(y)
    if not known.any():
        raise DataError("the target column has no values", file=raw.source, column=name)
    if not known.all():
        notes.append(f'{int((~known).sum())} rows without a value of "{name}" are left out')
        raw, y = raw.take(np.flatnonzero(known)), y[known]
    return Inputs(schema.parse(raw), y, raw.rows, notes)

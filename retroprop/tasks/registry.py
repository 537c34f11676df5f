"""The tasks by name, and which of them a source is data for."""

from __future__ import annotations

import importlib
from typing import Any

from retroprop.errors import ArgumentError, unknown
from retroprop.tasks.task import Task

__all__ = ["choose", "get", "names"]

_TASKS = {
    "classification": "table.Classification",
    "regression": "table.Regression",
    "images": "images.Images",
    "faces": "faces.Faces",
    "detection": "detection.Detection",
    "translation": "translation.Translation",
    "text": "text.Text",
    "generation": "generation.Generation",
    "series": "series.Series",
}
# Asked in this order when no task was named: those that recognise their data by more come first.
_GUESSES = (
    "detection.Detection",
    "faces.Faces",
    "translation.Translation",
    "text.Text",
    "generation.Generation",
    "series.Series",
    "images.Images",
    "table.Table",
)


def names() -> list[str]:
    """The names that `--task` takes.

    Example:
        >>> "regression" in names()
        True
    """
    return list(_TASKS)


def get(name: str) -> type[Task]:
    """The task of a name.

    Raises:
        ArgumentError: there is none; names the nearest.

    Example:
        >>> get("regression").about
        'predict a column of a table, or the targets of arrays'
    """
    if name not in _TASKS:
        raise unknown("task", name, _TASKS)
    return _loaded(_TASKS[name])


def _loaded(place: str) -> type[Task]:
    module, _, kind = place.partition(".")
    found: type[Task] = getattr(importlib.import_module(f"retroprop.tasks.{module}"), kind)
    return found


def choose(source: Any, task: str | None = None, target: str | None = None) -> tuple[Any, str]:
    """The task for a source: the one named, or the first that recognises it.

    Returns:
        The class of the task, and why it was chosen ("" when it was named).

    Raises:
        ArgumentError: no task of that name, or none named for something nobody recognises.

    Example:
        >>> choose({"a": [1, 2, 3], "b": [1.5, 2.5, 3.5]}, target="b")[0].__name__
        'Table'
    """
    if task is not None:
        return get(task), ""
    for place in _GUESSES:
        kind = _loaded(place)
        try:
            why = kind.claims(source, target)
        except OSError:  # a text that no file can be called
            continue
        if why:
            return kind, why
    raise ArgumentError(
        f"nothing says what {type(source).__name__} is data for", fix="name the task with --task"
    )

"""What a run begins with: the task, its data, and the options that were asked for.

A plan can be made a job again and again, with other options; nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retroprop.errors import CheckpointError
from retroprop.tasks.job import Job, read_config
from retroprop.tasks.options import Config, Table, checked
from retroprop.tasks.registry import choose
from retroprop.tasks.task import Task

__all__ = ["Chosen", "Plan", "Say", "called", "plan", "silent"]

Say = Callable[[str], None]
Chosen = Callable[[Table], Config]


def silent(text: str) -> None:
    """What a plan says when nobody wants to hear it."""


class Plan(NamedTuple):
    """A training that can be begun.

    Attributes:
        kind:  the task.
        data:  what its `read` returned.
        given: the options that were asked for; the others follow from the data.
        asked: source, target and task as they were given.
        is_path: whether the source is a path.
    """

    kind: type[Task]
    data: Any
    given: dict[str, Any]
    asked: dict[str, Any]
    is_path: bool

    def job(self, folder: Path, **changes: Any) -> Job:
        """The run of this plan, with some options changed; nothing is written yet."""
        return Job(self.kind, self.data, {**self.given, **changes}, folder, self.asked)


def plan(
    source: Any,
    overrides: Mapping[str, Any] | Chosen | None = None,
    *,
    target: str | None = None,
    task: str | None = None,
    run: str | os.PathLike[str] | None = None,
    say: Say = silent,
) -> Plan:
    """Choose the task, read the options and the data.

    Args:
        source:    a path, frame or arrays; None for what the run was begun with.
        overrides: options by name, over those of the run; or a function of the task's table.
        target, task: as for `train`; those of the run when None.
        run:       the folder of a run that was begun with the same data, or its config.json.
        say:       where lines for people go: the task that was guessed, notes on the data.

    Raises:
        ArgumentError:   an unknown task or option, or one that does not fit the data.
        CheckpointError: a damaged run folder.
        DataError:       data that cannot be used.

    Example:
        >>> made = plan({"a": [1, 2, 3, 4, 5], "b": [1.5, 2.5, 3.5, 4.5, 5.5]}, target="b")
        >>> made.data.task, made.asked["source"], made.is_path
        ('regression', 'dict', False)
    """
    before: dict[str, Any] = {}
    asked_before: dict[str, Any] = {"source": None, "target": None, "task": None}
    if run is not None:
        before, asked_before, begun = _recorded(Path(run))
        task = task or begun
        source = asked_before["source"] if source is None else source
        target = target or asked_before["target"]
    kind, why = choose(source, task, target)
    chosen = overrides or {}
    new = chosen(kind.OPTIONS) if callable(chosen) else checked(kind.OPTIONS, chosen)
    given = {**checked(kind.OPTIONS, before), **new}
    if why and kind.name:
        say(f"  task: {kind.name} (because {why}; --task decides otherwise)")
    data = kind.read(source, given, target)
    for note in data.notes:
        say(f"  {note}")
    is_path, named = called(source)
    asked = {"source": named, "target": target, "task": asked_before["task"] if run else task}
    return Plan(kind, data, given, asked, is_path)


def called(source: Any) -> tuple[bool, str]:
    r"""Whether a source is a path, and what to call it; a string with line breaks is a text.

    Example:
        >>> called("a.csv"), called("To be,\nor not"), called({"a": [1]})
        ((True, 'a.csv'), (False, 'text'), (False, 'dict'))
    """
    if isinstance(source, str) and "\n" in source:
        return False, "text"
    if isinstance(source, str | os.PathLike):
        return True, os.fspath(source)
    return False, type(source).__name__


def _recorded(run: Path) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Options, what was asked, and the task of a run that was begun."""
    path = run if run.suffix == ".json" else run / "config.json"
    begun = read_config(path)
    try:
        options, asked = dict(begun["options"]), dict(begun["asked"])
        asked = {name: asked[name] for name in ("source", "target", "task")}
        return options, asked, str(begun["task"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is no config.json of a run: {error!r}") from None

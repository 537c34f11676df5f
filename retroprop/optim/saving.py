"""Optimizer state as flat Tensors and plain values, and back: all is checked before any changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.core import recording
from retroprop.core.tensor import Tensor
from retroprop.errors import CheckpointError
from retroprop.optim.ranges import check

if TYPE_CHECKING:
    from retroprop.optim.optimizer import Optimizer

__all__ = ["assign_all", "cells", "load_state_dict", "state_dict"]


def cells(optimizer: Optimizer) -> dict[str, Tensor]:
    """Every cell of the state: "count", "groups.0.lr", "params.3.exp_avg", ..."""
    found = {"count": optimizer.count}
    position = 0
    for number, group in enumerate(optimizer.param_groups):
        for key in ("lr", "missed", "step"):
            found[f"groups.{number}.{key}"] = getattr(group, key)
        for state in group.states:
            found.update((f"params.{position}.{key}", cell) for key, cell in state.items())
            position += 1
    return found


def state_dict(optimizer: Optimizer) -> dict[str, Any]:
    """The state as `Optimizer.state_dict` documents it."""
    groups = []
    for group in optimizer.param_groups:
        plain = {key: _plain(value) for key, value in group.items() if key != "params"}
        plain["params"] = list(group.names)
        if group.schedule is not None:
            plain["schedule"] = repr(group.schedule)
        groups.append(plain)
    tensors = {name: cell.detach() for name, cell in optimizer.tensors().items()}
    return {"optimizer": optimizer.name, "state": tensors, "param_groups": groups}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def load_state_dict(optimizer: Optimizer, saved: Mapping[str, Any]) -> None:
    """Check a saved state against the optimizer, then take it over."""
    missing = {"optimizer", "state", "param_groups"} - set(saved)
    if missing:
        raise CheckpointError(f"optimizer state: {sorted(missing)} not found in it")
    if saved["optimizer"] != optimizer.name:
        raise CheckpointError(
            f"the saved state is of {saved['optimizer']}, this optimizer is {optimizer.name}",
            fix="make the optimizer that was saved, or start without its state",
        )
    hyper = _checked_groups(optimizer, saved["param_groups"])
    assign_all(f"{optimizer.name} state", optimizer.tensors(), saved["state"])
    for group, values in zip(optimizer.param_groups, hyper, strict=True):
        group.take(values)
        group.late = [bool(missed) for missed in group.missed.tolist()]
    recording.changed()


def _checked_groups(optimizer: Optimizer, saved: Any) -> list[dict[str, Any]]:
    groups = optimizer.param_groups
    if len(saved) != len(groups):
        raise CheckpointError(
            f"{optimizer.name} state: {len(saved)} parameter groups saved, {len(groups)} here"
        )
    checked = []
    for number, (group, old) in enumerate(zip(groups, saved, strict=True)):
        where = f"{optimizer.name} state, parameter group {number}"
        names = old.get("params", [])
        if len(names) != len(group.params):
            raise CheckpointError(
                f"{where}: {len(names)} parameters saved, {len(group.params)} here"
            )
        for before, here in zip(names, group.names, strict=True):
            if before != here and not (str(before).isdigit() or here.isdigit()):
                raise CheckpointError(
                    f"{where}: the saved parameter is {before!r}, the one here {here!r}",
                    fix="give the parameters in the order in which they were saved",
                )
        keys = [key for key in group if key not in {"params", "lr"}]
        absent = [key for key in keys if key not in old]
        if absent:
            raise CheckpointError(f"{where}: no value for {', '.join(absent)}")
        checked.append({key: check(where, key, old[key]) for key in keys})
        optimizer.validate(checked[-1])
    return checked


def assign_all(what: str, here: Mapping[str, Tensor], saved: Mapping[str, Any]) -> None:
    """Assign every cell the array saved under its name, or nothing if one does not fit.

    Raises:
        CheckpointError: lists names that are missing or extra, and shapes or dtypes that differ.
    """
    problems = [f"{name} is missing" for name in here if name not in saved]
    problems += [f"{name} is not known here" for name in saved if name not in here]
    for name, cell in here.items():
        if name in saved:
            array = saved[name]
            found = (tuple(np.shape(array)), getattr(array, "dtype", type(array).__name__))
            if found != (cell.shape, cell.dtype):
                problems.append(f"{name} is {found[1]}{found[0]}, here {cell.dtype}{cell.shape}")
    if problems:
        listed = "; ".join(problems[:8]) + (f"; and {len(problems) - 8} more" * (len(problems) > 8))
        raise CheckpointError(
            f"{what}: {listed}", fix="build model and optimizer as they were when it was saved"
        )
    for name, cell in here.items():
        array = saved[name]
        cell.assign(array.detach() if isinstance(array, Tensor) else Tensor(np.array(array)))

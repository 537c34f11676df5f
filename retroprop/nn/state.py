"""Putting saved numbers back into a module: checked as a whole first, then written."""

from __future__ import annotations

from typing import Any, NamedTuple

from retroprop import dtypes
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import CheckpointError, RetropropError

__all__ = ["IncompatibleKeys", "load"]


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and what it had no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def load(
    owner: str, cells: dict[str, Any], state: dict[str, Any], strict: bool
) -> IncompatibleKeys:
    """Write the numbers of a state into cells of the same names, or raise and write nothing.

    Args:
        owner:  name of the module's class, for messages.
        cells:  the module's parameters and buffers by name.
        state:  tensors or arrays by name.
        strict: whether missing and unexpected names are errors.

    Raises:
        CheckpointError: one line for each name that does not fit.
    """
    if not hasattr(state, "keys"):
        raise CheckpointError(
            f"{owner}: a state is a dict of arrays by name, got {type(state).__name__}"
        )
    missing = [name for name in cells if name not in state]
    unexpected = [name for name in state if name not in cells]
    problems = [f"missing: {name} {cells[name].shape}" for name in missing] if strict else []
    problems += [f"unexpected: {name}" for name in unexpected] if strict else []
    fitting = {}
    for name, cell in cells.items():
        if name in state:
            value, problem = _fit(name, cell, state[name])
            fitting[name] = value
            problems += [problem] if problem else []
    if problems:
        raise CheckpointError(
            f"{owner}: the state does not fit:\n    " + "\n    ".join(problems),
            fix="build the model as it was saved"
            + (", or load with strict=False" if strict and (missing or unexpected) else ""),
        )
    with no_grad():
        for name, value in fitting.items():
            cells[name].assign(value)
    return IncompatibleKeys(missing, unexpected)


def _fit(name: str, cell: Tensor, given: Any) -> tuple[Any, str | None]:
    """The value for a cell in its own dtype, or what is wrong with it."""
    try:
        value = given.detach() if isinstance(given, Tensor) else Tensor(given)
    except RetropropError as error:
        return None, f"unreadable: {name}: {error.what}"
    if value.shape != cell.shape:
        return None, f"shape: {name} is {cell.shape}, the state has {value.shape}"
    if dtypes.is_inexact(value.dtype) and not dtypes.is_floating(cell.dtype):
        return None, f"dtype: {name} is {cell.dtype}, the state has {value.dtype}"
    if value.dtype != cell.dtype:
        value = value.astype(cell.dtype)
    # a NumPy array belongs to somebody else, who may write to it
    return (value if isinstance(given, Tensor) else Tensor(value.numpy().copy())), None

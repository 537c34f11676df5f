"""Everything that steps of training may change, found from a few objects, and put back.

What a step changes is in cells (weights, batch statistics, optimizer state, random state) and in a
few flags. They are looked for wherever the step can reach: in attributes, containers, and the
variables that its functions refer to.
"""

from __future__ import annotations

import os
import random
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from retroprop.core import recording, rng
from retroprop.core.compile import Compiled
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.nn.module import Module
from retroprop.optim.group import ParamGroup

__all__ = ["Kept", "reach"]

_PLAIN = (str, bytes, int, float, complex, bool, type(None), np.ndarray, np.generic, np.dtype)
_CODE = (type, types.ModuleType, types.BuiltinFunctionType, types.CodeType)
_PACKAGE = os.path.dirname(os.path.dirname(rng.__file__)) + os.sep
_FUNCTIONS = (types.FunctionType, types.MethodType, Compiled)


def reach(*roots: Any) -> Iterator[Any]:
    """Every object that can be reached from some, each once.

    Example:
        >>> w = rp.zeros(2)
        >>> def step(x):
        ...     return (w * x).sum()
        >>> any(found is w for found in reach([step]))
        True
    """
    seen: dict[int, Any] = {}  # the objects stay alive meanwhile: no id comes twice
    waiting = list(roots)
    while waiting:
        item = waiting.pop()
        if isinstance(item, (*_PLAIN, *_CODE)) or id(item) in seen:
            continue
        seen[id(item)] = item
        yield item
        waiting.extend(_inside(item))


def _inside(item: Any) -> list[Any]:
    """What an object holds or refers to."""
    if isinstance(item, _FUNCTIONS):
        return _of_function(item)
    if isinstance(item, dict):
        return list(item.values())
    if isinstance(item, list | tuple | set | frozenset):
        return list(item)
    if isinstance(item, Tensor):
        return []
    if isinstance(item, rng.Generator):
        return [item.state]
    return list(getattr(item, "__dict__", {}).values())


def _of_function(item: Any) -> list[Any]:
    """The object of a method, and the variables that a function of the user's refers to."""
    if isinstance(item, types.MethodType):
        return [item.__self__, item.__func__]
    if isinstance(item, Compiled):
        return [getattr(item, "__wrapped__", None)]
    cells = [cell.cell_contents for cell in item.__closure__ or () if _is_filled(cell)]
    found = [*cells, *(item.__defaults__ or ()), *(item.__kwdefaults__ or {}).values()]
    if not item.__code__.co_filename.startswith(_PACKAGE):
        found += [item.__globals__.get(name) for name in item.__code__.co_names]
    return [*found, getattr(item, "__wrapped__", None)]


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # a variable that is not assigned yet
        return False


class Kept:
    """The state of a training, as it is now.

    Args:
        roots: what the steps use: a model, an optimizer, a function of the user's, ...

    Example:
        >>> w = rp.zeros(2)
        >>> kept = Kept(w)
        >>> _ = w.assign(rp.ones(2))
        >>> kept.put_back()
        >>> w.tolist()
        [0.0, 0.0]
    """

    def __init__(self, *roots: Any) -> None:
        found = list(reach(*roots, rng.default_generator()))
        self._cells = [(c, c.detach(), c.grad) for c in found if isinstance(c, Tensor)]
        self._modes = [(m, m.training) for m in found if isinstance(m, Module)]
        self._groups = [(g, g.schedule, list(g.late)) for g in found if isinstance(g, ParamGroup)]
        self._seeds = [(g, g.seed) for g in found if isinstance(g, rng.Generator)]
        self._numpy = [
            (g, g.bit_generator.state) for g in found if isinstance(g, np.random.Generator)
        ]
        self._python = random.getstate()
        self._legacy = np.random.get_state()  # noqa: NPY002  a step may draw from it

    def put_back(self) -> None:
        """Make everything as it was."""
        with no_grad():
            for cell, before, grad in self._cells:
                if not np.may_share_memory(cell.numpy(), before.numpy()):
                    cell.assign(before)
                if cell.grad is not grad:
                    cell.grad = grad
        for module, training in self._modes:
            module.training = training
        for group, schedule, late in self._groups:
            if group.schedule is not schedule or group.late != late:
                group.schedule, group.late = schedule, list(late)
                recording.changed()
        for generator, seed in self._seeds:
            generator.seed = seed
        for drawn, state in self._numpy:
            drawn.bit_generator.state = state
        random.setstate(self._python)
        np.random.set_state(self._legacy)  # noqa: NPY002  as above

"""Parameter groups: what the user gave an optimizer, checked, with the cells of its state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.core import recording
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, TapeError
from retroprop.optim.ranges import check, check_names

__all__ = ["ParamGroup", "listed", "read_groups"]

State = dict[str, Tensor]


class ParamGroup(MutableMapping[str, Any]):
    """Parameters that share hyperparameters: a mapping as in PyTorch, with the state beside it.

    `group["lr"]` reads a float; `group["lr"] = 0.1` assigns the cell, so that a compiled step sees
    the new value without being compiled again. Any function of the step makes it a schedule.

    Attributes:
        params:   the Tensors.
        names:    one for each; their position in the optimizer where they were given without names.
        states:   for each parameter its state Tensors by name.
        lr:       float64 cell, the learning rate of the last step (of the first one before it).
        step:     int64 cell, how many updates the group has made.
        missed:   int64 cell (parameters,), how many of these each one sat out without gradient.
        late:     for each parameter, whether it ever sat one out.
        schedule: function from the optimizer's step to the learning rate, or None.
        initial:  the learning rate it started from.
    """

    def __init__(
        self,
        owner: str,
        params: list[Tensor],
        names: list[str],
        hyper: dict[str, Any],
        validate: Callable[[Mapping[str, Any]], None],
        complete: Callable[[ParamGroup], None],
    ) -> None:
        self.owner = owner
        self.params = params
        self.names = names
        self.states: list[State] = [{} for _ in params]
        self.late = [False] * len(params)
        self.lr = Tensor(np.float64(0.0))
        self.step = Tensor(np.int64(0))
        self.missed = Tensor(np.zeros(len(params), np.int64))
        self.schedule: Callable[[Any], Any] | None = None
        self._hyper: dict[str, Any] = {}
        self._known = hyper
        self._validate = validate
        self._complete = complete
        self._set_lr(hyper["lr"])
        self.take({key: check(owner, key, hyper[key]) for key in hyper if key != "lr"})
        self.initial: float = self["lr"]

    def __getitem__(self, key: str) -> Any:
        if key == "params":
            return self.params
        if key == "lr":
            return self.lr.item()
        self._note()
        try:
            return self._hyper[key]
        except KeyError:
            check_names(self.owner, {key: None}, {"params": None, **self._hyper})
            raise

    def _note(self) -> None:
        """A compiled step depends on the numbers that it was made with."""
        if recording.active and (recorder := recording.current()) is not None:
            recorder.guard(
                ("group", id(self)),
                lambda: (dict(self._hyper), self.schedule, list(self.late)),
                f"a hyperparameter of {self.owner}",
            )

    def __setitem__(self, key: str, value: Any) -> None:
        check_names(self.owner, {key: None}, self._known)
        if key == "lr":
            self._set_lr(value)
            return
        self.take({**self._hyper, key: check(self.owner, key, value)})

    def __delitem__(self, key: str) -> None:
        raise ArgumentError(f"{self.owner}: {key!r} cannot be removed from a parameter group")

    def __iter__(self) -> Iterator[str]:
        return iter(("params", "lr", *self._hyper))

    def __len__(self) -> int:
        return 2 + len(self._hyper)

    def __repr__(self) -> str:
        lr = self.schedule if self.schedule is not None else f"{self['lr']:g}"
        rest = "".join(f", {name}={value!r}" for name, value in self._hyper.items())
        return f"{len(self.params)} parameters, lr={lr}{rest}"

    def take(self, hyper: Mapping[str, Any]) -> None:
        """Hold these hyperparameters, all but the learning rate, if they go together."""
        self._validate(hyper)
        recording.changed()
        self._hyper = dict(hyper)
        self._complete(self)

    def _set_lr(self, value: Any) -> None:
        """A number is assigned and ends a schedule; a function becomes the schedule."""
        before = self.schedule
        if callable(value) and not isinstance(value, Tensor):
            self.schedule = value
            value = rate_at(value, Tensor(np.float64(0.0)), self.owner)
        else:
            self.schedule = None
        if isinstance(value, Tensor):
            value = value.item()
        if self.schedule is not before:
            recording.changed()
        self.lr.assign(Tensor(np.float64(check(self.owner, "lr", value))))

    def follow(self, step: Tensor) -> None:
        """Assign the learning rate that the schedule gives for a step (float64, from 0)."""
        self._note()
        if self.schedule is not None:
            self.lr.assign(rate_at(self.schedule, step, self.owner))

    def pass_over(self, present: list[bool]) -> None:
        """Count the update that parameters without a gradient are about to sit out."""
        absent = np.array([0 if here else 1 for here in present], np.int64)
        self.missed.assign(self.missed + Tensor(absent))
        late = [late or not here for late, here in zip(self.late, present, strict=True)]
        if late != self.late:
            self.late = late
            recording.changed()


def rate_at(schedule: Callable[[Any], Any], step: Tensor, owner: str) -> Tensor:
    """A schedule's value as a float64 Tensor."""
    value = schedule(step)
    if not isinstance(value, Tensor):
        value = Tensor(np.float64(check(owner, "lr", value)))
    rate: Tensor = value
    if rate.shape != ():
        raise ArgumentError(
            f"{owner}: the learning rate schedule gave shape {rate.shape}, it must be one number"
        )
    return rate if rate.dtype == dtypes.float64 else rate.astype(dtypes.float64)


def read_groups(params: Any, owner: str) -> list[dict[str, Any]]:
    """What was given as `params`, as a list of groups whose Tensors nobody has checked yet.

    Raises:
        ArgumentError: not a list at all, or nothing in it.
    """
    items = listed(params, owner)
    if isinstance(items[0], dict):
        for position, item in enumerate(items):
            if not isinstance(item, dict) or "params" not in item:
                raise ArgumentError(
                    f"{owner}: parameter group {position} is no dict with a 'params' entry",
                    fix='write [{"params": [...]}, {"params": [...], "lr": 0.01}]',
                )
        return [dict(item) for item in items]
    return [{"params": items}]


def listed(params: Any, owner: str) -> list[Any]:
    """An iterable of parameters as a list that is not empty.

    Raises:
        ArgumentError: a single Tensor, a module, a set or a dict was given, or nothing is in it.
    """
    if isinstance(params, Tensor):
        raise ArgumentError(f"{owner}: wants a list of Tensors, got one Tensor", fix="write [w]")
    if callable(getattr(params, "parameters", None)):
        raise ArgumentError(
            f"{owner}: wants parameters, got a {type(params).__name__}",
            fix="write model.parameters()",
        )
    if isinstance(params, set | frozenset | str | bytes | dict) or not isinstance(params, Iterable):
        raise ArgumentError(
            f"{owner}: parameters are a {type(params).__name__}, they must be a list",
            fix="give a list of Tensors, of (name, Tensor) or of dicts; their order is part of "
            "what is saved",
        )
    items = list(params)
    if not items:
        raise ArgumentError(
            f"{owner}: there are no parameters",
            fix="parameters() of a model without parameters? Or a generator that was used up "
            "before: wrap it in list(...)",
        )
    return items


def read_params(given: Any, owner: str, first: int) -> tuple[list[Tensor], list[str]]:
    """The Tensors of one group and their names, each fit to be optimized.

    Args:
        first: the position in the optimizer of the first one.

    Raises:
        ArgumentError: something that is no Tensor.
        DTypeError:    a Tensor that is not floating.
        TapeError:     a Tensor that was computed.
    """
    items = [given] if isinstance(given, Tensor) else list(given)
    params: list[Tensor] = []
    names: list[str] = []
    for position, item in enumerate(items, start=first):
        name, param = str(position), item
        if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
            name, param = item
        _check_param(param, f"{owner}: parameter {name}")
        params.append(param)
        names.append(name)
    return params, names


def _check_param(param: Any, what: str) -> None:
    if not isinstance(param, Tensor):
        raise ArgumentError(
            f"{what} is a {type(param).__name__}, it must be a Tensor",
            fix="make it one: rp.tensor(values, requires_grad=True)",
        )
    if not dtypes.is_floating(param.dtype):
        raise DTypeError(f"{what} is {param.dtype}, only floating Tensors can be optimized")
    if not param.is_leaf:
        raise TapeError(
            f"{what} was computed from other Tensors; only leaves can be optimized",
            fix="give the Tensors it was computed from, or x.detach().requires_grad_()",
        )

"""The base of all optimizers: it walks the parameters; an algorithm is written for one of them.

An algorithm says what it remembers (`init`), which numbers depend on the step alone (`rates`), and
how one parameter changes (`update`). The last two are pure and compute with ops only, so that a
compiler can record a step; the learning rate, the step counts and the state are cells that it reads
and writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retroprop import dtypes, ops
from retroprop.core import recording
from retroprop.core.tape import enable_grad, no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, RetropropError, ShapeError, TapeError
from retroprop.ops.movement import take_slice
from retroprop.optim import saving
from retroprop.optim.group import ParamGroup, State, read_groups, read_params
from retroprop.optim.ranges import check_names
from retroprop.optim.rows import update_rows

__all__ = ["Optimizer", "Rates", "State", "first_step", "moving", "workable"]

Rates = dict[str, Tensor]


class Optimizer:
    """Changes parameters by their gradients. Subclasses are the algorithms.

    A subclass overrides `init`, `rates` and `update`, or `step` where an algorithm cannot be
    written for one parameter. The behaviour is PyTorch's, but `step()` without any gradient is an
    error, and so is a parameter that is given twice in one group. State is made in the constructor.
    The update of 16-bit parameters is computed in float32, and their state kept in it.

    Args:
        params:   Tensors, (name, Tensor) pairs, or dicts: groups with hyperparameters of their own.
        defaults: hyperparameters by name; "lr" is a number or a function of the step.
        unknown:  keyword arguments the constructor did not know, refused here.

    Attributes:
        param_groups: mappings such as `{"params": [...], "lr": 0.1}` that can be written to.
        count:        int64 cell, the steps taken; schedules are evaluated at it.
        by_rows:      whether `update` treats each row of a parameter by itself, so that it can be
                      done for those rows alone that have a gradient; see `nn.Embedding(sparse=)`.

    Example:
        >>> class Sign(Optimizer):  # an algorithm of one's own
        ...     def __init__(self, params, lr=0.5):
        ...         super().__init__(params, {"lr": lr})
        ...
        ...     def update(self, g, param, state, rates, group):
        ...         return param - rates["lr"] * g.sign(), state
        >>> w = rp.tensor([1.0, -2.0], requires_grad=True)
        >>> opt = Sign([w])
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.tolist()
        [0.5, -1.5]
    """

    by_rows = True

    def __init__(
        self, params: Any, defaults: dict[str, Any], unknown: Mapping[str, Any] | None = None
    ) -> None:
        self.defaults = {"lr": 1e-3, "maximize": False, **defaults}
        check_names(self.name, unknown or {}, self.defaults)
        self.param_groups: list[ParamGroup] = []
        self.count = Tensor(np.int64(0))
        for group in read_groups(params, self.name):
            self.add_param_group(group)
        if not any(group.params for group in self.param_groups):
            raise ArgumentError(f"{self.name}: there are no parameters in any group")

    @property
    def name(self) -> str:
        """The name of the algorithm."""
        return type(self).__name__

    # -- what an algorithm is ----------------------------------------------------------------------

    def init(self, param: Tensor, group: ParamGroup) -> State:
        """The state of a parameter before its first update, Tensors by name; nothing by default."""
        return {}

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        """The numbers that depend on the step alone, made once for all parameters that share it.

        Args:
            step: float64, 1 in a parameter's first update.
            lr:   float64.

        Returns:
            float64 Tensors by name; `update` gets them in the dtype of the parameter.
        """
        return {"lr": lr}

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        """The parameter and its state after one step; pure, and the maths of the algorithm."""
        raise RetropropError(f"{self.name} defines no update", fix="override update() or step()")

    def validate(self, hyper: Mapping[str, Any]) -> None:
        """Refuse hyperparameters that do not go together, with an ArgumentError."""

    # -- what a user calls -------------------------------------------------------------------------

    @property
    def lr(self) -> float:
        """The learning rate: that of the first group; set for all. Setting it ends a schedule."""
        return float(self.param_groups[0]["lr"])

    @lr.setter
    def lr(self, value: Any) -> None:
        for group in self.param_groups:
            group["lr"] = value

    @property
    def state(self) -> dict[Tensor, State]:
        """The state of each parameter: cells by name."""
        groups = self.param_groups
        return {p: s for g in groups for p, s in zip(g.params, g.states, strict=True)}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for param in group.params:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    param.grad = Tensor(np.zeros(param.shape, param.dtype))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient.

        Args:
            closure: computes the loss and calls backward() on it, before the step is taken.

        Returns:
            What the closure returned.

        Raises:
            TapeError: no parameter has a gradient.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        if recording.active and (recorder := recording.current()) is not None:
            recorder.guard(id(self), lambda: len(self.param_groups), f"{self.name}.param_groups")
        self.require_gradients()
        with no_grad():
            now = self.count.astype(dtypes.float64)
            for group in self.param_groups:
                group.follow(now)
                self._update_group(group)
            self.count.assign(self.count + 1)
        return loss

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Optimize more parameters, for example layers that were frozen until now.

        Args:
            group: {"params": Tensors} and hyperparameters that differ from the optimizer's.
        """
        given = {key: value for key, value in group.items() if key != "params"}
        check_names(self.name, given, self.defaults)
        first = sum(len(known.params) for known in self.param_groups)
        params, names = read_params(group["params"], self.name, first)
        seen = {id(p) for known in self.param_groups for p in known.params}
        for param, name in zip(params, names, strict=True):
            if id(param) in seen:
                raise ArgumentError(
                    f"{self.name}: parameter {name} of shape {param.shape} is given twice",
                    fix="list shared parameters once",
                )
            if getattr(param, "sparse", False) and not self.by_rows:
                raise ArgumentError(
                    f"{self.name}: parameter {name} is a table with sparse=True, and this "
                    "algorithm needs all of its rows",
                    fix="make the layer with sparse=False, or use another optimizer, such as AdamW",
                )
            seen.add(id(param))
        hyper = {**self.defaults, **given}
        self.param_groups.append(
            ParamGroup(self.name, params, names, hyper, self.validate, self._complete)
        )
        recording.changed()

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly as if never interrupted.

        Returns:
            {"optimizer": name, "state": Tensors by flat names, "param_groups": plain numbers and
            strings}: the first goes into safetensors, the rest into JSON.
        """
        return saving.state_dict(self)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave. Nothing changes unless everything fits.

        A schedule stays the one that this optimizer was made with.

        Raises:
            CheckpointError: another algorithm, other parameters or other shapes; all are listed.
        """
        saving.load_state_dict(self, state_dict)

    def tensors(self) -> dict[str, Tensor]:
        """The cells of the state by the flat names that `state_dict` gives them."""
        return saving.cells(self)

    def require_gradients(self) -> None:
        """Refuse to go on without any gradient."""
        params = [param for group in self.param_groups for param in group.params]
        if any(param.grad is not None for param in params):
            return
        if not any(param.requires_grad for param in params):
            raise TapeError(
                f"{self.name}.step: none of the {len(params)} parameters requires a gradient",
                fix="call requires_grad_() on those to be trained",
            )
        raise TapeError(
            f"{self.name}.step: none of the {len(params)} parameters has a gradient",
            fix="call loss.backward() before step(), and zero_grad() not between the two; "
            "the loss must be computed from these very parameters",
        )

    def _complete(self, group: ParamGroup) -> None:
        """Make the state that the group's hyperparameters ask for and that is not there yet."""
        for param, state in zip(group.params, group.states, strict=True):
            for key, cell in self.init(workable(param), group).items():
                state.setdefault(key, cell)

    # -- the walk ----------------------------------------------------------------------------------

    def _update_group(self, group: ParamGroup) -> None:
        present = [param.grad is not None for param in group.params]
        if not any(present):
            return
        group.step.assign(group.step + 1)
        if not all(present):
            group.pass_over(present)
        shared = _RatesByDtype(self, group, group.step)
        for i, param in enumerate(group.params):
            if present[i]:
                rates = shared
                if group.late[i]:
                    rates = _RatesByDtype(
                        self, group, group.step - take_slice(group.missed, key=(i,))
                    )
                self._update_parameter(param, group.names[i], group.states[i], rates, group)

    def _update_parameter(
        self, param: Tensor, name: str, state: State, rates: _RatesByDtype, group: ParamGroup
    ) -> None:
        g = _checked_gradient(param, f"{self.name}.step: the gradient of parameter {name}")
        before = workable(param)
        g = g if g.dtype == before.dtype else g.astype(before.dtype)
        if group["maximize"]:
            g = -g

        def update(g: Tensor, param: Tensor, state: State) -> tuple[Tensor, State]:
            return self.update(g, param, state, rates.of(before.dtype), group)

        if getattr(param, "sparse", False):
            after, remembered = update_rows(update, g, before, state)
            param.grad = None  # else a compiled step would have to lay out the whole of it
        else:
            after, remembered = update(g, before, state)
        param.assign(after if after.dtype == param.dtype else after.astype(param.dtype))
        for key, value in remembered.items():
            state[key].assign(value)

    def __repr__(self) -> str:
        groups = "".join(f"\n  {group!r}" for group in self.param_groups)
        return f"{self.name}({groups}\n)"


class _RatesByDtype:
    """The rates of a step, cast once for each dtype among the parameters."""

    def __init__(self, owner: Optimizer, group: ParamGroup, step: Tensor) -> None:
        self._exact = owner.rates(step.astype(dtypes.float64), group.lr, group)
        self._cast: dict[Any, Rates] = {}

    def of(self, dtype: Any) -> Rates:
        if dtype not in self._cast:
            self._cast[dtype] = {name: rate.astype(dtype) for name, rate in self._exact.items()}
        return self._cast[dtype]


def workable(param: Tensor) -> Tensor:
    """The parameter in the dtype that its update is computed in: at least float32."""
    return param.astype(dtypes.float32) if param.dtype.itemsize < 4 else param


def _checked_gradient(param: Tensor, what: str) -> Tensor:
    g: Any = param.grad
    if isinstance(g, Tensor) and g.shape == param.shape and g.dtype == param.dtype:
        return g
    shape, dtype = getattr(g, "shape", None), getattr(g, "dtype", None)
    raise ShapeError(
        f"{what} is a {type(g).__name__} of shape {shape} and dtype {dtype}, "
        f"the parameter a Tensor of {param.shape} and {param.dtype}",
        fix="assign .grad a Tensor like the parameter",
    )


def moving(average: Tensor, x: Tensor, weight: float) -> Tensor:
    """An exponential moving average after one more x: average + weight (x - average)."""
    return average + (x - average) * weight


def first_step(step: Tensor) -> Tensor:
    """1 in a parameter's first update, 0 ever after; float64."""
    return ops.equal(step, 1.0).astype(dtypes.float64)

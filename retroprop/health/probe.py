"""What one forward and backward pass shows: statistics of activations, gradients, weights.

A probe is part of the pass that it looks at: everything is computed with ops, so that a compiled
function may probe, and reads data that the pass has at hand anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from retroprop import dtypes, ops
from retroprop.array.statistics import mean, var
from retroprop.core import recording
from retroprop.core.tape import Observer, no_grad
from retroprop.core.tensor import Tensor
from retroprop.nn.module import Module
from retroprop.ops.define import Op

__all__ = ["BOUNDED", "Probe", "Site"]

BOUNDED = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
_NEAR = 0.025  # of its range: this close to an end, a bounded activation counts as saturated
_RECTIFIED = ("relu",)


class Site(NamedTuple):
    """A place in the network that has statistics.

    Attributes:
        name:  dotted path of the layer, with the op behind it for an activation: "layers.3:tanh".
        kind:  "layer" (a module with parameters of its own), "sigmoid", "tanh", "relu", "input"
               (what a recurrent layer reads, step by step), "parameter".
        units: how many units the layer has, or elements the parameter.
    """

    name: str
    kind: str
    units: int


class Probe(Observer):
    """Collects statistics of the passes inside a `with` block.

    Args:
        model: whose layers are looked at.

    Attributes:
        sites:  the layers and activations, in the order in which they were first computed.
        values: by name of the statistic and site, a Tensor with one element.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
        >>> with Probe(model) as probe:
        ...     model(rp.ones((4, 2))).sum().backward()
        >>> [site.name for site in probe.sites]
        ['0', '1:tanh']
    """

    def __init__(self, model: Module) -> None:
        self.model = model
        self.sites: list[Site] = []
        self.values: dict[tuple[str, str], Tensor] = {}
        self._names = {id(module): name for name, module in model.named_modules()}
        self._path: list[Module] = []
        self._hooks = ExitStack()

    def __enter__(self) -> Probe:
        for module in self.model.modules():
            self._hooks.enter_context(module.register_forward_pre_hook(self._enter))
            self._hooks.enter_context(module.register_forward_hook(self._leave))
        super().__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        self._hooks.close()

    def parameters(self) -> None:
        """Look at the parameters and their gradients; called after `backward`."""
        with no_grad():
            for name, param in self.model.named_parameters():
                if not dtypes.is_floating(param.dtype) or not param.size:
                    continue
                self._site(Site(name, "parameter", param.size))
                self._note("weight", name, _mean_square(param.detach()))
                if param.grad is not None:
                    self._note("gradient", name, _mean_square(param.grad))
                    self._note("still", name, _share(_still_rows(param.grad)))

    # -- layers ----------------------------------------------------------------------------------

    def _enter(self, module: Module, _: tuple[Any, ...]) -> None:
        self._path.append(module)

    def _leave(self, module: Module, args: tuple[Any, ...], output: Any) -> None:
        self._path.pop()
        if not any(True for _ in module.parameters(recurse=False)) or _is_inner():
            return
        name = self._names.get(id(module), "")
        first = _first_tensor(output)
        if first is None:
            return
        units = first.shape[_unit_axis(first)] if first.ndim else 1
        if not self._site(Site(name, "layer", units)):
            return  # a layer that is called again: its first call speaks for it
        self._outgoing(name, first)
        steps = getattr(module, "batch_first", None)
        given = _first_tensor(args)
        if steps is not None and given is not None and given.ndim == 3 and given.requires_grad:
            self._through_time(f"{name}:input", given, 1 if steps else 0)

    def _outgoing(self, name: str, y: Tensor) -> None:
        with no_grad():
            self._note("activation", name, _mean_square(y.detach()))
            self._note("spread", name, _spread(y.detach()))
        if y.requires_grad:
            y.register_hook(lambda g: self._note("gradient", name, _mean_square(g)))

    def _through_time(self, name: str, x: Tensor, axis: int) -> None:
        """The gradient that reaches each step of a sequence."""
        if not self._site(Site(name, "input", x.shape[axis])):
            return
        others = tuple(i for i in range(x.ndim) if i != axis)
        x.register_hook(
            lambda g: self._note("by step", name, mean(ops.square(_wide(g)), axis=others))
        )

    # -- activations -----------------------------------------------------------------------------

    def saw(self, op: Op, operands: Sequence[Any], made: Sequence[Any]) -> None:
        if (op.name not in BOUNDED and op.name not in _RECTIFIED) or _is_inner():
            return
        path = self._names.get(id(self._path[-1]), "") if self._path else ""
        name, y = f"{path}:{op.name}", made[0]
        number = 2
        while any(site.name == name for site in self.sites):  # the same function twice in a layer
            name, number = f"{path}:{op.name} {number}", number + 1
        units = y.shape[_unit_axis(y)] if y.ndim else 1
        self._site(Site(name, op.name, units))
        with no_grad():
            values = y.detach()
            if op.name in BOUNDED:
                self._note("saturated", name, _share(_saturated(values, *BOUNDED[op.name])))
            else:
                self._note("zero", name, _share(ops.equal(values, 0.0)))
                self._note("dead", name, _share(_always_zero(values)))

    # -- keeping ---------------------------------------------------------------------------------

    def _site(self, site: Site) -> bool:
        """Keep a place; whether it is new."""
        if any(known.name == site.name and known.kind == site.kind for known in self.sites):
            return False
        self.sites.append(site)
        return True

    def _note(self, what: str, name: str, value: Tensor) -> None:
        self.values[what, name] = value.astype(dtypes.float32)


def _is_inner() -> bool:
    """Whether a body of a loop is being recorded: what is in there has no single value."""
    recorder = recording.current() if recording.active else None
    return recorder is not None and recorder.parent is not None


def _first_tensor(made: Any) -> Tensor | None:
    while isinstance(made, tuple | list) and made:
        made = made[0]
    return made if isinstance(made, Tensor) and dtypes.is_floating(made.dtype) else None


def _unit_axis(y: Tensor) -> int:
    """The axis of the units: channels of images, features of everything else."""
    return 1 if y.ndim >= 4 else y.ndim - 1


def _wide(x: Tensor) -> Tensor:
    return x.astype(dtypes.float32) if x.dtype.itemsize < 4 else x


def _mean_square(x: Tensor) -> Tensor:
    return mean(ops.square(_wide(x)))


def _spread(y: Tensor) -> Tensor:
    """The mean over units of the variance over everything else."""
    axis = _unit_axis(y) if y.ndim else 0
    others = tuple(i for i in range(y.ndim) if i != axis)
    return mean(var(_wide(y), axis=others))


def _share(condition: Tensor) -> Tensor:
    return mean(condition.astype(dtypes.float32))


def _saturated(y: Tensor, low: float, high: float) -> Tensor:
    margin = _NEAR * (high - low)
    return ops.logical_or(ops.less(y, low + margin), ops.greater(y, high - margin))


def _always_zero(y: Tensor) -> Tensor:
    """For each unit, whether it is 0 in the whole batch."""
    axis = _unit_axis(y) if y.ndim else 0
    return ops.equal(ops.max(y, axis=tuple(i for i in range(y.ndim) if i != axis)), 0.0)


def _still_rows(g: Tensor) -> Tensor:
    """Which rows of a gradient are all 0."""
    return ops.logical_not(ops.any(ops.not_equal(g, 0.0), axis=tuple(range(1, g.ndim)) or None))

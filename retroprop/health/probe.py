"""What one forward and backward pass shows: statistics of activations, gradients, weights.

A probe is part of the pass that it looks at: everything is computed with ops, so that a compiled
function may probe, and reads data that the pass has at hand anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from retroprop import dtypes, ops
from retroprop.array.creation import arange, asarray, ones
from retroprop.array.statistics import mean, var
from retroprop.core import recording
from retroprop.core.tape import Observer, no_grad
from retroprop.core.tensor import Tensor
from retroprop.nn.cells import GRUCell, LSTMCell, RNNCell
from retroprop.nn.embedding import Embedding, EmbeddingBag
from retroprop.nn.linear import Linear
from retroprop.nn.module import Module
from retroprop.nn.stacked import Stacked
from retroprop.ops.define import Op
from retroprop.ops.indexing import take_add

__all__ = ["BOUNDED", "MOST_CLASSES", "Probe", "Site"]

BOUNDED = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
_NEAR = 0.025  # of its range: this close to an end, a bounded activation counts as saturated
_RECTIFIED = ("relu",)
_TINY = 1e-30  # the least sum of squares that something is divided by
_MOST_TIMES = 8  # that an activation of a layer is looked at: it may be called in a loop
MOST_CLASSES = 4096  # that predictions are counted for


class Site(NamedTuple):
    """A place in the network that has statistics.

    Attributes:
        name:   dotted path of the layer, with the op behind it for an activation: "layers.3:tanh".
        kind:   "layer" (a module with parameters of its own), "sigmoid", "tanh", "relu", "input"
                (what a recurrent layer reads, step by step), "table" (what is read by index),
                "parameter".
        units:  how many units the layer has, elements the parameter, lookups the table in a pass.
        places: where each unit of a layer is computed, for one example: pixels, steps of time.
        fan:    inputs of a unit, for the weights of one; 0 for other parameters.
    """

    name: str
    kind: str
    units: int
    places: int = 1
    fan: int = 0


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
        self._known: set[tuple[str, str]] = set()
        self._names = {id(module): name for name, module in model.named_modules()}
        self._path: list[Module] = []
        self._hooks = ExitStack()
        self._times: dict[str, int] = {}
        self._parts: dict[str, tuple[Tensor | None, int]] = {}

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
                is_table = ("table", name) in self._known
                fan = param.size // param.shape[0] if param.ndim > 1 and not is_table else 0
                self._site(Site(name, "parameter", param.size, 1, fan))
                self._note("weight", name, _mean_square(param.detach()))
                if param.grad is not None:
                    self._gradient(name, param.grad)

    def _gradient(self, name: str, g: Tensor) -> None:
        square = _mean_square(g)
        self._note("gradient", name, square)
        self._note("still", name, _share(_still_rows(g)))
        parts, count = self._parts.get(name, (None, 0))
        if parts is not None and count > 1:
            whole = ops.maximum(square * float(g.size), _TINY)
            share = (parts / whole - 1 / count) * (count / (count - 1))
            self._note("noise", name, share)

    # -- layers ----------------------------------------------------------------------------------

    def _enter(self, module: Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        self._path.append(module)
        given = _first_tensor(args)
        if not isinstance(module, Stacked) or given is None or given.ndim != 3 or _is_inner():
            return None
        if not given.requires_grad:  # the data: its gradient is asked for here alone
            given = given.detach().requires_grad_()
        name = f"{self._names.get(id(module), '')}:input"
        self._through_time(name, given, 1 if module.batch_first else 0)
        return (given, *args[1:])

    def _leave(self, module: Module, args: tuple[Any, ...], output: Any) -> None:
        self._path.pop()
        first = _first_tensor(output)
        if first is None or _is_inner():
            return
        if module is self.model:
            self._predictions(first)
        if not any(True for _ in module.parameters(recurse=False)):
            return
        name = self._names.get(id(module), "")
        units = first.shape[_unit_axis(first)] if first.ndim else 1
        time_first = isinstance(module, Stacked) and not module.batch_first and first.ndim > 2
        examples = first.shape[1 if time_first else 0] if first.ndim > 1 else 1
        places = first.size // max(1, units * examples)
        weight = f"{name}.weight".removeprefix(".")
        if not self._site(Site(name, "layer", units, places)):
            self._parts[weight] = (None, 0)
            return  # a layer that is called again: its first call speaks for it
        self._outgoing(name, first)
        if isinstance(module, Embedding | EmbeddingBag):
            self._lookups(weight, args[0], module.num_embeddings)
        x = _first_tensor(args)
        if isinstance(module, Linear) and x is not None and x.ndim == 2 and first.requires_grad:
            self._example_by_example(weight, x.detach(), first)

    def _outgoing(self, name: str, y: Tensor) -> None:
        with no_grad():
            self._note("activation", name, _mean_square(y.detach()))
            self._note("spread", name, _spread(y.detach()))
        if y.requires_grad:
            y.register_hook(lambda g: self._note("gradient", name, _mean_square(g)))

    def _example_by_example(self, weight: str, x: Tensor, y: Tensor) -> None:
        """The squares of the gradients that the examples give a dense layer, each by itself.

        The gradient of one is an outer product, so its square is a product of two sums: Goodfellow
        2015, arXiv:1510.01799.
        """

        def keep(g: Tensor) -> None:
            if weight not in self._parts:
                sizes = [ops.sum(ops.square(_wide(one)), axis=1) for one in (g, x)]
                self._parts[weight] = (ops.sum(sizes[0] * sizes[1]), x.shape[0])

        y.register_hook(keep)

    def _lookups(self, name: str, indices: Any, rows: int) -> None:
        """Which rows of a table are looked up."""
        with no_grad():
            places = asarray(indices).reshape(-1)
            self._site(Site(name, "table", places.size))
            counts = take_add(ones(places.shape), places, axis=0, length=rows)
            self._note("rows", name, ops.greater(counts, 0.0))

    def _through_time(self, name: str, x: Tensor, axis: int) -> None:
        """The gradient that reaches each step of a sequence."""
        if not self._site(Site(name, "input", x.shape[axis])):
            return
        others = tuple(i for i in range(x.ndim) if i != axis)
        x.register_hook(
            lambda g: self._note("by step", name, mean(ops.square(_wide(g)), axis=others))
        )

    def _predictions(self, y: Tensor) -> None:
        """The share of the examples that each class is predicted for, if these are classes."""
        classes = max(2, y.shape[1]) if y.ndim == 2 else 0
        if not 0 < classes <= MOST_CLASSES or ("predicted", "") in self.values:
            return
        with no_grad():
            if y.shape[1] > 1:
                chosen = ops.argmax(y.detach(), axis=1, keepdims=True)
            else:
                is_share = any(site.kind == "sigmoid" for site in self.sites[-1:])
                chosen = ops.greater(y.detach(), 0.5 if is_share else 0.0).astype(dtypes.int64)
            shares = ops.equal(chosen, arange(classes)).astype(dtypes.float32)
            self._note("predicted", "", mean(shares, axis=0))

    # -- activations -----------------------------------------------------------------------------

    def saw(self, op: Op, operands: Sequence[Any], made: Sequence[Any]) -> None:
        if (op.name not in BOUNDED and op.name not in _RECTIFIED) or _is_inner():
            return
        module = self._path[-1] if self._path else self.model
        if isinstance(module, Stacked | RNNCell | LSTMCell | GRUCell):
            return  # once for each step of time; and gates are meant to be shut now and then
        name, y = f"{self._names.get(id(module), '')}:{op.name}", made[0]
        self._times[name] = times = self._times.get(name, 0) + 1
        if times > _MOST_TIMES:
            return
        name = name if times == 1 else f"{name} {times}"
        units = y.shape[_unit_axis(y)] if y.ndim else 1
        self._site(Site(name, op.name, units))
        with no_grad():
            values = y.detach()
            if op.name in BOUNDED:
                self._note("saturated", name, _share(_saturated(values, *BOUNDED[op.name])))
            else:
                self._note("zero", name, _share(ops.equal(values, 0.0)))
                silent = _always_zero(values)
                self._note("dead", name, _share(silent))
                self._note("silent", name, silent)

    # -- keeping ---------------------------------------------------------------------------------

    def _site(self, site: Site) -> bool:
        """Keep a place; whether it is new."""
        if (site.kind, site.name) in self._known:
            return False
        self._known.add((site.kind, site.name))
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

"""What one forward and backward pass over a batch shows, before any training.

The pass is recorded as `rp.compile` records it and run op by op, so that checks can read the
program itself: which op feeds which, in what mode a layer was called, what a loss combines. It
leaves no trace: state, random numbers and gradients are as before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop import dtypes, tree
from retroprop.array.statistics import mean, var
from retroprop.core.compile import compile
from retroprop.core.tape import Journal, Observer, no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import IndexRangeError, RetropropError, TraceError
from retroprop.health.probe import Probe, Site
from retroprop.ir import Graph
from retroprop.nn import functional
from retroprop.nn.module import Module
from retroprop.ops.define import Op

__all__ = ["Call", "Feed", "Look", "Mix", "look", "loss_function", "own_parameters"]

Array = np.ndarray[Any, Any]


class Call(NamedTuple):
    """A layer that was called: its name, in what mode, and the shapes that went in and out."""

    name: str
    module: Module
    training: bool
    given: tuple[int, ...]
    made: tuple[int, ...] = ()


class Feed(NamedTuple):
    """What the first layer with weights reads: mean and deviation of each of its features."""

    name: str
    mean: Array
    deviation: Array


class Mix(NamedTuple):
    """An op of the loss: its name, the shapes of its operands and of its result."""

    op: str
    operands: tuple[tuple[int, ...], ...]
    made: tuple[int, ...]


class Look(NamedTuple):
    """What a pass showed. Parts that it did not reach are empty.

    Attributes:
        calls:      layers in the order in which they were called.
        graph:      the program, or None where it could only be run.
        outputs:    shape of the prediction; None where it was not reached.
        loss:       of the batch; None where it could not be computed.
        error:      why it could not.
        sites, values: what a `Probe` saw; values as arrays.
        gradients:  by name of the parameter; None where none arrived.
        feed:       of the first layer with weights, or None.
        mixes:      the ops of the loss.
        leftover:   parameters that had a gradient before the pass.
    """

    calls: tuple[Call, ...]
    graph: Graph | None
    outputs: tuple[int, ...] | None
    loss: float | None
    error: Exception | None
    sites: tuple[Site, ...]
    values: dict[tuple[str, str], Any]
    gradients: dict[str, Array | None]
    feed: Feed | None
    mixes: tuple[Mix, ...]
    leftover: tuple[str, ...]


def loss_function(loss: Any) -> Callable[..., Any]:
    """A loss by name, or the function itself.

    Example:
        >>> loss_function("mse").__name__
        'mse_loss'
    """
    if not isinstance(loss, str):
        return loss
    found = getattr(functional, f"{loss}_loss", None) or getattr(functional, loss, None)
    if found is None:
        raise RetropropError(f"there is no loss named {loss!r}")
    return found


def own_parameters(module: Module) -> list[Tensor]:
    """The parameters that a module itself holds."""
    return [param for _, param in module.named_parameters(recurse=False)]


def look(model: Module, loss: Any, x: Any, y: Any) -> Look:
    """Run a pass as a training step would, and forget it.

    Args:
        model: called with x: a Tensor, a tuple or a dict of them.
        loss:  a name or a function (prediction, target).

    Example:
        >>> import retroprop as rp
        >>> from retroprop import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> seen = look(model, "cross_entropy", rp.zeros((4, 2)), rp.asarray([0, 1, 2, 0]))
        >>> [(call.name, call.made) for call in seen.calls]
        [('', (4, 3)), ('0', (4, 3)), ('1', (4, 3))]
    """
    held = {name: param.grad for name, param in model.named_parameters()}
    seen = _Pass(model, loss)
    made: dict[str, Any] = {}
    error: Exception | None = None
    graph = None
    model.zero_grad()
    try:
        try:
            program = compile(seen.run, backend="numpy", verbose=False)
            made, graph = program(x, y), program.graph
        except (TraceError, IndexRangeError):  # eager code can look, and explains more
            made = seen.run(x, y)
    except Exception as problem:  # noqa: BLE001  whatever stops a pass is a finding
        error = problem
    finally:
        for name, param in model.named_parameters():
            param.grad = held[name]
    return _looked(seen, made, graph, error, tuple(n for n, g in held.items() if g is not None))


def _looked(
    seen: _Pass, made: dict[str, Any], graph: Any, error: Exception | None, leftover: Any
) -> Look:
    gradients = {name: _array(g) for name, g in made.get("gradients", {}).items()}
    values = {key: np.asarray(_array(value)) for key, value in made.get("values", {}).items()}
    feed = made.get("feed")
    loss = made.get("loss")
    return Look(
        tuple(seen.calls),
        graph,
        seen.outputs,
        None if loss is None else float(loss.numpy()),
        error,
        tuple(seen.sites),
        values,
        gradients,
        None if feed is None else Feed(seen.fed, *(np.asarray(_array(one)) for one in feed)),
        tuple(seen.mixes),
        leftover,
    )


def _array(tensor: Any) -> Any:
    return tensor.numpy() if isinstance(tensor, Tensor) else None


class _Pass(Observer):
    """One pass with hooks on every layer, and with an eye on the ops of the loss."""

    def __init__(self, model: Module, loss: Any) -> None:
        self.model, self.loss = model, loss
        self._start()

    def _start(self) -> None:
        """Nothing seen yet: a pass may be run twice, recorded and then eagerly."""
        self.calls: list[Call] = []
        self.mixes: list[Mix] = []
        self.sites: list[Site] = []
        self.fed = ""
        self.outputs: tuple[int, ...] | None = None
        self._feed: tuple[Tensor, Tensor] | None = None

    def run(self, x: Any, y: Any) -> dict[str, Any]:
        """The pass; what it returns are Tensors."""
        self._start()
        names = {id(module): name for name, module in self.model.named_modules()}
        handles = []
        for module in self.model.modules():
            handles.append(module.register_forward_pre_hook(self._enter(names)))
            handles.append(module.register_forward_hook(self._leave))
        try:
            with Journal() as journal:
                made = self._pass(x, y)
                journal.rewind()
        finally:
            for handle in handles:
                handle.remove()
        return made

    def _pass(self, x: Any, y: Any) -> dict[str, Any]:
        parameters = dict(self.model.named_parameters())
        with Probe(self.model) as probe:
            given = x if isinstance(x, tuple) else (x,)
            made = self.model(**x) if isinstance(x, dict) else self.model(*given)
            self.outputs = made.shape if isinstance(made, Tensor) else None
            with self:
                loss = loss_function(self.loss)(made, y)
            if any(param.requires_grad for param in parameters.values()):
                loss.backward()
        probe.parameters()
        self.sites = probe.sites
        gradients = {name: param.grad for name, param in parameters.items()}
        for param in parameters.values():
            param.grad = None
        return {
            "loss": loss.detach(),
            "gradients": gradients,
            "values": probe.values,
            "feed": self._feed,
        }

    def saw(self, op: Op, operands: Sequence[Any], made: Sequence[Any]) -> None:
        shapes = tuple(operand.shape for operand in operands)
        self.mixes.append(Mix(op.name, shapes, made[0].shape))

    def _enter(self, names: dict[int, str]) -> Callable[..., None]:
        def note(module: Module, args: tuple[Any, ...]) -> None:
            first = _first(args)
            shape = () if first is None else first.shape
            name = names.get(id(module), "")
            self.calls.append(Call(name, module, module.training, shape))
            weighted = any(param.ndim > 1 for param in own_parameters(module))
            if not self.fed and own_parameters(module) and first is not None:
                self.fed = name or type(module).__name__
                if weighted and dtypes.is_floating(first.dtype) and first.ndim > 1:
                    self._feed = _features(first)

        return note

    def _leave(self, module: Module, args: tuple[Any, ...], output: Any) -> None:
        first = _first(output)
        for number in range(len(self.calls) - 1, -1, -1):
            call = self.calls[number]
            if call.module is module and not call.made:
                self.calls[number] = call._replace(made=() if first is None else first.shape)
                return


def _first(made: Any) -> Tensor | None:
    return next((one for one in tree.flatten(made)[0] if isinstance(one, Tensor)), None)


def _features(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each feature; images have their channels on axis 1."""
    axis = 1 if x.ndim >= 4 else x.ndim - 1
    others = tuple(i for i in range(x.ndim) if i != axis)
    with no_grad():
        wide = x.detach().astype(dtypes.float64)
        return mean(wide, axis=others), var(wide, axis=others) ** 0.5

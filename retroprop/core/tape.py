"""Eager execution: each op runs its reference at once and, where a gradient may be asked for, is
recorded.

The tape is no list: it is the `ir` graph itself, held together by the values that Tensors point
at, so it goes when they go.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ContextDecorator
from typing import Any

import numpy as np

from retroprop import dtypes, settings, shapes
from retroprop.core import recording
from retroprop.core.checked import check
from retroprop.errors import DTypeError, NoGradientError
from retroprop.ir import Node, Value
from retroprop.ops.define import DATA_DEPENDENT, Op

__all__ = [
    "Journal",
    "Observer",
    "enable_grad",
    "execute",
    "followers",
    "is_grad_enabled",
    "no_grad",
    "note_assignment",
    "note_gradient",
    "set_grad_enabled",
    "tell_node",
]


class _Mode(threading.local):
    enabled = True
    journals: tuple[Journal, ...] = ()
    observers: tuple[Observer, ...] = ()


_mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether operations are being recorded in this thread.

    Example:
        >>> with no_grad():
        ...     is_grad_enabled()
        False
    """
    return _mode.enabled


class set_grad_enabled(ContextDecorator):  # noqa: N801  a context manager, named as in PyTorch
    """Record operations, or not, inside a `with` block or a decorated function.

    Example:
        >>> with set_grad_enabled(False):
        ...     is_grad_enabled()
        False
    """

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_mode.enabled)
        _mode.enabled = self.mode

    def __exit__(self, *exception: object) -> None:
        _mode.enabled = self._before.pop()


class no_grad(set_grad_enabled):  # noqa: N801  as in PyTorch
    """Run operations without recording them: for evaluation and for updates of parameters.

    Example:
        >>> import retroprop as rp
        >>> w = rp.ones(2, requires_grad=True)
        >>> with rp.no_grad():
        ...     y = w * 2
        >>> y.requires_grad
        False
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(set_grad_enabled):  # noqa: N801  as in PyTorch
    """Record operations again inside a `no_grad` block.

    Example:
        >>> with no_grad(), enable_grad():
        ...     is_grad_enabled()
        True
    """

    def __init__(self) -> None:
        super().__init__(True)


class Journal:
    """Remembers what cells held before they were assigned inside a `with` block.

    Whatever a function draws or learns on the way (random state, batch statistics) goes through
    `assign`, so with the journal of its first run it can be run again from the same state, and
    without a trace. With `gradients` those of cells are remembered too.
    """

    def __init__(self, *, gradients: bool = False) -> None:
        self.gradients = gradients
        self._before: dict[int, tuple[Any, Any]] = {}
        self._slopes: dict[int, tuple[Any, Any]] = {}
        self._recorder: Any = None

    def __enter__(self) -> Journal:
        self._recorder = recording.current() if recording.active else None
        _mode.journals = (*_mode.journals, self)
        return self

    def __exit__(self, *exception: object) -> None:
        _mode.journals = _mode.journals[:-1]

    def note(self, cell: Any) -> None:
        """Remember a cell, the first time only.

        What the body of a loop assigns is for journals inside it; outside, the loop assigns it.
        """
        if self._recorder is (recording.current() if recording.active else None):
            self._before.setdefault(id(cell), (cell, cell.detach()))

    def note_gradient(self, cell: Any) -> None:
        """Remember the gradient of a cell, the first time only."""
        if self.gradients and id(cell) not in self._slopes:
            self._slopes[id(cell)] = cell, cell._grad

    def noted(self) -> list[tuple[Any, Any]]:
        """The cells that were assigned, and what they held before."""
        return list(self._before.values())

    def noted_gradients(self) -> list[tuple[Any, Any]]:
        """The cells that were given another gradient, and the one that they had before."""
        return list(self._slopes.values())

    def rewind(self) -> Journal:
        """Put the cells back to what they held; the journal that undoes this is returned."""
        undo = Journal(gradients=self.gradients)
        for cell, gradient in self._slopes.values():
            undo.note_gradient(cell)
            cell._grad = gradient
        for cell, before in self._before.values():
            undo._before.setdefault(id(cell), (cell, cell.detach()))
            with no_grad():
                cell.assign(before)
        return undo


class Observer:
    """Sees every op that this thread executes or traces inside a `with` block.

    Subclasses override `saw`. What an observer itself computes, it does not see. One that `follows`
    also sees the ops of backward passes and of compiled functions, which run op by op for it.
    """

    follows = False

    def __enter__(self) -> Any:
        _mode.observers = (*_mode.observers, self)
        return self

    def __exit__(self, *exception: object) -> None:
        _mode.observers = _mode.observers[:-1]

    def saw(self, op: Op, operands: Sequence[Any], made: Sequence[Any]) -> None:
        """An op was executed on Tensors, and made Tensors."""

    def begins(self, op: Op, operands: Sequence[Any]) -> None:
        """An op is about to be executed; it may yet fail."""

    def executed(
        self, op: Op, operands: Sequence[Any], attributes: dict[str, Any], made: Sequence[Any]
    ) -> None:
        """As `saw`, with the attributes of the op."""
        self.saw(op, operands, made)

    def pulls(self, node: Node | None) -> None:
        """A backward pass has reached a node; None: it is over. For those that follow."""


def _show(what: str, *seen: Any) -> None:
    """Tell the observers, who do not see what they compute themselves."""
    observers, _mode.observers = _mode.observers, ()
    try:
        for observer in observers:
            getattr(observer, what)(*seen)
    finally:
        _mode.observers = observers


def followers() -> list[Observer]:
    """The observers of this thread that want to see every op, one by one."""
    observers = _mode.observers  # almost always none, and every compiled call asks
    return [observer for observer in observers if observer.follows] if observers else []


def tell_node(node: Node | None) -> None:
    """Tell those that follow where a backward pass is."""
    for observer in followers():
        observer.pulls(node)


def note_assignment(cell: Any) -> None:
    """Tell the journals that are open that a cell is about to change."""
    for journal in _mode.journals:
        journal.note(cell)


def note_gradient(cell: Any) -> None:
    """Tell the journals that are open that the gradient of a cell is about to change."""
    for journal in _mode.journals:
        journal.note_gradient(cell)


def execute(op: Op, operands: Sequence[Any], attributes: dict[str, Any], make: Any) -> Any:
    """Run an op on Tensors, Python scalars and arrays, and record it when it may need a gradient.

    Args:
        make: the Tensor class; it is above this file.

    Returns:
        A Tensor, or a tuple of them for an op with several outputs.
    """
    attributes = op.complete(attributes)
    tensors = _prepare(op, operands, make)
    arrays = [tensor._array for tensor in tensors]
    _check_shapes(op, arrays, attributes)
    if _mode.observers:
        _show("begins", op, tensors)
    recorder = recording.current() if recording.active else None
    with np.errstate(all="ignore"):  # infinities and NaN are values here, not warnings
        if recorder is None:
            result = op.reference(*arrays, **attributes)
        else:
            result = recorder.run(op, arrays, attributes)
    several = type(result) is tuple
    if settings.check_shapes and op.shape is not DATA_DEPENDENT and recorder is None:
        check(op, arrays, attributes, result if several else (result,))
    wrap = make._wrap
    made = tuple(map(wrap, result)) if several else (wrap(result),)
    if _mode.enabled:
        for tensor in tensors:
            if tensor._requires_grad:
                _record(op, tensors, attributes, made)
                break
    if _mode.observers:
        _show("executed", op, tensors, attributes, made)
    return made if several else made[0]


def _check_shapes(op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> None:
    """Explain sizes that do not fit, before NumPy stumbles over them."""
    if op.shape is None:
        first = arrays[0].shape
        for array in arrays:
            if array.shape != first and array.shape and first:
                shapes.broadcast(*(array.shape for array in arrays), op=op.name)
                return
    elif op.shape is not DATA_DEPENDENT:
        op.shape(*(array.shape for array in arrays), **attributes)


def _prepare(op: Op, operands: Sequence[Any], make: Any) -> list[Any]:
    """The operands as Tensors of the dtypes that the op combines."""
    tensors: list[Any] = []
    first = None
    plain = not op.roles
    for operand in operands:
        if isinstance(operand, make):
            first = operand.dtype if first is None else first
            plain = plain and operand.dtype == first
            tensors.append(operand)
        elif _is_scalar(operand):
            plain = False
            tensors.append(None)
        else:
            plain = False
            tensors.append(make(operand))
    if not op.variadic and len(tensors) != op.arity:
        raise TypeError(f"{op.name}() takes {op.arity} tensors, {len(operands)} were given")
    if plain and first is not None and op.takes(first):
        return tensors
    return _promoted(op, operands, tensors, make)


def _promoted(op: Op, operands: Sequence[Any], tensors: list[Any], make: Any) -> list[Any]:
    """Operands of different kinds, scalars and roles brought together."""
    takes = op.takes_promotion * len(tensors) if op.variadic else op.takes_promotion
    common = _common(op, operands, tensors, takes)
    for i, (operand, promoted) in enumerate(zip(operands, takes, strict=True)):
        tensor = tensors[i]
        if tensor is None and promoted:
            tensors[i] = make._wrap(_scalar(op, operand, common))
            continue
        if tensor is None:
            tensor = tensors[i] = make(operand)
        if promoted:
            if tensor.dtype != common:
                tensors[i] = tensor.astype(common)
        else:
            _check_role(op, op.operands[0 if op.variadic else i], tensor.dtype)
    return tensors


def _scalar(op: Op, number: complex, dtype: Any) -> Any:
    """A Python number as an array of the dtype it meets."""
    try:
        return np.asarray(number, dtype)
    except OverflowError:
        raise DTypeError(
            f"{op.name}: {number} does not fit in {dtype}", fix="convert the tensor with rp.astype"
        ) from None


def _check_role(op: Op, name: str, dtype: Any) -> None:
    if dtypes.kind(dtype) not in op.roles[name]:
        wanted = " or ".join(sorted(op.roles[name]))
        raise DTypeError(
            f"{op.name}: {name} must be {wanted}, it is {dtype}", fix="convert with rp.astype"
        )


def _common(op: Op, operands: Sequence[Any], tensors: list[Any], takes: Sequence[bool]) -> Any:
    """The dtype that promoted operands meet in, Python scalars being weak."""
    strong = [t.dtype for t, take in zip(tensors, takes, strict=True) if take and t is not None]
    weak = [
        operand
        for operand, tensor, take in zip(operands, tensors, takes, strict=True)
        if take and tensor is None
    ]
    if not strong and not weak:
        return None
    base = dtypes.promote(*strong) if strong else dtypes.canonical(type(weak[0]))
    for scalar in weak:
        base = dtypes.promote(base, dtypes.scalar_type(scalar, base))
    if op.takes(base):
        return base
    return op.common_dtype([base if take else None for take in takes])  # type: ignore[misc]


def _is_scalar(operand: Any) -> bool:
    return isinstance(operand, bool | int | float | complex) and not isinstance(operand, np.generic)


def _record(
    op: Op, tensors: Sequence[Any], attributes: dict[str, Any], made: Sequence[Any]
) -> None:
    """Put an executed op on the tape, holding what its rules will ask for."""
    kinds = {one.dtype.kind for one in made}
    if kinds <= _NEVER_DIFFERENTIATED:
        return
    if "c" in kinds:
        raise NoGradientError(
            f"{op.name}: complex results are forward only", fix="detach() the operands first"
        )
    node = Node(op, tuple([tensor.value for tensor in tensors]), attributes)
    wanted = tuple([tensor._requires_grad for tensor in tensors])
    kept: dict[str, Any] = {}
    for name in op.kept_names(wanted):
        if name == "y":
            kept[name] = tuple([one._array for one in made])
        elif op.variadic:
            kept[name] = tuple([tensor._array for tensor in tensors])
        else:
            kept[name] = tensors[op.operands.index(name)]._array
    node.kept = kept
    outputs = []
    for index, one in enumerate(made):
        floating = one.dtype.kind not in _NEVER_DIFFERENTIATED
        value = Value(one.shape, one.dtype, node=node, index=index, requires_grad=floating)
        one._value, one._requires_grad = value, floating
        outputs.append(value)
    node.outputs = tuple(outputs)


_NEVER_DIFFERENTIATED = frozenset("biu")

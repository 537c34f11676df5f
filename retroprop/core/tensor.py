"""The Tensor: a cell that holds an array, and remembers how it was computed.

Methods and operators come from the op table; only what concerns the cell itself is written here.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.autodiff.backward import backward
from retroprop.core import recording
from retroprop.core.cell import Cell
from retroprop.core.convert import as_array
from retroprop.core.operators import Operators
from retroprop.core.resident import Resident
from retroprop.core.symbol import Symbol
from retroprop.core.tape import (
    execute,
    followers,
    is_grad_enabled,
    note_assignment,
    set_grad_enabled,
    tell_node,
)
from retroprop.errors import ArgumentError, DTypeError, ShapeError, TapeError
from retroprop.ir import Value
from retroprop.ops.arithmetic import positive
from retroprop.ops.define import Op
from retroprop.ops.movement import reshape, split

__all__ = ["Tensor"]

Array = np.ndarray[Any, Any]


class Tensor(Cell, Operators):
    """An n-dimensional array in a cell, with the gradient of a later result with respect to it.

    Made by `rp.asarray`, `rp.tensor`, `rp.zeros`, ... and by every function on Tensors. Operations
    never change a Tensor: in-place operators and item assignment rebind the cell to a new value, so
    two Tensors never share a change.

    Attributes:
        grad: the accumulated gradient after `backward()`, a Tensor of the same shape, or None.

    Example:
        >>> import retroprop as rp
        >>> x = rp.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad.numpy().tolist()
        [2.0, 4.0]
    """

    __slots__ = ()
    __array_priority__ = 1000  # NumPy's operators give way to ours

    def __init__(self, data: Any, dtype: Any = None, *, requires_grad: bool = False) -> None:
        self._data = as_array(data, dtype)
        self._value: Value | None = None
        self._requires_grad = False
        self._gradient: Tensor | None = None
        if recording.active:
            recording.made(self)
        if requires_grad:
            self.requires_grad_()

    @classmethod
    def _wrap(cls, array: Any) -> Tensor:
        """A Tensor around an array that needs no conversion."""
        tensor = Tensor.__new__(Tensor)
        if type(array) is not np.ndarray and not hasattr(array, "__op__"):
            array = np.asarray(array)
        tensor._data = array
        tensor._value = None
        tensor._requires_grad = False
        tensor._gradient = None
        if recording.active:
            recording.made(tensor)
        return tensor

    @staticmethod
    def __op__(op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> Any:
        return execute(op, operands, attributes, Tensor)

    # -- what it is ------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self._data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self._data.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._data.size

    device = "cpu"  # the Array API asks for it

    @property
    def T(self) -> Tensor:
        """The transpose of a matrix."""
        if self.ndim != 2:
            raise ShapeError(
                f"T: needs a matrix, got {self.ndim} axes",
                fix="use .mT or rp.permute_dims(x, axes)",
            )
        return self.permute_dims((1, 0))

    @property
    def mT(self) -> Tensor:
        """The last two axes swapped."""
        if self.ndim < 2:
            raise ShapeError(f"mT: needs at least two axes, got {self.ndim}")
        swapped = (*range(self.ndim - 2), self.ndim - 1, self.ndim - 2)
        return self.permute_dims(swapped)

    @property
    def value(self) -> Value:
        """The graph value that this cell holds now."""
        if recording.active and (recorder := recording.current()) is not None:
            recorder.refuse_tape(self)
        if self._value is None:
            wants = self._requires_grad
            constant = None if wants or self.ndim or recording.active else self._array
            value = Value(self.shape, self.dtype, requires_grad=wants, constant=constant)
            if wants:
                value.cell = weakref.ref(self)
            if type(self._data) is Resident:  # a program will have to say that it is outdated
                recording.wrote()
            self._value = value
        return self._value

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient with respect to it can be asked for."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, not computed from something that requires a gradient."""
        return self._value is None or self._value.node is None

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """Ask for gradients with respect to this cell, or stop asking; returns itself."""
        if flag and not dtypes.is_floating(self.dtype):
            raise DTypeError(
                f"only floating tensors have gradients, this one is {self.dtype}",
                fix="convert it first: rp.astype(x, rp.float32)",
            )
        if not self.is_leaf:
            if flag:
                return self
            raise TapeError("a computed tensor cannot be frozen", fix="use x.detach()")
        if flag != self._requires_grad:
            if recording.active and (recorder := recording.current()) is not None:
                recorder.flag(self, bool(flag))
            recording.changed()
            self._requires_grad = bool(flag)
            self._value = None
        return self

    # -- its numbers -----------------------------------------------------------------------------

    def numpy(self) -> Array:
        """The elements as a read-only NumPy array that shares memory; copy it to change it."""
        view = self._array.view()
        view.flags.writeable = False
        return view

    def item(self) -> Any:
        """The single element as a Python number."""
        if self.size != 1:
            raise ShapeError(f"item: the tensor has {self.size} elements", fix="use .tolist()")
        return self._array.item()

    def tolist(self) -> Any:
        """The elements as nested Python lists."""
        return self._array.tolist()

    def detach(self) -> Tensor:
        """The same numbers without their history: a constant for gradients."""
        return Tensor._wrap(self._array)

    def clone(self) -> Tensor:
        """A copy that gradients flow through."""
        return self.detach() if self.dtype == dtypes.bool else positive(self)

    def assign(self, other: Any) -> Tensor:
        """Put another value into this cell; shape and dtype stay. Returns itself.

        Raises:
            ShapeError, DTypeError: the new value does not fit.
            TapeError: the cell is a leaf that requires a gradient, outside `rp.no_grad()`.
        """
        new = other if isinstance(other, Tensor) else Tensor(other, self.dtype)
        if new.shape != self.shape:
            raise ShapeError(f"assign: the cell has shape {self.shape}, the value {new.shape}")
        if new.dtype != self.dtype:
            raise DTypeError(
                f"assign: the cell holds {self.dtype}, the value is {new.dtype}",
                fix=f"convert it: value.astype(rp.{self.dtype})",
            )
        note_assignment(self)
        if self._requires_grad and self.is_leaf:
            if is_grad_enabled():
                raise TapeError(
                    "a leaf that requires a gradient cannot be changed in place while recording",
                    fix="wrap the update in `with rp.no_grad():`, or compute a new tensor",
                )
            self._renew(new._array)
        else:
            self._array, self._value = new._array, new._value if new._requires_grad else None
            self._requires_grad = new._requires_grad
        return self

    # -- gradients -------------------------------------------------------------------------------

    def backward(
        self,
        gradient: Any = None,
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradient of this tensor to `.grad` of every leaf that requires one.

        Args:
            gradient:     cotangent of this tensor's shape; 1 for a single element.
            retain_graph: keep the tape for another backward pass.
            create_graph: make the gradients differentiable themselves.
            inputs:       only these tensors receive gradients, computed ones too.

        Raises:
            TapeError:  nothing here requires a gradient, or the tape was freed.
            ShapeError: the tensor has several elements and no `gradient` was given.
        """
        if not self._requires_grad:
            raise TapeError(
                "backward: nothing this tensor was computed from requires a gradient",
                fix="set requires_grad=True on a tensor it depends on, outside rp.no_grad()",
            )
        seed = _seed(self, gradient, create_graph)
        wrt = None if inputs is None else [one.value for one in inputs]
        found = pull_back(
            [self], [seed], wrt, retain=retain_graph or create_graph, tape=create_graph
        )
        asked = {one.value: one for one in inputs or ()}
        for value, cotangent in found.items():
            cell = asked.get(value)
            if cell is None and value.cell is not None:
                cell = value.cell()
            if cell is not None:
                new = cotangent if isinstance(cotangent, Tensor) else Tensor._wrap(cotangent)
                cell._grad = new if cell._grad is None else cell._grad + new

    # -- Python's protocols ----------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if self._requires_grad:
            raise TapeError(
                "a tensor that requires a gradient does not turn into a NumPy array by itself",
                fix="use x.detach().numpy(), or a retroprop function instead of NumPy's",
            )
        if dtype is not None and np.dtype(dtype) != self.dtype:
            return self._array.astype(dtype)
        return self._array.copy() if copy else self.numpy()

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        import retroprop  # noqa: PLC0415  the namespace is the package itself

        return retroprop

    def __dlpack__(self, **options: Any) -> Any:
        if self._requires_grad:
            raise TapeError("export to DLPack needs x.detach()")
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def to_device(self, device: str, /, *, stream: Any = None) -> Tensor:
        """The tensor on "cpu", the only device of the eager engine."""
        if device != "cpu":
            raise ArgumentError(f"no device {device!r}: this engine runs on the cpu")
        return self

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(
                f"the truth of a tensor of {self.size} elements is ambiguous",
                fix="use rp.any(x) or rp.all(x)",
            )
        return bool(self._array)

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if not dtypes.is_integer(self.dtype) or self.ndim:
            raise DTypeError("only a 0-d integer tensor can be an index")
        return int(self._array)

    def __float__(self) -> float:
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        rows = split(self, sizes=(1,) * len(self), axis=0) if len(self) else ()
        return (reshape(row, self.shape[1:]) for row in rows)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        if isinstance(array := self._array, Symbol):
            array.text()
        body = np.array2string(array, separator=", ", prefix="tensor(", threshold=100)
        extra = "" if self.dtype in _PLAIN else f", dtype={self.dtype.name}"
        extra += ", requires_grad=True" if self._requires_grad else ""
        return f"tensor({body}{extra})"


_PLAIN = (dtypes.default_float, dtypes.default_int, dtypes.bool)


def _seed(tensor: Tensor, gradient: Any, tape: bool) -> Any:
    """The cotangent to start from."""
    if gradient is None:
        if tensor.size != 1:
            raise ShapeError(
                f"backward: the tensor has shape {tensor.shape}, a loss has one element",
                fix="reduce it first, for example loss.mean(), or pass gradient=",
            )
        gradient = np.ones(tensor.shape, tensor.dtype)
    given = gradient if isinstance(gradient, Tensor) else Tensor(gradient, tensor.dtype)
    if given.shape != tensor.shape:
        raise ShapeError(f"backward: gradient has shape {given.shape}, the tensor {tensor.shape}")
    given = given if given.dtype == tensor.dtype else given.astype(tensor.dtype)
    return given if tape else given._array


def pull_back(
    outputs: Sequence[Tensor],
    seeds: Sequence[Any],
    wrt: Sequence[Value] | None,
    *,
    retain: bool,
    tape: bool,
    since: int = -1,
) -> dict[Value, Any]:
    """Run the gradient engine over the tape, on arrays or (to differentiate again) on Tensors."""
    seeing = bool(followers())
    if seeing and not tape:
        seeds = [Tensor._wrap(seed) for seed in seeds]
    taped = tape or seeing  # observers see ops on Tensors
    roots = [output.value for output in outputs]
    lift: Any = lift_tensor if taped else lambda array, value: array
    zeros: Any = (lambda value: Tensor._wrap(_zeros(value))) if taped else _zeros
    ways: dict[str, Any] = {"lift": lift, "zeros": zeros} | ({"told": tell_node} if seeing else {})
    with set_grad_enabled(taped), np.errstate(all="ignore"):
        found = backward(roots, seeds, wrt=wrt, retain=retain, since=since, **ways)
    return found if taped is tape else {value: g._array for value, g in found.items()}


def lift_tensor(array: Array, value: Value) -> Tensor:
    """A Tensor that stands at a value of the tape."""
    tensor = Tensor._wrap(array)
    tensor._value, tensor._requires_grad = value, value.requires_grad
    return tensor


def _zeros(value: Value) -> Array:
    return np.zeros(value.shape, value.dtype)

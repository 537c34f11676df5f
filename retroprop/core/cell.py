"""What a cell keeps besides its numbers: its gradient, its hooks, and its state when copied."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.core import recording
from retroprop.core.resident import Resident
from retroprop.core.tape import note_gradient
from retroprop.errors import DTypeError, ShapeError, TapeError

if TYPE_CHECKING:
    from retroprop.core.tensor import Tensor

__all__ = ["Cell"]

_key = itertools.count()


class Cell:
    """The part of a Tensor that concerns `.grad`, hooks and copies."""

    __slots__ = ("__weakref__", "_data", "_gradient", "_requires_grad", "_value")

    if TYPE_CHECKING:
        _data: Any
        _gradient: Any
        _requires_grad: bool
        _value: Any
        value: Any

        @property
        def is_leaf(self) -> bool: ...
        @classmethod
        def _wrap(cls, array: Any) -> Tensor: ...

    @property
    def _array(self) -> Any:
        """The array that the cell holds; a symbol while a function is being traced."""
        data = self._data
        if recording.active:
            recorder = recording.current()
            if recorder is not None:
                return recorder.read(self)
        return data if type(data) is np.ndarray else data.snapshot()

    @_array.setter
    def _array(self, array: Any) -> None:
        if recording.active:
            recorder = recording.current()
            if recorder is not None:
                recorder.write(self, array)
                return
        self._data = array
        recording.wrote()

    @property
    def _grad(self) -> Tensor | None:
        if recording.active:
            recorder = recording.current()
            if recorder is not None:
                found: Tensor | None = recorder.read_grad(self, type(self)._wrap)
                return found
        gradient = self._gradient
        if type(gradient) is Resident:  # a program left it in its memory
            gradient = self._gradient = type(self)._wrap(gradient.snapshot())
            recording.wrote()
        return gradient

    @_grad.setter
    def _grad(self, gradient: Tensor | None) -> None:
        note_gradient(self)
        if recording.active:
            recorder = recording.current()
            if recorder is not None:
                recorder.write_grad(self, gradient)
                return
        if gradient is not self._gradient:
            self._gradient = gradient
            recording.wrote()

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient after `backward()`, or None; set it to None to start anew."""
        return self._grad

    @grad.setter
    def grad(self, gradient: Any) -> None:
        if gradient is not None:
            gradient = self._cotangent(gradient, "grad")
        self._grad = gradient

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def register_hook(self, hook: Callable[[Tensor], Any]) -> Callable[[], None]:
        """Call `hook(gradient)` in each backward pass; what it returns replaces the gradient.

        Returns:
            A function that removes the hook.

        Raises:
            TapeError: the tensor does not require a gradient.

        Example:
            >>> import retroprop as rp
            >>> x = rp.tensor(3.0, requires_grad=True)
            >>> remove = x.register_hook(lambda g: g * 10)
            >>> (2 * x).backward()
            >>> x.grad.item()
            20.0
        """
        if not self._requires_grad:
            raise TapeError("register_hook: the tensor does not require a gradient")
        value, wrap = self.value, type(self)._wrap
        like = wrap(np.broadcast_to(value.dtype.type(0), value.shape))  # not self: hooks outlive it
        hooks = value.hooks = {} if value.hooks is None else value.hooks

        def on_cotangent(cotangent: Any) -> Any:
            taped = isinstance(cotangent, Cell)
            answer = hook(cotangent if taped else wrap(cotangent))
            if answer is None:
                return None
            answer = like._cotangent(answer, "the hook's gradient")
            return answer if taped else answer._array

        key = next(_key)
        hooks[key] = on_cotangent
        recording.changed()

        def remove() -> None:
            hooks.pop(key, None)
            recording.changed()

        return remove

    def _cotangent(self, given: Any, name: str) -> Any:
        """A gradient from the user as a Tensor of the shape and dtype of this one."""
        if not isinstance(given, Cell):
            given = type(self)._wrap(np.asarray(given, self._data.dtype))
        if given._data.shape != self._data.shape:
            raise ShapeError(f"{name} has shape {given._data.shape}, the tensor {self._data.shape}")
        if given._data.dtype != self._data.dtype:
            raise DTypeError(
                f"{name} is {given._data.dtype}, the tensor {self._data.dtype}",
                fix=f"convert it: g.astype(rp.{self._data.dtype})",
            )
        return given

    def _renew(self, array: np.ndarray[Any, Any]) -> None:
        """Hold another array as a leaf; the hooks stay."""
        self._array = array
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Be a leaf that no tape knows yet; the hooks stay."""
        hooks = None if self._value is None else self._value.hooks
        self._value = None
        if hooks:
            self.value.hooks = hooks

    def _hook_keys(self) -> tuple[int, ...]:
        """Which hooks there are."""
        return tuple(self._value.hooks or ()) if self._value is not None else ()

    def __getstate__(self) -> Any:
        """What copies and pickles hold: numbers, gradient and flags, never the tape or hooks."""
        if not self.is_leaf:
            raise TapeError(
                "a computed tensor cannot be copied or pickled together with its tape",
                fix="use x.detach() for its numbers, x.clone() for a copy on the tape",
            )
        state: Any = object.__getstate__(self)
        plain, slots = state
        return plain, {**slots, "_value": None, "_data": self._array, "_gradient": self._grad}

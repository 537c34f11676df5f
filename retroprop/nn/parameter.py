"""The cells that a module owns: parameters, which are trained, and buffers, which are only kept."""

from __future__ import annotations

from typing import Any

from retroprop import dtypes, random
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import DTypeError

__all__ = ["Buffer", "Parameter", "draw_uniform"]


class _Stored(Tensor):
    """A tensor that owns its numbers and can change its floating type in place."""

    __slots__ = ()

    def __init__(self, data: Any, dtype: Any = None, *, requires_grad: bool = False) -> None:
        super().__init__(data, dtype, requires_grad=requires_grad)
        self._array = self._array.copy()

    def retype(self, dtype: Any) -> None:
        """Hold the same numbers in another floating type; integers and bools stay as they are."""
        dtype = dtypes.canonical(dtype)
        if not dtypes.is_floating(dtype):
            raise DTypeError(f"a module's numbers cannot become {dtype}", fix="use a float type")
        if dtypes.is_floating(self.dtype) and dtype != self.dtype:
            grad = self.grad
            self._renew(self._array.astype(dtype))
            self.grad = None if grad is None else grad.detach().astype(dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        copied = type(self)(self.detach())
        if copied.requires_grad != self.requires_grad:
            copied.requires_grad_(self.requires_grad)
        memo[id(self)] = copied
        return copied


class Parameter(_Stored):
    """A tensor that a module trains: as an attribute of one, it is among its `parameters()`.

    Args:
        data:          anything array-like; its numbers are copied.
        dtype:         a floating type; that of the data by default.
        requires_grad: False for a parameter that stays as it is.
        sparse:        whether optimizers leave rows (of the first axis) alone that got no gradient;
                       see `nn.Embedding`.

    Example:
        >>> Parameter([1.0, 2.0])
        Parameter(tensor([1., 2.], requires_grad=True))
    """

    __slots__ = ("sparse",)

    def __init__(
        self, data: Any, dtype: Any = None, *, requires_grad: bool = True, sparse: bool = False
    ) -> None:
        super().__init__(data, dtype, requires_grad=requires_grad)
        self.sparse = sparse

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        copied = super().__deepcopy__(memo)
        copied.sparse = self.sparse  # type: ignore[attr-defined]
        return copied

    def __repr__(self) -> str:
        return f"Parameter({super().__repr__()})"


class Buffer(_Stored):
    """A tensor that a module keeps beside its parameters, such as running statistics.

    Change it with `assign`: another tensor put in its place would not be a buffer.

    Args:
        data:       anything array-like; its numbers are copied.
        dtype:      that of the data by default.
        persistent: False keeps it out of the `state_dict`.

    Example:
        >>> Buffer([0.0]).persistent
        True
    """

    __slots__ = ("persistent",)

    def __init__(self, data: Any, dtype: Any = None, *, persistent: bool = True) -> None:
        super().__init__(data, dtype)
        self.persistent = persistent

    def __repr__(self) -> str:
        return f"Buffer({super().__repr__()})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        copied = Buffer(self.detach(), persistent=self.persistent)
        memo[id(self)] = copied
        return copied


def draw_uniform(bound: float, *parameters: Tensor | None) -> None:
    """Fill tensors, one after the other, with uniform numbers in [-bound, bound); None is left out.

    With bound = 1 / sqrt(fan_in) it is how PyTorch starts linear and convolutional layers, which it
    writes as Kaiming's uniform initialisation with a = sqrt(5).
    """
    with no_grad():
        for one in parameters:
            if one is not None:
                one.assign(random.uniform(one.shape, -bound, bound, dtype=one.dtype))

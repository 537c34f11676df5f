"""The border of zeros around images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retroprop.backends.llvm.emit import vector
from retroprop.backends.llvm.kernel import Kernel, View, kernel_function, storage_type
from retroprop.backends.llvm.layout import Layout

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["Halo"]


class Halo(Kernel):
    """Zeros around every image of a view that lies as a layout says.

    Rows are images.
    """

    what = "border"

    def __init__(self, image: View, layout: Layout) -> None:
        self.layout = layout
        sizes = tuple(
            low + n + high for n, (low, high) in zip(image.shape[2:], layout.border, strict=True)
        )
        self.sizes, self.channels = sizes, image.shape[1]
        self.results, self.operands = (image._replace(offset=0),), ()
        self.rows = image.shape[0]
        self.slabs = (image.strides[0] * image.dtype.itemsize,)

    @property
    def bytes(self) -> int:
        whole, inside = self.channels, self.channels
        for size, n in zip(self.sizes, self.results[0].shape[2:], strict=True):
            whole, inside = whole * size, inside * n
        return (whole - inside) * self.results[0].dtype.itemsize * self.rows

    @property
    def signature(self) -> object:
        return ("halo", self.layout, self.results[0].layout)

    def emit(self, module: Module, target: Target) -> str:
        f, (image,), _, _, lo, hi = kernel_function(module, "halo", 1, 0)
        view = self.results[0]
        with f.loop(lo, hi) as row:
            start = f.at(image, row.index, view.strides[0] * view.dtype.itemsize)
            self._emit_axis(f, target, start, 0)
        f.leave()
        return module.add_shared(f)

    def _emit_axis(self, f: Function, target: Target, start: Register, axis: int) -> None:
        """Both ends of an axis, and inside it those of the next one."""
        if axis == len(self.sizes):
            return
        view = self.results[0]
        step = view.strides[axis + 2]
        low, high = self.layout.border[axis]
        n, item = view.shape[axis + 2], view.dtype.itemsize
        for first, count in ((0, low), (low + n, high)):
            _zero(
                f, target, f.at(start, first * step, item), count * step, storage_type(view.dtype)
            )
        if any(low or high for low, high in self.layout.border[axis + 1 :]):
            with f.loop(low, low + n) as line:
                self._emit_axis(f, target, f.at(start, line.index, step * item), axis + 1)


def _zero(f: Function, target: Target, start: Register, count: int, scalar: str) -> None:
    item = {"float": 4, "double": 8}[scalar]
    lanes = target.lanes(item)
    whole = count // lanes * lanes
    zero = f.constant(vector(scalar, lanes), 0)
    if whole > 4 * lanes:
        with f.loop(0, whole, lanes) as each:
            f.store(zero, f.at(start, each.index, item))
    else:
        for place in range(0, whole, lanes):
            f.store(zero, f.at(start, place, item))
    for place in range(whole, count):
        f.store(f.constant(scalar, 0), f.at(start, place, item))

"""Reading and adding along an axis, an index for each place: little is touched of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retroprop.backends.llvm.indexing import Indexed, Read, own_rows, places, run_over, still, zero
from retroprop.backends.llvm.kernel import View, kernel_function, storage_type
from retroprop.backends.llvm.scalar import Builder
from retroprop.backends.llvm.space import broadcast_view, leading_slab

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target

__all__ = ["AddAlong", "PlusAlong", "TakeAlong"]


class TakeAlong(Read):
    """result[i, j] = x[i, indices[i, j]] (along the last axis, or another)."""

    def __init__(self, result: View, x: View, indices: View, axis: int, number: int) -> None:
        shape = result.shape
        views = [still(x, axis, shape), broadcast_view(indices, shape)]
        super().__init__("take_along_axis", number, x, axis, result, *views)
        self.results, self.operands = (result,), (x, indices)
        if axis == 0 or x.strides[axis] < 0 or leading_slab(x) is None:
            self.slabs = (self.slabs[0], None, self.slabs[2])

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, status, lo, hi = kernel_function(module, self.what, 1, 2)
        scalar = storage_type(self.views[0].dtype)
        pointers = [*results, *operands]
        with places(f, self.shape, self.views, pointers, (lo, hi)) as (to, source, place):
            index = self._index(f, place, status)
            f.store(f.load(scalar, f.at(source, index, self.step)), to)
        f.leave()
        return module.add_shared(f)


class AddAlong(Indexed):
    """result[i, indices[i, j]] += x[i, j]: the adjoint of `TakeAlong`."""

    def __init__(self, result: View, x: View, indices: View, axis: int, number: int) -> None:
        views = [still(result, axis, x.shape), x, broadcast_view(indices, x.shape)]
        super().__init__("add_along_axis", number, result, axis, *views)
        self.results, self.operands = (result,), (x, indices)
        self.by_rows = axis != 0 and result.shape[0] == x.shape[0]
        self.slabs = (leading_slab(result), *self.slabs[1:])
        if not self.by_rows:
            self.rows, self.slabs = 1, (None, None, None)

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, status, lo, hi = kernel_function(module, self.what, 1, 2)
        (result,) = self.results
        pointers, b = [*results, *operands], Builder(f, target, 1)
        width = result.size // result.shape[0]
        with own_rows(f, self.by_rows, (lo, hi), result.shape[0]) as rows:
            ends = [f.binary("mul", end, f.integer(width)) for end in rows]
            run = (result.size, (1,))
            run_over(f, target, [result], results, run, zero(result), (ends[0], ends[1]))
        with (
            own_rows(f, self.by_rows, (lo, hi), self.shape[0]) as rows,
            places(f, self.shape, self.views, pointers, rows) as (start, source, place),
        ):
            to = f.at(start, self._index(f, place, status), self.step)
            total = b.add(b.load(to, result.dtype), b.load(source, result.dtype))
            b.store(total, to)
        f.leave()
        return module.add_shared(f)


class PlusAlong(AddAlong):
    """result = base, and result[i, indices[i, j]] += x[i, j]; in place where they are one."""

    def __init__(
        self, result: View, base: View, x: View, indices: View, axis: int, number: int
    ) -> None:
        super().__init__(result, x, indices, axis, number)
        self.what = "plus_along_axis"
        self.in_place = result == base
        self.operands = (x, indices, base)
        self.slabs = (*self.slabs, leading_slab(base) if self.by_rows else None)

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, status, lo, hi = kernel_function(module, self.what, 1, 3)
        result, base = self.results[0], self.operands[2]
        b = Builder(f, target, 1)
        with own_rows(f, self.by_rows, (lo, hi), result.shape[0]) as rows:
            if not self.in_place:
                pointers = [results[0], operands[2]]
                with places(f, result.shape, [result, base], pointers, rows) as (to, source):
                    b.store(b.load(source, base.dtype), to)
        pointers = [*results, *operands[:2]]
        with (
            own_rows(f, self.by_rows, (lo, hi), self.shape[0]) as rows,
            places(f, self.shape, self.views, pointers, rows) as (start, source, place),
        ):
            to = f.at(start, self._index(f, place, status), self.step)
            added = b.add(b.load(source, result.dtype), b.constant(0, result.dtype))
            b.store(b.add(b.load(to, result.dtype), added), to)
        f.leave()
        return module.add_shared(f)

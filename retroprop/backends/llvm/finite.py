"""The check that numbers are finite, before a step is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retroprop.backends.llvm.emit import overload
from retroprop.backends.llvm.kernel import Kernel, View, kernel_function, storage_type
from retroprop.backends.llvm.space import collapsed, walk
from retroprop.backends.llvm.status import emit_fail

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target

__all__ = ["RequireFinite"]


class RequireFinite(Kernel):
    """result = x; an element that is infinite or NaN becomes the error, as the bits of a double.

    Args:
        number: of the node among those that may fail.
    """

    may_fail = True

    def __init__(self, result: View, x: View, number: int) -> None:
        self.what, self.number = "require_finite", number
        self.results, self.operands = (result,), (x,)
        self.slabs = (None, None)
        self.flops = x.size

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, status, _, _ = kernel_function(module, "finite", 1, 1)
        views = [*self.results, *self.operands]
        type, items = storage_type(views[0].dtype), [view.dtype.itemsize for view in views]
        axes = collapsed(views[0].shape, views, range(len(views[0].shape)))
        with walk(f, axes, [results[0], operands[0]], items) as (to, source):
            x = f.load(type, source)
            f.store(x, to)
            size = f.intrinsic(f"llvm.fabs.{overload(type)}", type, [x])
            finite = f.compare("fcmp olt", size, f.constant(type, float("inf")))
            wrong = f.binary("xor", finite, f.constant("i1", 1))
            with f.branch(wrong):
                wide = f.convert("fpext", x, "double")
                emit_fail(f, status, self.number, f.convert("bitcast", wide, "i64"))
        f.leave()
        return module.add_shared(f)

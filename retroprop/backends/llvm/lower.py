"""From a graph to kernels: which nodes are fused, which are only another look at memory.

Nodes are taken in order and put into units. A unit is a kernel to be: a fused stretch of
elementwise work with at most one reduction, a matrix product, an indexing kernel, a copy, or an op
that runs through its reference. Units are numbered, and a unit reads only units before it, so their
order is a legal order of execution. A value gets memory when something outside its unit reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retroprop.backends.llvm import custom
from retroprop.backends.llvm.attention import attention
from retroprop.backends.llvm.expression import Constant, Expression, Operand, Reference
from retroprop.backends.llvm.failing import Failing
from retroprop.backends.llvm.images import convolution, is_image
from retroprop.backends.llvm.join import join
from retroprop.backends.llvm.kernel import Buffer, Kernel, View, contiguous
from retroprop.backends.llvm.layout import CONVOLUTIONS, origin
from retroprop.backends.llvm.loop import place_loop
from retroprop.backends.llvm.moments import moments
from retroprop.backends.llvm.order import sunk
from retroprop.backends.llvm.outputs import settle, settle_into
from retroprop.backends.llvm.pooling import POOLS, pool
from retroprop.backends.llvm.produce import (
    Call,
    copied,
    elementwise,
    product,
    reduced_axes,
    reduction,
    sums_by_image,
)
from retroprop.backends.llvm.reduction import COMBINE
from retroprop.backends.llvm.reuse import reuse
from retroprop.backends.llvm.scalar import supports
from retroprop.backends.llvm.values import Unit, Values, bytes_of, reader_counts
from retroprop.backends.llvm.views import MOVED, VIEWED, pieces, viewed
from retroprop.dtypes import kind

if TYPE_CHECKING:
    from retroprop.backends.llvm.target import Target
    from retroprop.ir import Graph, Node, Value

__all__ = ["Lowered"]

_STEPS, _POINTERS = 48, 20  # of one fused kernel, so that it stays within registers


class Lowered(Values):
    """A graph as work in order.

    Args:
        donated:  output number -> number of the input whose memory it takes over.
        resident: slots whose memory we may choose the order of.
        winograd: the side of the tiles of that algorithm; 0 does without it.
        around:  for the body of a loop, what is lowered around it, where its inputs lie, and where
                 its outputs go.

    Attributes:
        works:   kernels, and calls of references, in a legal order.
        outputs: the buffer of each graph output; a donated one is that of its input.
        status:  node by the number under which its kernel reports errors.
    """

    def __init__(
        self,
        graph: Graph,
        donated: dict[int, int],
        target: Target,
        resident: frozenset[int] = frozenset(),
        winograd: int = 2,
        around: tuple[Lowered, Sequence[View], Sequence[View]] | None = None,
    ) -> None:
        super().__init__(graph, resident, around[1] if around else None)
        self.donated, self.target, self.winograd = donated, target, winograd
        self.failing: Failing = Failing(around[0].failing.nodes if around else None)
        self.last_failing, self.is_body = -1, around is not None
        self._sharing: dict[Value, Unit] = {}  # the last fused unit that reads a value
        self._readers = reader_counts(graph)
        self._last_whole = -1  # the last unit that nothing is fused with
        for node in sunk(graph):
            self._place(node)
        self.outputs = settle_into(self, around[2]) if around else settle(self)
        reuse(self)
        self.works: list[Kernel | Call] = []
        borders = self.borders()
        for unit in self.units:
            made = [*self._works(unit), *borders.get(unit, ())]
            for work in made:
                work.waits = unit.waits
            self.works += made
        self.gather_tables(self.works)

    def body(self, graph: Graph, given: Sequence[View], targets: Sequence[View]) -> Lowered:
        """The body of a loop, lowered."""
        around = (self, given, targets)
        return Lowered(graph, {}, self.target, winograd=self.winograd, around=around)

    # -- placing nodes ---------------------------------------------------------------------------

    def _place(self, node: Node) -> None:
        op: Any = node.op
        native = all(supports(v.dtype) for v in (*node.operands, *node.outputs))
        if op.name in VIEWED:
            self._place_view(node)
        elif op.name == "again":
            self._place_again(node)
        elif native and op.lower is not None and kind(node.operands[0].dtype) in op.lowers:
            self._place_elementwise(node)
        elif native and op.name in COMBINE and node.operands[0].constant is None:
            self._place_reduction(node)
        else:
            self._place_whole(node, native)

    def _place_again(self, node: Node) -> None:
        """The same memory, that nobody looks at before something else is there."""
        (operand, after), (output,) = node.operands, node.outputs
        self.views[output], self.root[output] = self.view(operand), self.root.get(operand, operand)
        if after.constant is None and after in self.unit_of:
            self.waits[output] = after
            self.unit_of[output] = max(
                (self.unit_of[v] for v in (operand, after) if v in self.unit_of),
                key=lambda unit: unit.index,
            )
        elif operand in self.unit_of:
            self.unit_of[output] = self.unit_of[operand]

    def _place_view(self, node: Node) -> None:
        """Another look at the same memory; a copy only where no strides can say it."""
        (operand,) = node.operands
        before = self.view(operand)
        if node.op.name == "reshape" and self.layout(node.outputs[0]) is not None:
            self._place_turned(node, before)
            return
        found = viewed(node, before)
        if found is None:
            unit = self.new_unit()
            before = self.view(operand, unit)
            dense = View(
                Buffer(bytes_of(operand), what="copy"),
                operand.dtype,
                operand.shape,
                contiguous(operand.shape),
            )
            unit.works.append(copied(dense, before))
            found = viewed(node, dense)
            assert found is not None
            self.views[node.outputs[0]], self.unit_of[node.outputs[0]] = found[0], unit
            return
        root = self.root.get(operand, operand)
        for output, view in zip(node.outputs, found, strict=True):
            self.views[output] = view
            self.root[output] = root
            if operand in self.waits:
                self.waits[output] = self.waits[operand]
            if operand in self.unit_of:
                self.unit_of[output] = self.unit_of[operand]

    def _place_turned(self, node: Node, before: View) -> None:
        """A reshape that makes an image: it is copied to where its readers want it."""
        (operand,), (output,) = node.operands, node.outputs
        unit = self.new_unit()
        before = self.view(operand, unit)
        found = viewed(node, before)
        if found is None:
            dense = before._replace(
                buffer=Buffer(bytes_of(operand), what="copy"),
                strides=contiguous(before.shape),
                offset=0,
            )
            unit.works.append(copied(dense, before))
            found = viewed(node, dense)
            assert found is not None
        unit.works.append(copied(self.view(output), found[0]))
        self.unit_of[output] = unit

    def _place_elementwise(self, node: Node) -> None:
        shape = node.outputs[0].shape
        unit = self._joined(node, shape) or self.new_unit(shape)
        self._gather(unit, node)
        self._read(unit, node)
        unit.nodes.append(node)
        unit.inside.add(node.outputs[0])
        self.unit_of[node.outputs[0]] = unit

    def _gather(self, unit: Unit, node: Node) -> None:
        """Take in the units of other operands when nothing else has read what they compute."""
        for operand in node.operands:
            other = self.unit_of.get(operand)
            if other is None or other is unit or other.shape != unit.shape or other.reduced:
                continue
            small = len(unit.nodes) + len(other.nodes) < _STEPS
            alone = not any(value in self.views for value in other.inside)
            if other.index < unit.index and small and alone:
                unit.nodes[:0] = other.nodes
                unit.inside |= other.inside
                unit.outside = {**other.outside, **unit.outside}
                unit.waits += other.waits
                for value in other.inside:
                    self.unit_of[value] = unit
                for value in other.outside:
                    self.view(value, unit)
                    if self._sharing.get(value) is other:
                        self._sharing[value] = unit
                other.nodes, other.inside, other.outside = [], set(), {}

    def _read(self, unit: Unit, node: Node) -> None:
        """Give memory to what a fused node reads from outside its unit."""
        for operand in node.operands:
            if operand.constant is None and operand not in unit.inside:
                self.view(operand, unit)
                unit.outside[operand] = None
                if operand.shape == unit.shape:
                    self._sharing[operand] = unit

    def _joined(self, node: Node, shape: tuple[int, ...]) -> Unit | None:
        """The latest unit that a node may become a part of."""
        candidates = []
        for operand in node.operands:
            for unit in (self.unit_of.get(operand), self._sharing.get(operand)):
                if unit is None or unit.shape != shape or unit in candidates:
                    continue
                if unit.reduced is None or operand in unit.inside:
                    candidates.append(unit)
        candidates.sort(key=lambda unit: -unit.index)
        return next((unit for unit in candidates if self._may_join(unit, node)), None)

    def _may_join(self, unit: Unit, node: Node) -> bool:
        if len(unit.nodes) >= _STEPS or len(unit.outside) + len(unit.inside) // 4 >= _POINTERS:
            return False
        inner = [operand for operand in node.operands if operand in unit.inside]
        closed = unit.index < self._last_whole or unit.reduced is not None
        if closed and all(operand in self.views for operand in inner):
            return False  # what it reads is kept anyway, and what it makes is used much later
        for operand in node.operands:
            if operand.constant is not None or operand in unit.inside:
                continue
            if self.index(operand) >= unit.index:  # computed later, or by this very kernel
                return False
        return True

    def _place_reduction(self, node: Node) -> None:
        (operand,) = node.operands
        unit = self.unit_of.get(operand)
        if unit is None or not self._may_reduce(unit, node):
            unit = self.new_unit(operand.shape)
        self._read(unit, node)
        unit.reduced = node
        self.unit_of[node.outputs[0]] = unit

    def _may_reduce(self, unit: Unit, node: Node) -> bool:
        """Whether a reduction becomes a part of the unit that computes what it reduces.

        It does when rows stay rows (the first axis is kept), or when nothing else reads what the
        unit computes, so that it need not be stored at all.
        """
        (operand,) = node.operands
        if operand not in unit.inside or unit.reduced is not None:
            return False
        axes = reduced_axes(node)
        leading = next((axis for axis, size in enumerate(operand.shape) if size != 1), None)
        if leading is not None and (leading not in axes or sums_by_image(operand.shape, axes)):
            return True
        inner = {o for n in unit.nodes for o in n.operands}
        return all(
            value not in self.views
            and (value is operand or value in inner)
            and self._readers[value] == sum(value in n.operands for n in [*unit.nodes, node])
            for value in unit.inside
        )

    def _place_whole(self, node: Node, native: bool) -> None:
        """A product, a kernel of its own, a movement, or a call of the reference."""
        unit = self.new_unit()
        self._last_whole = unit.index
        if native and node.op.name in CONVOLUTIONS and node.outputs[0].dtype.kind == "f":
            self._place_convolution(unit, node)
            return
        if native and (self._place_pool(unit, node) or self._place_moments(unit, node)):
            return
        if node.op.name == "scan" and place_loop(self, unit, node):
            return
        if native and node.op.name == "concatenate":
            join(self, unit, node)
            return
        operands = [self.view(operand, unit) for operand in node.operands]
        for output in node.outputs:
            self.unit_of[output] = unit
        self._take_over(node)
        results = [self.view(output) for output in node.outputs]
        works: Sequence[Kernel | Call] | None = None
        if native and node.op.name == "matmul" and results[0].dtype.kind == "f":
            works = product(results[0], operands[0], operands[1], self.target)
        elif native and node.op.name in MOVED:
            works = pieces(node, results[0], operands)
        elif native and node.op.name in ("attend", "attend_adjoint"):
            works = attention(node, results, operands, self.target)
        elif native:
            works = custom.make(node, results, operands, len(self.failing.nodes))
            own = works[0] if works and works[0].may_fail else None
            if own and self.failing.looks(node, own, operands, results[0]):
                self.last_failing = unit.index
        unit.works += works if works is not None else [Call(node, results, operands)]

    def _take_over(self, node: Node) -> None:
        """Let what is added to lie where it was, if nobody else reads it."""
        operand, view = node.operands[0], self.view(node.operands[0])
        own = view.buffer.kind == "arena" and operand not in self.root and view.is_contiguous
        if node.op.name == "plus_along_axis" and own and self._readers[operand] == 1:
            self.views[node.outputs[0]], self.root[node.outputs[0]] = view, operand

    def _place_convolution(self, unit: Unit, node: Node) -> None:
        """Images with channels last and a border, weights as they are."""
        *kinds, _ = CONVOLUTIONS[node.op.name]
        operands = [
            self.image(operand, unit) if kind == "image" else self.view(operand, unit)
            for operand, kind in zip(node.operands, kinds, strict=True)
        ]
        (output,) = node.outputs
        self.unit_of[output] = unit
        unit.works += convolution(node, self.view(output), operands, self.target, self.winograd)

    def _place_pool(self, unit: Unit, node: Node) -> bool:
        """A pooling op on images, if its index is nobody else's business."""
        if node.op.name not in POOLS:
            return False
        index = {"max_pool": node.outputs[-1], "unpool": node.operands[-1]}.get(node.op.name)
        if not (index is None or index in self.winners):
            return False
        if node.outputs[0].dtype.kind != "f":
            return False
        operands = [self.image(operand, unit) for operand in node.operands]
        kept = [v for v in node.outputs if v is not index or self._readers[v]]
        kernel = pool(node, [self.view(value) for value in kept], operands)
        if kernel is None:
            return False
        for output in node.outputs:
            self.unit_of[output] = unit
        unit.works.append(kernel)
        return True

    def _place_moments(self, unit: Unit, node: Node) -> bool:
        if node.op.name != "moments" or node.outputs[0].dtype.kind != "f":
            return False
        (operand,) = node.operands
        if not bytes_of(operand) or not all(map(bytes_of, node.outputs)):
            return False
        x = self.view(operand, unit)
        image = self.layout(origin(operand)) is not None and is_image(x)
        for output in node.outputs:
            self.unit_of[output] = unit
        results = [self.view(output) for output in node.outputs]
        unit.works += moments(node, results, x, is_image=image)
        return True

    # -- kernels ---------------------------------------------------------------------------------

    def _works(self, unit: Unit) -> Sequence[Kernel | Call]:
        if unit.shape is None:
            return unit.works
        expression = Expression()
        places: dict[Value, Reference] = {}
        operands: list[View] = []

        def refer(value: Value) -> Reference:
            if value.constant is not None:
                return Constant(value.constant.item(), value.dtype)
            if value not in places:
                places[value] = Operand(len(operands))
                operands.append(self.views[value])
            return places[value]

        for node in unit.nodes:
            arguments = [refer(operand) for operand in node.operands]
            (output,) = node.outputs
            places[output] = expression.apply(node.op, arguments, node.attributes, output.dtype)
        kept = [value for node in unit.nodes for value in node.outputs if value in self.views]
        results = [self.views[value] for value in kept]
        values = [places[value] for value in kept]
        if unit.reduced is None:
            return [elementwise(unit.shape, expression, operands, results, values)] if kept else []
        node = unit.reduced
        result = self.view(node.outputs[0])
        value = refer(node.operands[0])
        axes = reduced_axes(node)
        return reduction(
            node.op.name, unit.shape, axes, expression, value, operands, result, results, values
        )

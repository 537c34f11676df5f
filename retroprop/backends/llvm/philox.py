"""Random bits: Philox4x32-10 on vectors of counters, bit for bit the reference's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retroprop import shapes
from retroprop.backends.llvm.emit import Function, Register, lanes_of, scalar_of, vector
from retroprop.backends.llvm.kernel import Kernel, View, kernel_function
from retroprop.ops.random import blocks_of

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target

__all__ = ["RandomBits", "RandomSkip"]

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_BLOCK = 16  # bytes
_LOW = 0xFFFFFFFF


class RandomBits(Kernel):
    """Uniform integers of some bits from a state; rows are blocks of four words."""

    preferred_rows = 64

    def __init__(self, result: View, state: View, bits: int) -> None:
        self.what, self.bits = "random_bits", bits
        self.results, self.operands = (result,), (state,)
        self.count = shapes.size(result.shape)
        self.rows = blocks_of(result.shape, bits)
        self.slabs = (_BLOCK, None)
        self.flops = 80 * self.rows

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, _, lo, hi = kernel_function(module, "philox", 1, 1)
        lanes = target.lanes(4)
        stride = self.operands[0].strides[0] * 4
        words = [f.load("i32", f.at(operands[0], i * stride)) for i in range(6)]
        wide = [f.convert("zext", word, "i64") for word in words]
        start = [_joined(f, wide[2], wide[3]), _joined(f, wide[4], wide[5])]
        keys = _keys(f, wide[:2], lanes)
        room = f.allocate("i64", 2 * lanes)
        with f.loop(lo, hi, lanes) as loop:
            made = _rounds(f, _counters(f, start, loop.index, lanes), keys, lanes)
            self._give(f, self._elements(f, made), results[0], room, loop.index, hi)
        f.leave()
        return module.add_shared(f)

    def _elements(self, f: Function, words: list[Register]) -> Register:
        """The four words of every block as elements of the result, in order."""
        lanes = lanes_of(words[0].type)
        type = words[0].type
        mask, half = f.constant(type, _LOW), f.constant(type, 32)
        pairs = []
        for first, second in (words[:2], words[2:]):
            low, high = (first, second) if self.bits <= 32 else (second, first)
            moved = f.binary("shl", high, half)
            pairs.append(f.binary("or", f.binary("and", low, mask), moved))
        turns = [lane + part * lanes for lane in range(lanes) for part in range(2)]
        both = f.shuffle(pairs[0], pairs[1], turns)
        item = "i32" if self.bits <= 32 else "i64"
        count, width = (4 * lanes, 32) if self.bits <= 32 else (2 * lanes, 64)
        elements = f.convert("bitcast", both, vector(item, count))
        if self.bits == width:
            return elements
        return f.binary("lshr", elements, f.constant(elements.type, width - self.bits))

    def _give(
        self,
        f: Function,
        elements: Register,
        to: Register,
        room: Register,
        block: Register,
        hi: Register,
    ) -> None:
        """Store the elements of blocks from one on; at an end those that are asked for."""
        item, type = self.results[0].dtype.itemsize, scalar_of(elements.type)
        each, total = _BLOCK // item, lanes_of(elements.type)
        first = f.binary("mul", block, f.integer(each))
        last = f.binary("mul", hi, f.integer(each))
        within = f.compare("icmp slt", last, f.integer(self.count))
        last = f.select(within, last, f.integer(self.count))
        left = f.binary("sub", last, first)
        partial = f.compare("icmp slt", left, f.integer(total))
        place = f.at(to, first, item)
        f.store(elements, f.select(partial, room, place))
        with f.branch(partial), f.loop(0, left) as one:
            f.store(f.load(type, f.at(room, one.index, item)), f.at(place, one.index, item))


def _joined(f: Function, low: Register, high: Register) -> Register:
    """Two words of 32 bits, each in 64, as one of 64."""
    return f.binary("or", low, f.binary("shl", high, f.integer(32)))


def _counters(f: Function, start: list[Register], block: Register, lanes: int) -> list[Register]:
    """The four words of the counters of `lanes` blocks."""
    type = vector("i64", lanes)
    order = Register(f"<{', '.join(f'i64 {i}' for i in range(lanes))}>", type)
    number = f.binary("add", f.splat(block, lanes), order)
    low = f.binary("add", f.splat(start[0], lanes), number)
    carried = f.convert("zext", f.compare("icmp ult", low, number), type)
    high = f.binary("add", f.splat(start[1], lanes), carried)
    half = f.constant(type, 32)
    return [low, f.binary("lshr", low, half), high, f.binary("lshr", high, half)]


def _keys(f: Function, key: list[Register], lanes: int) -> list[list[Register]]:
    """The two words of the key of every round, in all lanes."""
    found = []
    for _ in range(_ROUNDS):
        found.append([f.splat(word, lanes) for word in key])
        key = [
            f.binary("and", f.binary("add", word, f.integer(step)), f.integer(_LOW))
            for word, step in zip(key, _WEYL, strict=True)
        ]
    return found


def _rounds(
    f: Function, counters: list[Register], keys: list[list[Register]], lanes: int
) -> list[Register]:
    """Ten rounds of Philox on words held in 64 bits, of which the upper half is junk.

    A product of lower halves, each masked just before, is one instruction; so nothing else is.
    """
    type = vector("i64", lanes)
    mask, half = f.constant(type, _LOW), f.constant(type, 32)
    m0, m1 = (f.constant(type, m) for m in _MULTIPLIERS)
    c0, c1, c2, c3 = counters
    for k0, k1 in keys:
        p0 = f.binary("mul", f.binary("and", c0, mask), m0)
        p1 = f.binary("mul", f.binary("and", c2, mask), m1)
        c0 = f.binary("xor", f.binary("xor", f.binary("lshr", p1, half), c1), k0)
        c2 = f.binary("xor", f.binary("xor", f.binary("lshr", p0, half), c3), k1)
        c1, c3 = p1, p0
    return [c0, c1, c2, c3]


class RandomSkip(Kernel):
    """The state with its 128-bit counter moved on by a number of blocks."""

    def __init__(self, result: View, state: View, blocks: int) -> None:
        self.what, self.blocks = "random_skip", blocks
        self.results, self.operands = (result,), (state,)
        self.slabs = (None, None)

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, _, _, _ = kernel_function(module, "skip", 1, 1)
        gap, step = self.operands[0].strides[0] * 4, self.results[0].strides[0] * 4
        words = [f.load("i32", f.at(operands[0], i * gap)) for i in range(6)]
        total = Register(str(self.blocks % (1 << 128)), "i128")
        for i, word in enumerate(words[2:]):
            wide = f.convert("zext", word, "i128")
            total = f.binary("add", total, f.binary("shl", wide, Register(str(32 * i), "i128")))
        for i, word in enumerate(words[:2]):
            f.store(word, f.at(results[0], i * step))
        for i in range(4):
            shifted = f.binary("lshr", total, Register(str(32 * i), "i128"))
            f.store(f.convert("trunc", shifted, "i32"), f.at(results[0], (i + 2) * step))
        f.leave()
        return module.add_shared(f)

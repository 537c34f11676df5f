"""Random bits: Philox4x32-10 on vectors of counters, bit for bit the reference's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retroprop import shapes
from retroprop.backends.llvm.emit import Function, Register, vector
from retroprop.backends.llvm.kernel import Kernel, View, kernel_function
from retroprop.ops.random import blocks_of

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target

__all__ = ["RandomBits", "RandomSkip"]

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_LOW = 0xFFFFFFFF


class RandomBits(Kernel):
    """Uniform integers of some bits from a state; rows are blocks of four words."""

    def __init__(self, result: View, state: View, bits: int) -> None:
        self.what, self.bits = "random_bits", bits
        self.results, self.operands = (result,), (state,)
        self.count = shapes.size(result.shape)
        self.rows = blocks_of(result.shape, bits)
        self.slabs = (16, None)
        self.flops = 80 * self.rows

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, _, lo, hi = kernel_function(module, "philox", 1, 1)
        lanes = target.lanes(4)
        stride = self.operands[0].strides[0] * 4
        words = [f.load("i32", f.at(operands[0], i * stride)) for i in range(6)]
        wide = [f.convert("zext", word, "i64") for word in words]
        start = [self._joined(f, wide[2], wide[3]), self._joined(f, wide[4], wide[5])]
        room = f.allocate("i32", 4 * lanes)
        with f.loop(lo, hi, lanes) as loop:
            counters = self._counters(f, start, loop.index, lanes)
            made = _rounds(f, counters, wide[:2], lanes)
            for word, values in enumerate(made):
                narrow = f.convert("trunc", values, vector("i32", lanes))
                for lane in range(lanes):
                    f.store(f.extract(narrow, lane), f.at(room, 4 * (4 * lane + word)))
            self._give(f, results[0], room, loop.index, hi, lanes)
        f.leave()
        return module.add_shared(f)

    def _joined(self, f: Function, low: Register, high: Register) -> Register:
        return f.binary("or", low, f.binary("shl", high, f.integer(32)))

    def _counters(
        self, f: Function, start: list[Register], block: Register, lanes: int
    ) -> list[Register]:
        """The four words of the counters of `lanes` blocks."""
        type = vector("i64", lanes)
        order = Register(f"<{', '.join(f'i64 {i}' for i in range(lanes))}>", type)
        if lanes == 1:
            order = f.integer(0)
        number = f.binary("add", f.splat(block, lanes), order)
        low = f.binary("add", f.splat(start[0], lanes), number)
        carried = f.convert("zext", f.compare("icmp ult", low, number), type)
        high = f.binary("add", f.splat(start[1], lanes), carried)
        mask, half = f.constant(type, _LOW), f.constant(type, 32)
        found = []
        for word in (low, high):
            found += [f.binary("and", word, mask), f.binary("lshr", word, half)]
        return found

    def _give(
        self, f: Function, to: Register, room: Register, block: Register, hi: Register, lanes: int
    ) -> None:
        """Copy the words that are asked for into the result."""
        paired = self.bits > 32
        each = 2 if paired else 4  # elements of a block
        first = f.binary("mul", block, f.integer(each))
        last = f.binary("mul", hi, f.integer(each))
        end = f.binary("add", first, f.integer(each * lanes))
        for bound in (last, f.integer(self.count)):
            end = f.select(f.compare("icmp slt", end, bound), end, bound)
        with f.loop(first, end) as one:
            place = f.binary("sub", one.index, first)
            if not paired:
                word = f.load("i32", f.at(room, place, 4))
                shifted = f.binary("lshr", word, f.constant("i32", 32 - self.bits))
                f.store(shifted, f.at(to, one.index, 4))
            else:
                pair = f.at(room, place, 8)
                high = f.convert("zext", f.load("i32", pair), "i64")
                low = f.convert("zext", f.load("i32", f.at(pair, 4)), "i64")
                both = self._joined(f, low, high)
                shifted = f.binary("lshr", both, f.constant("i64", 64 - self.bits))
                f.store(shifted, f.at(to, one.index, 8))


def _rounds(
    f: Function, counters: list[Register], key: list[Register], lanes: int
) -> list[Register]:
    """Ten rounds of Philox on words held in 64 bits."""
    type = vector("i64", lanes)
    mask, half = f.constant(type, _LOW), f.constant(type, 32)
    m0, m1 = (f.constant(type, m) for m in _MULTIPLIERS)
    c0, c1, c2, c3 = counters
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0, p1 = f.binary("mul", c0, m0), f.binary("mul", c2, m1)
        mixed = f.binary("xor", f.binary("lshr", p1, half), c1)
        c0, c1 = f.binary("xor", mixed, f.splat(k0, lanes)), f.binary("and", p1, mask)
        mixed = f.binary("xor", f.binary("lshr", p0, half), c3)
        c2, c3 = f.binary("xor", mixed, f.splat(k1, lanes)), f.binary("and", p0, mask)
        k0, k1 = (
            f.binary("and", f.binary("add", k, f.integer(w)), f.integer(_LOW))
            for k, w in zip((k0, k1), _WEYL, strict=True)
        )
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

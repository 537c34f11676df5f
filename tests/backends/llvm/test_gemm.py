"""Products of any layout: right, within their rows, and the same bits for any cut."""

from __future__ import annotations

import ctypes
import itertools
import re

import numpy as np
import pytest

from retroprop.backends.llvm import jit
from retroprop.backends.llvm.emit import Module
from retroprop.backends.llvm.gemm import Gemm
from retroprop.backends.llvm.kernel import Buffer, View
from retroprop.backends.llvm.target import host, named

RNG = np.random.default_rng(0)
SIZES = [(1, 1, 1), (7, 33, 5), (33, 7, 17), (10, 64, 40), (6, 16, 16), (13, 650, 21), (40, 5, 2)]
SIZES += [(25, 40, 3), (33, 9, 10), (50, 330, 12)]  # one vector of columns, or not quite two
LAYOUTS = ["plain", "left", "right", "both"]


def view(array):
    strides = tuple(stride // array.itemsize for stride in array.strides)
    return View(Buffer(array.nbytes), array.dtype, array.shape, strides)


def matrix(shape, dtype, turned):
    made = RNG.standard_normal(shape[::-1] if turned else shape).astype(dtype)
    return made.T if turned else made


class Native:
    """A product and its panels, compiled."""

    def __init__(self, c, a, b, target=None):
        target = target or host()
        self.c, self.a, self.b = c, a, b
        self.gemm = Gemm(view(c), view(a), view(b), target)
        module = Module()
        pack = self.gemm.pack
        names = [kernel.emit(module, target) for kernel in (pack, self.gemm) if kernel is not None]
        text = module.text()
        for name in names:
            text = text.replace(f"define internal void @{name}(", f"define void @{name}(")
        self.library = jit.load(text, target)
        self.status = np.zeros(8, np.int64)
        self.right = b.ctypes.data
        if pack is not None:
            self.panels = np.full(pack.results[0].buffer.size, 0xA5, np.uint8)
            self.right = self.panels.ctypes.data
            run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 2)
            address = self.library.address(names[0])
            run(address)(self.right, b.ctypes.data, self.status.ctypes.data, 0, pack.rows)
        run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, *[ctypes.c_int64] * 2)
        self.run = run(self.library.address(names[-1]))

    def __call__(self, lo=0, hi=None):
        hi = self.gemm.rows if hi is None else hi
        places = (self.c.ctypes.data, self.a.ctypes.data, self.right, self.status.ctypes.data)
        self.run(*places, lo, hi)


def check(m, k, n, layout, dtype, target=None):
    a = matrix((m, k), dtype, layout in ("left", "both"))
    b = matrix((k, n), dtype, layout in ("right", "both"))
    room = np.full((m + 2, n + 3), 7.5, dtype)  # what lies around must stay
    c = room[1 : m + 1, :n]
    product = Native(c, a, b, target)
    product()
    expected = a.astype(np.float64) @ b.astype(np.float64)
    bound = 8 * np.finfo(dtype).eps * max(k, 1)
    np.testing.assert_allclose(c, expected, rtol=bound, atol=bound)
    whole = c.copy()
    assert (room[0] == 7.5).all()
    assert (room[-1] == 7.5).all()
    assert (room[:, n:] == 7.5).all()
    c[:] = -1.0
    rows = product.gemm.rows
    ends = sorted({0, rows, *RNG.integers(0, rows + 1, 3).tolist()})
    for lo, hi in itertools.pairwise(ends):
        product(lo, hi)
    assert whole.tobytes() == c.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_products_of_any_layout(size, layout, dtype):
    check(*size, layout, dtype)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["sse", "avx2"])
def test_products_for_another_instruction_set(name, layout):
    check(13, 21, 19, layout, np.float32, named(name))


@pytest.mark.parametrize("layout", ["plain", "right"])
def test_a_large_matrix_goes_by_panels(layout):
    a, b = (
        matrix((26, 1100), np.float32, False),
        matrix((1100, 1000), np.float32, layout == "right"),
    )
    c = np.zeros((26, 1000), np.float32)
    product = Native(c, a, b)
    assert product.gemm.by_panels
    product(5)
    product(0, 5)
    np.testing.assert_allclose(c, a @ b, rtol=1e-3, atol=1e-3)


def test_a_left_matrix_that_lies_scattered_is_packed():
    a, b = matrix((50, 300), np.float32, True), matrix((300, 64), np.float32, False)
    c = np.zeros((50, 64), np.float32)
    wide = np.zeros((300, 512), np.float32)
    wide[:, :50] = a.T
    product = Native(c, wide[:, :50].T, b)
    assert product.gemm.packs_a
    for lo, hi in ((0, 13), (13, 50)):
        product(lo, hi)
    np.testing.assert_allclose(c, a @ b, rtol=1e-4, atol=1e-4)


def test_a_batch_may_share_its_right_matrix():
    a = RNG.standard_normal((3, 2, 5, 9)).astype(np.float32)
    b = np.broadcast_to(RNG.standard_normal((2, 7, 9)).astype(np.float32), (3, 2, 7, 9))
    c = np.zeros((3, 2, 5, 7), np.float32)
    product = Native(c, a, np.swapaxes(b, -1, -2))
    product(1, 3)
    product(0, 1)
    np.testing.assert_allclose(c, a @ np.swapaxes(b, -1, -2), rtol=1e-5, atol=1e-5)


# A vector moved to or from the stack: "vmovups %ymm0, -72(%rsp)", "str q1, [sp, #16]".
SPILL = re.compile(r"[xyz]mm\d+.*\(%rsp\)|\(%rsp\).*[xyz]mm\d+|q\d+.*\[sp")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [3, 10, 40, 1100])
def test_an_element_has_the_same_bits_in_any_tile(n, dtype):
    k = 1100 if n == 1100 else 350
    a, b = matrix((26, k), dtype, False), matrix((k, n), dtype, True)
    whole, few = np.zeros((26, n), dtype), np.zeros((3, n), dtype)
    Native(whole, a, b)()
    for start in (0, 5, 23):
        Native(few, a[start : start + 3], b)()
        assert few.tobytes() == whole[start : start + 3].tobytes()


def emitted(m, k, n, target):
    """The assembly of the functions that multiply, for a product of contiguous matrices."""
    shapes = [np.empty(s, np.float32) for s in ((m, n), (m, k), (k, n))]
    module = Module()
    Gemm(*map(view, shapes), target).emit(module, target)
    text = module.text().replace("define internal", "define")
    functions = jit.emit_assembly(text, target).split("tile_")
    return [one for one in functions if one.count("fma") + one.count("fmla") > 8]


@pytest.mark.parametrize("name", ["avx2", "avx512", "neon"])
@pytest.mark.parametrize(
    "size", [(48, 128, 64), (48, 128, 2), (256, 700, 1024), (256, 1024, 4096)], ids=str
)
def test_the_innermost_loop_stays_in_registers(size, name):
    tiles = emitted(*size, named(name))
    assert tiles
    for function in tiles:
        assert not [line for line in function.splitlines() if SPILL.search(line)]

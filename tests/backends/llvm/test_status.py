"""The words through which kernels report what is wrong."""

from __future__ import annotations

import ctypes

import numpy as np

from retroprop.backends.llvm import jit, status
from retroprop.backends.llvm.emit import Function, Module
from retroprop.backends.llvm.target import host


def test_nothing_was_wrong() -> None:
    assert status.read(np.zeros(status.WORDS, np.int64)) is None


def test_the_first_report_stays() -> None:
    module = Module()
    f = Function(module, "report", [("status", "ptr"), ("value", "i64")], public=True)
    status.emit_fail(f, f.parameters[0], 6, f.parameters[1])
    f.leave()
    module.add(f)
    library = jit.load(module.text(), host())
    report = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(library.address("report"))
    words = np.zeros(status.WORDS, np.int64)
    report(words.ctypes.data, -9)
    report(words.ctypes.data, 4)
    assert status.read(words) == (6, -9)
    assert words.tolist() == [7, -9, *[0] * (status.WORDS - 2)]
    words[:] = 0
    report(words.ctypes.data, 4)
    assert status.read(words) == (6, 4)

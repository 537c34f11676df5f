"""What is asked for ahead of time: all of it, piece by piece, on every processor."""

from __future__ import annotations

import ctypes
import re

import numpy as np
import pytest

from retroprop.backends.llvm import ahead, jit
from retroprop.backends.llvm.ahead import Ahead, fetch
from retroprop.backends.llvm.emit import Function, Module
from retroprop.backends.llvm.target import host, named


def asked(monkeypatch, stretches, step, size, tiles):
    """The addresses that each tile asks for, relative to the place, from code that notes them."""
    module, noted = Module(), []
    f = Function(module, "run", [("tile", "i64"), ("out", "ptr")], public=True)
    tile, out = f.parameters

    def note(f, address, *, write=False):
        f.store(f.convert("ptrtoint", address, "i64"), f.at(out, len(noted), 8))
        noted.append(address)

    monkeypatch.setattr(ahead, "fetch", note)
    nowhere = f.convert("inttoptr", f.constant("i64", 4096), "ptr")
    Ahead(nowhere, stretches, step, size, tiles).fetch(f, tile)
    f.leave()
    module.add(f)
    library = jit.load(module.text(), host())
    run = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(library.address("run"))
    places = np.zeros((tiles, len(noted)), np.int64)
    for number in range(tiles):
        run(number, places[number].ctypes.data)
    return places - 4096


@pytest.mark.parametrize(
    ("stretches", "step", "size", "tiles"),
    [(1, 0, 64 * 320, 42), (16, 4096, 1280, 42), (320, 16384, 64, 42), (320, 16384, 128, 16)],
)
def test_all_lines_are_asked_for(monkeypatch, stretches, step, size, tiles):
    places = asked(monkeypatch, stretches, step, size, tiles)
    needed = {s * step + line for s in range(stretches) for line in range(0, size, 64)}
    assert needed <= set(places.ravel().tolist())
    assert len(set(places.ravel().tolist())) == places.size  # none of them twice


def test_few_tiles_ask_for_little(monkeypatch):
    assert asked(monkeypatch, 1, 0, 64 * 320, 1).size == 20


@pytest.mark.parametrize("name", ["sse", "avx2", "avx512", "neon"])
def test_every_processor_can_be_asked(name):
    module = Module()
    f = Function(module, "run", [("place", "ptr")], public=True)
    fetch(f, f.parameters[0])
    fetch(f, f.parameters[0], write=True)
    f.leave()
    module.add(f)
    assert len(re.findall("prefetch|prfm", jit.emit_assembly(module.text(), named(name)))) == 2

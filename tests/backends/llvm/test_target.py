"""Targets: what a vector is on them, what runs here, and how arithmetic works within a step."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import numpy as np
import pytest

from retroprop import settings
from retroprop.backends.llvm import jit, target
from retroprop.backends.llvm.emit import Function, Module
from retroprop.errors import ArgumentError

FAMILIES = ["sse", "avx2", "avx512", "neon"]


@pytest.mark.parametrize(
    ("name", "lanes", "registers"),
    [("sse", 4, 16), ("avx2", 8, 16), ("avx512", 16, 32), ("neon", 4, 32)],
)
def test_families(name, lanes, registers):
    made = target.named(name)
    assert (made.lanes(4), made.lanes(8), made.registers) == (lanes, lanes // 2, registers)


def test_an_unknown_target_names_the_nearest():
    with pytest.raises(ArgumentError, match="did you mean 'avx512'"):
        target.named("avx-512")


def test_the_host_runs_its_own_code():
    here = target.host()
    assert target.why_not(here) is None
    assert here is target.host()
    assert here.bits in (128, 256, 512)


def test_a_family_that_runs_here_is_one_the_host_has():
    able = [name for name in FAMILIES if target.why_not(target.named(name)) is None]
    assert target.host().name in [*able, "other"]
    assert able != FAMILIES  # no processor is of two architectures


def test_why_not_names_what_is_missing():
    here = target.host()
    wanted = target.Target("new", here.triple, here.cpu, f"{here.features},+warp", 128, 16)
    assert "lacks warp" in target.why_not(wanted)


def test_the_setting_forces_a_target(monkeypatch):
    able = next(name for name in FAMILIES if target.why_not(target.named(name)) is None)
    monkeypatch.setattr(settings, "target", able)
    assert target.host() == target.named(able)


def test_a_target_that_cannot_run_here_is_refused(monkeypatch):
    unable = next(name for name in FAMILIES if target.why_not(target.named(name)) is not None)
    monkeypatch.setattr(settings, "target", unable)
    with pytest.raises(ArgumentError, match=f"RETROPROP_TARGET={unable}.*does not run") as caught:
        target.host()
    assert "leave the setting empty" in caught.value.fix


def test_the_environment_reaches_the_host():
    code = "from retroprop.backends.llvm import target; print(target.host().name)"
    name = target.host().name
    environment = {**os.environ, "RETROPROP_TARGET": name.upper()}
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == name


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_can_be_written(name):
    made = target.named(name)
    module = Module()
    target.define_enter(module, made)
    target.define_leave(module, made)
    f = Function(module, "step", [], public=True)
    f.call("leave", "void", [f.call("enter", "i32", [])])
    declaration, pause = made.pause
    module.define_global("pause", declaration)
    f.write(pause)
    f.leave()
    module.add(f)
    assert "step:" in jit.emit_assembly(module.text(), made)


def halves(between: bool) -> jit.Library:
    """`step(p)`: p[0] /= 2, with or without `enter` and `leave` around it."""
    module, here = Module(), target.host()
    target.define_enter(module, here)
    target.define_leave(module, here)
    f = Function(module, "step", [("p", "ptr")], public=True)
    (p,) = f.parameters
    before = f.call("enter", "i32", []) if between else None
    f.store(f.binary("fmul", f.load("float", p), f.constant("float", 0.5)), p)
    if before is not None:
        f.call("leave", "void", [before])
    f.leave()
    module.add(f)
    return jit.load(module.text(), here)


@pytest.mark.parametrize("value", [1.5e-38, 1e-40], ids=["result", "operand"])
def test_denormal_numbers_are_zero_within_a_step_only(value):
    for between, expected in ((True, 0.0), (False, np.float32(value) / 2)):
        library = halves(between)
        x = np.array([value], np.float32)
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library.address("step"))(x.ctypes.data)
        assert x[0] == expected
        assert np.float32(value) * np.float32(0.5) > 0  # what the caller's arithmetic still does

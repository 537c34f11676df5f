"""Text becomes code: loaded, cached, freed, or refused with the lines at fault."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding as llvm

from retroprop import settings
from retroprop.backends.llvm import jit, target
from retroprop.backends.llvm.emit import Function, Module
from retroprop.errors import ArgumentError, RetropropError

ADD = """
@ones = internal constant [2 x double] [double 1.0, double 2.5]

define internal i64 @twice(i64 %x) {
  %y = add i64 %x, %x
  ret i64 %y
}

define i64 @step(i64 %x) {
  %y = call i64 @twice(i64 %x)
  %z = add i64 %y, NUMBER
  ret i64 %z
}

define double @constant() {
  %p = getelementptr double, ptr @ones, i64 1
  %x = load double, ptr %p
  ret double %x
}
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_folder", str(tmp_path / "cache"))


def module(number: int = 7) -> str:
    return ADD.replace("NUMBER", str(number))


def call(library: jit.Library, x: int) -> int:
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("step"))(x)


def test_code_runs():
    library = jit.load(module(), target.host())
    assert call(library, 20) == 47
    assert ctypes.CFUNCTYPE(ctypes.c_double)(library.address("constant"))() == 2.5
    assert library.text == module()
    assert "step:" in library.assembly()
    assert library.compile_seconds > 0


@pytest.mark.parametrize("name", ["sse", "avx2", "avx512", "neon"])
def test_code_of_every_family_that_this_machine_has_runs(name):
    made = target.named(name)
    if target.why_not(made) is None:
        assert call(jit.load(module(), made), 20) == 47
    else:
        with pytest.raises(ArgumentError, match="does not run"):
            jit.load(module(), made)
        assert b"\x7fELF" in jit.emit_object(module(), made)[:4] or "linux" not in made.triple


def test_others_find_the_switches_of_llvm_as_they_were():
    loop = """
define void @copy(ptr %a, ptr %b, i64 %n) {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%j, %loop]
  %k = mul i64 %i, 24
  %p = getelementptr i8, ptr %a, i64 %k
  %q = getelementptr i8, ptr %b, i64 %k
  %v = load float, ptr %p
  store float %v, ptr %q
  %j = add i64 %i, 1
  %more = icmp ult i64 %j, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""
    machine = llvm.Target.from_default_triple().create_target_machine()

    def theirs():
        with llvm.create_context() as context, llvm.parse_assembly(loop, context) as made:
            return machine.emit_assembly(made)

    jit.load(module(), target.host())
    before = theirs()
    with jit.REDUCTION.off():
        jit.emit_object(module(), target.host())
        assert theirs() != before
    assert theirs() == before


def test_functions_of_the_system_can_be_called():
    text = """
declare i32 @sched_yield()
define i64 @step(i64 %x) {
  %r = call i32 @sched_yield()
  %s = sext i32 %r to i64
  ret i64 %s
}
"""
    assert call(jit.load(text, target.host()), 0) == 0


def test_what_is_cached_is_not_compiled(monkeypatch):
    first = jit.load(module(), target.host())
    monkeypatch.setattr(jit, "emit_object", None)
    second = jit.load(module(), target.host())
    assert (first.from_cache, second.from_cache) == (False, True)
    assert call(second, 20) == 47


def test_code_is_cached_by_target_and_text():
    sse = target.Target("sse", target.host().triple, "", "", 128, 16)
    assert not jit.load(module(), target.host()).from_cache
    assert not jit.load(module(), sse).from_cache
    assert not jit.load(module(8), target.host()).from_cache


def test_without_a_cache(monkeypatch):
    monkeypatch.setattr(settings, "cache_folder", "")
    assert not jit.load(module(), target.host()).from_cache
    assert not jit.load(module(), target.host()).from_cache


def test_the_text_is_made_when_asked_for():
    made = []
    code = jit.compile_code(module(), target.host())
    library = jit.load_code(code, target.host(), lambda: made.append(1) or module())
    assert call(library, 1) == 9
    assert not made
    assert library.text == library.text == module()
    assert made == [1]


def test_an_unknown_function():
    with pytest.raises(RetropropError, match="no native function 'stop'"):
        jit.load(module(), target.host()).address("stop")


@pytest.mark.parametrize(
    ("right", "wrong", "what"),
    [
        ("add i64 %y, NUMBER", "add i64 %yy, 1", "undefined value '%yy'"),
        ("%z = add i64 %y, NUMBER", "%z = add i64 %z, 1", "Only PHI nodes"),
    ],
    ids=["parser", "verifier"],
)
def test_refused_text_shows_its_lines(right, wrong, what):
    with pytest.raises(RetropropError, match=what) as caught:
        jit.load(ADD.replace(right, wrong), target.host())
    line = wrong if wrong.startswith("%z") else f"%z = {wrong}"
    assert f">    11   {line}" in str(caught.value)
    assert "      10   %y = call i64 @twice(i64 %x)" in str(caught.value)
    assert "please report it" in caught.value.fix


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_dropped_libraries_give_their_memory_back():
    code = jit.compile_code(module(), target.host())

    def make_and_drop(count: int) -> int:
        for _ in range(count):
            assert call(jit.load_code(code, target.host()), 1) == 9
        gc.collect()
        return resident()

    before = make_and_drop(20)
    assert make_and_drop(200) - before < 2 << 20


def test_a_library_lives_as_long_as_it_is_held():
    libraries = [jit.load(module(number), target.host()) for number in range(5)]
    del libraries[::2]
    gc.collect()
    assert [call(library, 1) for library in libraries] == [3, 5]


def test_python_threads_compile_at_the_same_time():
    results = {}

    def work(number):
        results[number] = call(jit.load(module(number), target.host()), 1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: number + 2 for number in range(4)}


def test_the_interpreter_ends_with_libraries_loaded():
    code = (
        "from retroprop.backends.llvm import jit, target\n"
        f"library = jit.load({module()!r}, target.host())\n"
        "print(library.address('step') > 0)\n"
    )
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (out.returncode, out.stdout.strip(), out.stderr) == (0, "True", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_off_while_a_thread_compiles_can_compile():
    code = f"""
import os, threading, time
from retroprop import settings
from retroprop.backends.llvm import jit, target
text, settings.cache_folder, end = {module()!r}, "", time.monotonic() + 0.5
def compile():
    while time.monotonic() < end:
        jit.emit_object(text, target.host())
jit.emit_object(text, target.host())
thread = threading.Thread(target=compile)
thread.start()
while time.monotonic() < end:
    child = os.fork()
    if not child:
        jit.load(text, target.host()).address("step")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
thread.join()
print("done")
"""
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)
    assert out.stdout == "done\n", out.stderr


# -- another architecture, emulated -------------------------------------------------------------

MAIN = r"""
#include <stdint.h>
#include <stdio.h>
void step(float *x, const float *w, int64_t n);
int main(void) {
  float x[32], w[32];
  for (int i = 0; i < 32; i++) { x[i] = i - 7; w[i] = 0.5f * i; }
  step(x, w, 32);
  for (int i = 0; i < 32; i++) printf("%a\n", x[i]);
  return 0;
}
"""


def vector_module(made: target.Target) -> str:
    """x = w x + w over vectors, with denormals flushed."""
    written = Module()
    target.define_enter(written, made)
    target.define_leave(written, made)
    f = Function(written, "step", [("x", "ptr"), ("w", "ptr"), ("n", "i64")], public=True)
    x, w, n = f.parameters
    before = f.call("enter", "i32", [])
    with f.loop(0, n, 4) as loop:
        here = f.at(x, loop.index, 4)
        a = f.load("<4 x float>", here)
        b = f.load("<4 x float>", f.at(w, loop.index, 4))
        f.store(f.multiply_add(b, a, b), here)
    f.call("leave", "void", [before])
    f.leave()
    written.add(f)
    return written.text()


@pytest.mark.slow
def test_aarch64_code_runs_under_emulation(tmp_path):
    """Needs Debian's qemu-user and gcc-aarch64-linux-gnu."""
    compiler, emulator = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64")
    if not compiler or not emulator:
        pytest.skip("apt-get install qemu-user gcc-aarch64-linux-gnu, to run AArch64 code")
    made = target.named("neon")
    assert "fmla" in jit.emit_assembly(vector_module(made), made)
    (tmp_path / "step.o").write_bytes(jit.emit_object(vector_module(made), made))
    (tmp_path / "main.c").write_text(MAIN)
    command = [compiler, "-static", "-o", "run", "main.c", "step.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    out = subprocess.run(
        [emulator, "./run"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    i = np.arange(32, dtype=np.float32)
    expected = np.float32(0.5) * i * (i - 7) + np.float32(0.5) * i
    assert [float.fromhex(line) for line in out.stdout.split()] == expected.tolist()

"""A module in parts is the module."""

from __future__ import annotations

import ctypes

import pytest

from retroprop.backends.llvm import jit, parts, target
from retroprop.backends.llvm.emit import Function, Module


def chain(length: int, work: int = 1) -> str:
    """`step(x)` = x + sum of `work` table entries (1.0) for each of so many functions."""
    module = Module()
    module.define_global("table", "@table = internal constant [1 x double] [double 1.0]")
    for number in range(length):
        f = Function(module, f"f{number}", [("x", "double")], result="double")
        (x,) = f.parameters
        for _ in range(work):
            one = f.assign("double", "load double, ptr @table")
            x = f.binary("fadd", x, one)
        f.leave(f.call(f"f{number - 1}", "double", [x]) if number else x)
        module.add(f)
    f = Function(module, "step", [("x", "double")], result="double", public=True)
    f.leave(f.call(f"f{length - 1}", "double", [f.parameters[0]]))
    module.add(f)
    return module.text()


def test_a_small_module_stays_whole():
    text = chain(3)
    assert parts.split(text, 4) == [text]


def test_variables_keep_a_module_whole():
    text = chain(40, 100) + "\n@count = internal global i64 0\n"
    assert parts.split(text, 4) == [text]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_parts_together_do_what_the_whole_does(most, monkeypatch):
    monkeypatch.setattr(parts, "_WORTH", 200)
    monkeypatch.setattr(jit.cores, "available", lambda: most)
    text, here = chain(10), target.host()
    assert len(parts.split(text, most)) == most
    library = jit.load_code(jit.compile_code(text, here), here)
    step = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(library.address("step"))
    assert step(5.0) == 15.0


def test_glue_is_a_part_of_its_own(monkeypatch):
    text, here = chain(10), target.host()
    text = text.replace("@step(double %x) nounwind", f"@step(double %x) nounwind {parts.GLUE}")
    monkeypatch.setattr(parts, "_WORTH", 60)
    *others, glue = parts.split(text, 2)
    assert parts.is_glue(glue)
    assert len(others) == 2
    assert not any(map(parts.is_glue, others))
    library = jit.load_code(jit.compile_code(text, here), here)
    assert ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(library.address("step"))(5.0) == 15.0


def test_parts_are_of_like_size(monkeypatch):
    monkeypatch.setattr(parts, "_WORTH", 200)
    sizes = [len(part) for part in parts.split(chain(30, 20), 3)]
    assert max(sizes) < 1.2 * min(sizes)


def test_there_are_no_more_parts_than_functions(monkeypatch):
    monkeypatch.setattr(parts, "_WORTH", 10)
    assert len(parts.split(chain(1), 64)) == 2


def test_gathering_keeps_the_order_and_raises():
    assert parts.gather(str.encode, ["a", "b", "c"]) == [b"a", b"b", b"c"]

    def fails(text):
        raise ValueError(text)

    with pytest.raises(ValueError, match="a"):
        parts.gather(fails, ["a", "a"])

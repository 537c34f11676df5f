"""LLVM IR as text: loops, branches and literals mean what they say."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from retroprop.backends.llvm import jit
from retroprop.backends.llvm.emit import Function, Module, lanes_of, scalar_of, vector
from retroprop.backends.llvm.target import host


def run(build, result, *given):
    """Call a function that `build` writes, on i64 or f64 arguments."""
    kinds = {int: ("i64", ctypes.c_int64), float: ("double", ctypes.c_double)}
    parameters = [(f"a{i}", kinds[type(x)][0]) for i, x in enumerate(given)]
    module = Module()
    f = Function(module, "run", parameters, result=kinds[result][0], public=True)
    f.leave(build(f, *f.parameters))
    module.add(f)
    library = jit.load(module.text(), host())
    types = [kinds[type(x)][1] for x in given]
    return ctypes.CFUNCTYPE(kinds[result][1], *types)(library.address("run"))(*given)


@pytest.mark.parametrize(("start", "stop", "step"), [(0, 10, 1), (3, 11, 4), (5, 5, 1), (9, 2, 3)])
def test_a_loop_counts_as_range_does(start, stop, step):
    def build(f, a, z):
        with f.loop(a, z, step, carry=[f.integer(0), f.integer(1)]) as loop:
            total = f.binary("add", loop.carried[0], loop.index)
            loop.carry(total, f.binary("mul", loop.carried[1], f.integer(2)))
        return f.binary("add", *loop.carried)

    expected = sum(range(start, stop, step)) + 2 ** len(range(start, stop, step))
    assert run(build, int, start, stop) == expected


@pytest.mark.parametrize("x", [-3, 4])
def test_a_branch_gives_its_value_or_the_other(x):
    def build(f, a):
        with f.branch(f.compare("icmp slt", a, f.integer(0)), otherwise=[a]) as branch:
            branch.give(f.binary("sub", f.integer(0), a))
        return branch.values[0]

    assert run(build, int, x) == abs(x)


@pytest.mark.parametrize("value", [0.1, -0.0, np.inf, 5e-324, 1e308])
def test_literals_are_exact(value):
    made = run(lambda f, a: f.binary("fadd", f.constant("double", value), a), float, -0.0)
    assert np.float64(made).tobytes() == np.float64(value + -0.0).tobytes()


def test_equal_functions_are_one():
    module, names = Module(), []
    for offset in (1, 1, 2):
        f = Function(module, "kernel", [("a", "i64")], result="i64")
        f.leave(f.binary("add", f.parameters[0], f.integer(offset)))
        names.append(module.add_shared(f))
    assert names[0] == names[1] != names[2]
    assert module.text().count("define") == 2


def test_a_loop_that_carries_too_little_is_refused():
    f = Function(Module(), "run", [])
    with (
        pytest.raises(ValueError, match="carries 1 values, got 0"),
        f.loop(0, 3, carry=[f.integer(0)]) as loop,
    ):
        loop.carry()


def test_types_come_apart():
    assert scalar_of(vector("i8", 16)) == "i8"
    assert lanes_of(vector("float", 4)) == 4

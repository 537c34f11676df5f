"""The native side of the pool is valid code on every target; what it does, test_pool.py tests."""

from __future__ import annotations

import pytest

from retroprop.backends.llvm import jit, synchronise, target


@pytest.mark.parametrize(
    ("name", "pause"), [("sse", "pause"), ("avx512", "pause"), ("neon", "isb")]
)
def test_it_compiles_for_every_target(name, pause):
    made = target.named(name)
    assembly = jit.emit_assembly(synchronise.text(made, 1), made)
    assert f"\t{pause}" in assembly
    for public in ("launch", "open", "worker"):
        assert f"{public}:" in assembly


def test_words_of_different_threads_are_on_lines_of_their_own():
    text = synchronise.text(target.host(), 1)
    shared = [line for line in text.splitlines() if line.startswith("@")]
    assert len(shared) == 8
    assert all(line.endswith("align 128") for line in shared)


def test_the_clock_is_the_systems():
    assert "@clock_gettime(i32 6," in synchronise.text(target.host(), 6)

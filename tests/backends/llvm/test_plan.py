"""What is kept beside the code of a program, so that it starts without being planned again."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop import settings
from retroprop.backends.llvm import plan as plans
from retroprop.backends.llvm.program import Program
from retroprop.errors import IndexRangeError
from retroprop.ir import parse
from retroprop.ops.catalog import catalog

TEXT = """
graph(%0: float32[4, 3], %1: int64[2], %2: float32[1, 2, 8, 8], %3: float32[3, 2, 3, 3])
  %4: float32[2, 3] = take(%0, %1, axis=0)
  %5: float32[2, 3] = multiply(%4, 2.5:float32)
  %6: float32[1, 3, 6, 6] = conv(%2, %3, stride=(1, 1), padding=((0, 0), (0, 0)), WHOLE)
  return %5, %6""".replace("WHOLE", "dilation=(1, 1), groups=1")


def run(program, index):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(v.shape).astype(v.dtype) for v in program.graph.inputs]
    arrays[1] = np.array(index)
    results = [np.zeros(v.shape, v.dtype) for v in program.graph.outputs]
    for slot, array in enumerate([*arrays, *results]):
        program.bind(slot, array)
    program.run()
    return results


def test_a_second_program_starts_from_the_cache_without_a_plan(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_folder", str(tmp_path))
    made = []
    original = plans.Plan.__init__

    def counting(self, *args, **kwargs):
        made.append(self)
        original(self, *args, **kwargs)

    monkeypatch.setattr(plans.Plan, "__init__", counting)
    first = Program(parse(TEXT, catalog), {})
    assert len(made) == 1
    expected = run(first, [1, 3])
    second = Program(parse(TEXT, catalog), {})
    assert len(made) == 1
    for one, other in zip(expected, run(second, [1, 3]), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(IndexRangeError, match="take: index 9 is out of range for axis 0 of 4"):
        run(second, [9, 0])
    run(second, [0, 2])
    assert "conv" in second.report()  # made when asked for
    assert len(made) == 2
    assert second.llvm_ir() == first.llvm_ir()


def test_other_options_are_other_programs(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_folder", str(tmp_path))
    for options in ({}, {"winograd": 0}, {"threads": 1}, {"memory": "1GB"}):
        assert not Program(parse(TEXT, catalog), {}, **options)._library.from_cache
    assert Program(parse(TEXT, catalog), {}, winograd=0)._library.from_cache

"""Every backend keeps to the protocol."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import retroprop as rp
from retroprop.backends import base
from retroprop.backends.llvm import program as native
from retroprop.backends.numpy import program as reference
from retroprop.ops import catalog

TEXT = "graph(%0: float32[2])\n  %1: float32[2] = add(%0, %0)\n  return %1"


@pytest.mark.parametrize("backend", [reference, native])
def test_a_backend_builds_binds_and_runs(backend):
    program = backend.build(rp.Graph.parse(TEXT, catalog), {}, strict=False, threads=1, target=None)
    x, y = np.float32([1, 2]), np.zeros(2, np.float32)
    program.bind(0, x)
    program.bind(1, y)
    program.run()
    assert y.tolist() == [2.0, 4.0]
    for name, method in vars(base.Program).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            assert callable(getattr(program, name))

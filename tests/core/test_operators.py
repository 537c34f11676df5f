"""The operators that are declared are the ones that exist."""

from __future__ import annotations

import ast
from pathlib import Path

import retroprop as rp
from retroprop.core import operators


def test_every_declared_operator_is_installed():
    tree = ast.parse(Path(operators.__file__).read_text(encoding="utf-8"))
    declared = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert len(declared) > 20
    for name in declared - {"__getattr__"}:
        assert hasattr(rp.Tensor, name), name

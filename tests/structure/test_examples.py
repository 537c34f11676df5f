"""Every program in examples/ runs, within a time limit, and asserts its own result."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.structure.sources import ROOT

TIME_LIMIT_SECONDS = 120
SLOW_LIMIT_SECONDS = 900
SLOW = "# slow"  # a comment line of its own, among the first sixteen lines


def is_slow(source: str) -> bool:
    """Whether a program declares itself slow."""
    return any(line.startswith(SLOW) for line in source.splitlines()[:16])


def asserts(source: str) -> bool:
    """Whether a program has an assert statement."""
    return any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source)))


def programs() -> Sequence[object]:
    """The examples, as test parameters."""
    found = []
    for path in sorted((ROOT / "examples").rglob("*.py")):
        marks = [pytest.mark.slow] if is_slow(path.read_text(encoding="utf-8")) else []
        name = path.relative_to(ROOT / "examples").as_posix()
        found.append(pytest.param(path, id=name, marks=marks))
    return found


@pytest.mark.parametrize("path", programs())
def test_example_runs(path: Path, tmp_path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert asserts(source), f"{path.name} asserts nothing"
    run = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,  # what an example writes stays out of the repository
        env={**os.environ, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=SLOW_LIMIT_SECONDS if is_slow(source) else TIME_LIMIT_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_slow_is_declared_in_a_comment_at_the_top() -> None:
    assert is_slow('"""Trains."""\n# slow: 3 minutes\n')
    assert not is_slow('"""Not # slow."""\n')
    assert not is_slow("\n" * 16 + "# slow\n")

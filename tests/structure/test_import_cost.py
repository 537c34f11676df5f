"""`import retroprop` is light: no optional package, no training code, no heavy standard library.

What is measured is which modules load, never the clock: a slow machine must not fail a test.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Packages that must load only when something asks for them, ours included.
LATER = [
    "PIL", "jax", "llvmlite", "matplotlib", "ml_dtypes", "pandas", "rich", "scipy", "sklearn",
    "torch", "yaml", "retroprop.cli", "retroprop.interop", "retroprop.train",
]  # fmt: skip
# Standard modules that cost milliseconds each; what NumPy loads anyway is not ours to save.
HEAVY = [
    "argparse", "asyncio", "concurrent.futures", "csv", "difflib", "doctest", "email", "html",
    "http", "inspect", "linecache", "logging", "multiprocessing", "pydoc", "socket", "sqlite3",
    "ssl", "subprocess", "tomllib", "traceback", "unittest", "urllib", "xml", "zipfile", "zlib",
]  # fmt: skip


def loaded(*statements: str) -> set[str]:
    """The modules that a fresh interpreter has after the statements."""
    source = "; ".join([*statements, "import sys", "print('\\n'.join(sys.modules))"])
    command = [sys.executable, "-c", source]
    out = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    return set(out.stdout.split())


@pytest.fixture(scope="module")
def after_import() -> set[str]:
    return loaded("import retroprop")


def test_optional_and_training_code_load_later(after_import: set[str]) -> None:
    assert sorted(after_import & set(LATER)) == []


def test_no_heavy_standard_library(after_import: set[str]) -> None:
    ours = after_import - loaded("import numpy", "import numpy.random")
    assert sorted(ours & set(HEAVY)) == []


def test_what_loads_later_can_be_seen() -> None:
    """Guards the two tests above: `loaded` reports a module that a statement brings in."""
    assert "csv" in loaded("import csv") - loaded("import json")

"""The files of this repository, as the structure tests see them.

Every check is a function of a tree that returns a list of problems, one line each, so that a
check can be tried on a small wrong tree as well as on the repository itself.
"""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = [
    "PACKAGE",
    "ROOT",
    "expect_none",
    "listed",
    "module_name",
    "package_files",
    "parsed",
    "text_files",
]

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "retroprop"

_GENERATED = {
    "__pycache__", "build", "dist", "runs", "htmlcov", "venv", ".venv", ".git", ".hypothesis",
    ".mypy_cache", ".pytest_cache", ".ruff_cache",
}  # fmt: skip


def listed(root: Path) -> list[Path]:
    """The files that git tracks or would track; without git (an sdist), all but generated ones."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        out = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
        found = (root / name for name in out.decode().split("\0") if name)
    else:
        found = (p for p in root.rglob("*") if not _GENERATED & set(p.relative_to(root).parts))
    return sorted(path for path in found if path.is_file())


def text_files(root: Path) -> Iterator[tuple[Path, str]]:
    """Every listed file that is text, with its content."""
    for path in listed(root):
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            yield path, data.decode("utf-8")


def package_files(root: Path) -> list[Path]:
    """The source files of the package, sorted."""
    return sorted((root / PACKAGE).rglob("*.py"))


def module_name(path: Path, root: Path) -> str:
    """`retroprop/nn/linear.py` -> "retroprop.nn.linear"; a package's `__init__` is its folder."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def expect_none(problems: list[str]) -> None:
    """Fails the test with all problems, one a line."""
    if problems:
        pytest.fail("\n".join([f"{len(problems)} problems", *problems]), pytrace=False)

"""Small enough to hold: files under 400 lines, functions under 40, lines of at most 100 characters.

A file or function that is better long gives its reason in its docstring, as `advice` words it.
"""

from __future__ import annotations

import ast
from pathlib import Path

from tests.structure.sources import PACKAGE, ROOT, expect_none, listed, package_files, parsed

FILE_LINES = 400
FUNCTION_LINES = 40  # of code: the docstring does not count
COLUMNS = 100


def excused(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef, limit: int) -> bool:
    """Whether the docstring of a file or function gives its reason to be longer."""
    words = " ".join((ast.get_docstring(node) or "").split())
    return f"Longer than {limit} lines because" in words


def file_problems(root: Path) -> list[str]:
    """Every Python file that is too long, or has too long a line."""
    problems = []
    for path in listed(root):
        if path.suffix != ".py":
            continue
        where = path.relative_to(root).as_posix()
        lines = path.read_text(encoding="utf-8").splitlines()
        if (len(lines) >= FILE_LINES) != excused(parsed(path), FILE_LINES):
            problems.append(f"{where}: {len(lines)} lines, {advice(len(lines), FILE_LINES)}")
        problems += [
            f"{where}:{number}: {len(line)} characters"
            for number, line in enumerate(lines, start=1)
            if len(line) > COLUMNS
        ]
    return problems


def function_problems(root: Path) -> list[str]:
    """Every function of the package that is too long."""
    problems = []
    for path in package_files(root):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = code_lines(node)
                if (count >= FUNCTION_LINES) != excused(node, FUNCTION_LINES):
                    where = f"{path.relative_to(root).as_posix()}:{node.lineno}: {node.name}"
                    problems.append(f"{where}: {count} lines, {advice(count, FUNCTION_LINES)}")
    return problems


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from `def` on, less its docstring."""
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    doc = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - doc


def advice(count: int, limit: int) -> str:
    """What to do about a length that does not fit its docstring."""
    if count < limit:
        return f'so drop "Longer than {limit} lines because"'
    return f'split it, or say "Longer than {limit} lines because ..." in its docstring'


def test_files_and_lines_are_short() -> None:
    expect_none(file_problems(ROOT))


def test_functions_are_short() -> None:
    expect_none(function_problems(ROOT))


def test_a_long_file_or_line_is_found(tmp_path: Path) -> None:
    (tmp_path / PACKAGE).mkdir()
    long = "x = 1\n" * FILE_LINES
    excuse = '"""Table.\n\nLonger than 400 lines\nbecause it is one table.\n"""\n'
    (tmp_path / PACKAGE / "long.py").write_text(long)
    (tmp_path / PACKAGE / "told.py").write_text(excuse + long)
    (tmp_path / PACKAGE / "idle.py").write_text(excuse)
    (tmp_path / PACKAGE / "wide.py").write_text("#" * 100 + "\n" + "#" * 101 + "\n")
    assert [problem.split(",")[0] for problem in file_problems(tmp_path)] == [
        "retroprop/idle.py: 5 lines",
        "retroprop/long.py: 400 lines",
        "retroprop/wide.py:2: 101 characters",
    ]


def test_a_long_function_is_found(tmp_path: Path) -> None:
    (tmp_path / PACKAGE).mkdir()
    code = "    x = 1\n" * (FUNCTION_LINES - 1)
    doc = '    """One\n    two.\n    """\n'
    excuse = '    """Longer than 40 lines because it is a table."""\n'
    long, short = f"def long():\n{doc}{code}", f"def short():\n{doc}{code[10:]}"
    told, idle = f"def told():\n{excuse}{code}", f"def idle():\n{excuse}    x = 1\n"
    (tmp_path / PACKAGE / "part.py").write_text(long + short + told + idle)
    assert [problem.split(",")[0] for problem in function_problems(tmp_path)] == [
        "retroprop/part.py:1: long: 40 lines",
        f"retroprop/part.py:{(long + short + told).count(chr(10)) + 1}: idle: 2 lines",
    ]

"""Every `>>>` example in a docstring of the package runs and prints what it says.

Docstrings are read from the source, not from the imported objects: a decorator may turn a function
into a record (as in `ops/`), and its examples count all the same. An example sees the names of its
module, and `rp` and `np`.
"""

from __future__ import annotations

import ast
import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.structure.sources import ROOT, expect_none, module_name, package_files, parsed

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF


class Documented(NamedTuple):
    name: str
    text: str
    line: int


def docstrings(tree: ast.Module) -> Iterator[Documented]:
    """The docstrings of a file with examples in them: the module, its classes and functions."""
    for node in ast.walk(tree):
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, kinds):
            text = ast.get_docstring(node, clean=True) or ""
            if ">>>" in text:
                line = node.body[0].lineno
                yield Documented(getattr(node, "name", "(module)"), text, line)


def run_examples(documented: Documented, names: dict[str, Any], filename: str) -> list[str]:
    """The failures of one docstring, as text."""
    name, text, line = documented
    test = doctest.DocTestParser().get_doctest(text, names, name, filename, line - 1)
    output: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=output.append)
    return output


# Their examples are run where these packages of the `reference` extra are; CI has them.
NEEDS = {
    "retroprop.data.subwords": "sentencepiece",
    "retroprop.tasks.translation.scores": "sacrebleu",
    "retroprop.tasks.translation.search": "sentencepiece",
}
WITH_EXAMPLES = [path for path in package_files(ROOT) if any(docstrings(parsed(path)))]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: module_name(path, ROOT))
def test_examples_of(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import retroprop as rp

    monkeypatch.chdir(tmp_path)
    name = module_name(path, ROOT)
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    module = importlib.import_module(name)
    failures = []
    for documented in docstrings(parsed(path)):
        rp.manual_seed(0)
        names = {"np": np, "rp": rp, **vars(module)}
        failures += run_examples(documented, names, path.relative_to(ROOT).as_posix())
    expect_none(failures)


def test_no_example_is_switched_off() -> None:
    skipped = [
        f"{path.relative_to(ROOT).as_posix()}:{documented.line}"
        for path in WITH_EXAMPLES
        for documented in docstrings(parsed(path))
        if "+SKIP" in documented.text
    ]
    assert skipped == []


def test_a_wrong_example_is_found() -> None:
    source = '@record\ndef add(x, z):\n    """Sum.\n\n    >>> add(1, 2)\n    4\n    """\n'
    (documented,) = docstrings(ast.parse(source))
    assert documented.name == "add"
    names = {"add": lambda x, z: x + z}
    assert "- 4\n    + 3" in "".join(run_examples(documented, names, "part.py"))
    right = documented._replace(text=documented.text.replace("4", "3"))
    assert run_examples(right, names, "part.py") == []

"""What must never be here: paths of one machine, package hosts, ways to run code from a file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.structure.sources import PACKAGE, ROOT, expect_none, package_files, parsed, text_files

# One letter of each word stands in brackets, so that this file does not match itself.
FORBIDDEN_TEXT = {
    r"(?<![\w.~-])/(?:wor[k]|roo[t]|tm[p]|hom[e]|far[m])/[\w.]": "a path of one machine",
    r"pyp[i]\.org|pythonhoste[d]|download\.pytorc[h]\.org|registry\.npmj[s]": "a package host",
}

UNSAFE_MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "pickletools", "shelve"}
UNSAFE_BUILTINS = {"__import__", "eval", "exec"}
UNSAFE_CALLS = {
    "torch.load": "it unpickles",
    "yaml.full_load": "use yaml.safe_load",
    "yaml.load": "use yaml.safe_load",
    "yaml.unsafe_load": "use yaml.safe_load",
}


def text_problems(root: Path) -> list[str]:
    """Every line of a text file that holds a forbidden pattern."""
    return [
        f"{path.relative_to(root).as_posix()}:{number}: {what}: {line.strip()[:80]}"
        for path, text in text_files(root)
        for number, line in enumerate(text.splitlines(), start=1)
        for pattern, what in FORBIDDEN_TEXT.items()
        if re.search(pattern, line)
    ]


def unsafe(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and reason of everything in a file that could run code from data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            for name in [module] if module else [alias.name for alias in node.names]:
                if name.split(".")[0] in UNSAFE_MODULES:
                    yield node.lineno, f"imports {name}"
        elif isinstance(node, ast.Call):
            why = unsafe_call(node)
            if why:
                yield node.lineno, why


def unsafe_call(node: ast.Call) -> str | None:
    """Why a call could run code from data, or None."""
    name = ast.unparse(node.func)
    pickle = next((ast.unparse(k.value) for k in node.keywords if k.arg == "allow_pickle"), None)
    if name in UNSAFE_BUILTINS:
        return f"{name}()"
    if name in UNSAFE_CALLS:
        return f"{name}(): {UNSAFE_CALLS[name]}"
    if pickle not in {None, "False"}:
        return f"{name}(allow_pickle={pickle})"
    if name in {"np.load", "numpy.load"} and pickle is None:
        return f"{name}(): say allow_pickle=False"
    return None


def unsafe_problems(root: Path) -> list[str]:
    """Every unsafe place of the package."""
    return [
        f"{path.relative_to(root).as_posix()}:{line}: {why}"
        for path in package_files(root)
        for line, why in unsafe(parsed(path))
    ]


def test_no_file_names_a_machine_or_a_package_host() -> None:
    expect_none(text_problems(ROOT))


def test_the_package_runs_no_code_from_files() -> None:
    expect_none(unsafe_problems(ROOT))


@pytest.mark.parametrize("folder", ["roo" + "t", "wor" + "k", "tm" + "p"])
def test_a_machine_path_is_found(folder: str, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text(f"fine: a/{folder}/b\nsee /{folder}/data.csv\n")
    (tmp_path / "image.png").write_bytes(b"\0/" + folder.encode() + b"/data.csv")
    (problem,) = text_problems(tmp_path)
    assert problem.startswith("notes.md:2: a path of one machine")


UNSAFE = [
    "import pickle",
    "from joblib import load",
    "def f(s):\n    return eval(s)",
    "import numpy as np\nnp.load('a.npz', allow_pickle=True)",
    "import numpy as np\nnp.load('a.npz', allow_pickle=flag)",
    "import numpy as np\nnp.load('a.npz')",
    "import yaml\nyaml.load(text)",
    "import torch\ntorch.load('a.pt')",
]


@pytest.mark.parametrize("source", UNSAFE)
def test_an_unsafe_call_is_found(source: str, tmp_path: Path) -> None:
    (tmp_path / PACKAGE).mkdir()
    (tmp_path / PACKAGE / "loader.py").write_text(source)
    assert len(unsafe_problems(tmp_path)) == 1


def test_safe_calls_pass(tmp_path: Path) -> None:
    (tmp_path / PACKAGE).mkdir()
    source = "np.load(f, allow_pickle=False)\nyaml.safe_load(f)\nmodel.eval()\nre.compile('a')"
    (tmp_path / PACKAGE / "loader.py").write_text(source)
    assert unsafe_problems(tmp_path) == []

"""The test command of the README needs what `pip install '.[test]'` brings, and nothing else."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

from tests.structure.sources import PACKAGE, ROOT, expect_none, parsed

# What the test extra installs, by import name.
TEST_MODULES = {
    "hypothesis": "hypothesis",
    "mpmath": "mpmath",
    "ml_dtypes": "ml_dtypes",
    "pillow": "PIL",
    "pytest": "pytest",
    "pytest-xdist": "xdist",
}
CORE_MODULES = {"llvmlite", "numpy", "safetensors", "yaml", PACKAGE, "tests"}
# What tests compare with, where it is installed; CI sees to it (tests/conftest.py). PyTorch takes
# seconds to load and is kept to files of its own, `test_*_torch.py`.
REFERENCES = {
    "pandas": "pandas",
    "polars": "polars",
    "pycocotools": "pycocotools",
    "sacrebleu": "sacrebleu",
    "scikit-learn": "sklearn",
    "sentencepiece": "sentencepiece",
    "tensorboard": "tensorboard",
}


def top_level_imports(tree: ast.Module) -> set[str]:
    """The packages a test file imports, wherever in the file."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    return names - set(sys.stdlib_module_names)


def import_or_skip(tree: ast.Module) -> set[str]:
    """The packages a test file asks for with `pytest.importorskip("name")`."""
    return {
        str(node.args[0].value).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "importorskip"
        and isinstance(node.args[0], ast.Constant)
    }


def requirement_problems(root: Path) -> list[str]:
    """Every test file that needs what the test extra does not install, or may skip for it."""
    problems = []
    known = CORE_MODULES | set(TEST_MODULES.values())
    for path in sorted((root / "tests").rglob("*.py")):
        where, tree = path.relative_to(root).as_posix(), parsed(path)
        skips, is_torch = import_or_skip(tree), path.stem.endswith("_torch")
        may_skip = set(REFERENCES.values()) | ({"torch"} if is_torch else set())
        foreign = (top_level_imports(tree) - skips | skips - may_skip) - known
        if foreign:
            problems.append(f"{where}: the test extra does not install {sorted(foreign)}")
        if is_torch and "torch" not in skips:
            problems.append(f'{where}: starts with torch = pytest.importorskip("torch")')
    return problems


def test_tests_need_only_the_test_extra() -> None:
    expect_none(requirement_problems(ROOT))


def names(requirements: list[str]) -> set[str]:
    return {line.split(">=")[0] for line in requirements}


def test_the_tables_are_the_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert names(extras["test"]) == set(TEST_MODULES)
    assert names(extras["reference"]) == set(REFERENCES)
    assert names(project["dependencies"]) == {"llvmlite", "numpy", "pyyaml", "safetensors"}


def test_what_is_not_installed_is_found(tmp_path: Path) -> None:
    sources = {
        "test_a.py": "import scipy.stats",
        "test_b.py": "def test_it():\n    torch = pytest.importorskip('torch')",
        "test_c_torch.py": "torch = pytest.importorskip('torch')\nimport torch.nn",
        "test_d_torch.py": "import numpy",
        "test_e.py": "def test_it():\n    pytest.importorskip('sklearn.metrics')\n    import yaml",
        "test_f.py": "pytest.importorskip('sympy')\nimport sklearn",
    }
    (tmp_path / "tests").mkdir()
    for name, source in sources.items():
        (tmp_path / "tests" / name).write_text(source)
    assert requirement_problems(tmp_path) == [
        "tests/test_a.py: the test extra does not install ['scipy']",
        "tests/test_b.py: the test extra does not install ['torch']",
        'tests/test_d_torch.py: starts with torch = pytest.importorskip("torch")',
        "tests/test_f.py: the test extra does not install ['sklearn', 'sympy']",
    ]

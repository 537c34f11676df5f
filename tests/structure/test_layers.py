"""Imports point down: the layer contract of the package."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.structure.sources import PACKAGE, ROOT, expect_none, module_name, package_files, parsed

# The table of docs/design/0001-layers.md. A layer is a file or folder of the package. It may import
# every layer of a row above its own, and the layers it shares a cell with (cells are separated by
# `|`), never a sibling cell.
ROWS = """
errors
dtypes shapes tree settings version
ir
ops
passes
autodiff | backends
core
array random linalg
optim | data | metrics
nn
interop
health
train
__init__
tasks
cli __main__
"""
# Above, but still not for: what `nn` needs from its row of neighbours is the optimizers only.
NOT_FOR = {"nn": {"data", "metrics"}}

CORE_DEPENDENCIES = {"numpy", "safetensors", "yaml"}
# Optional dependencies, and llvmlite, which is large, load inside the function that needs them, in
# these layers only.
OPTIONAL = {
    "PIL", "jax", "jaxlib", "llvmlite", "matplotlib", "ml_dtypes", "rich", "sacrebleu",
    "sentencepiece", "torch", "yaml",
}  # fmt: skip
OPTIONAL_IN = {"backends", "cli", "data", "interop", "tasks", "train"}
# ... and bfloat16 is a name in the dtype table whose meaning is ml_dtypes' own.
OPTIONAL_ELSEWHERE = {("dtypes", "ml_dtypes")}

# Imports inside a function that the contract would refuse, each with its reason.
EXCEPTIONS = {
    ("retroprop/core/tensor.py", "retroprop"): "__array_namespace__ must return the package",
}


class Import(NamedTuple):
    target: str  # dotted name, as far as it can be a module
    line: int
    inside: bool  # within a function


def allowed() -> dict[str, set[str]]:
    """For each layer, the layers that its files may import."""
    table: dict[str, set[str]] = {}
    above: set[str] = set()
    for row in ROWS.strip().splitlines():
        cells = [set(cell.split()) for cell in row.split("|")]
        for cell in cells:
            table.update({layer: (above | cell) - NOT_FOR.get(layer, set()) for layer in cell})
        above = above.union(*cells)
    return table


def imports(tree: ast.Module, module: str, is_package: bool) -> Iterator[Import]:
    """Every import of a file, absolute, `from a import b` as "a.b"."""
    inside = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = module.split(".")[: len(module.split(".")) - node.level + is_package]
                base = ".".join([*up, base] if base else up)
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (Import(name, node.lineno, id(node) in inside) for name in names)


def layer_of(module: str, root: Path) -> str:
    """ "retroprop.nn.linear" -> "nn"; names defined in the package's `__init__` -> "__init__"."""
    rest = module.split(".")[1:]
    if rest and (
        (root / PACKAGE / rest[0]).is_dir() or (root / PACKAGE / f"{rest[0]}.py").exists()
    ):
        return rest[0]
    return "__init__"


def import_problem(found: Import, layer: str, root: Path) -> str | None:
    """Why `layer` must not have this import, or None."""
    top = found.target.split(".")[0]
    if top == PACKAGE:
        to = layer_of(found.target, root)
        if to not in allowed()[layer]:
            return f"{layer} must not import {to} (the layers it may: {sorted(allowed()[layer])})"
        if found.inside and to != layer:
            return f"{found.target} is imported inside a function: a cycle is a design bug"
        return None
    if top in sys.stdlib_module_names:
        return None
    if top in OPTIONAL and found.inside:
        if layer in OPTIONAL_IN or (layer, top) in OPTIONAL_ELSEWHERE:
            return None
        return f"{top} is optional: only {sorted(OPTIONAL_IN)} may load it"
    if top in CORE_DEPENDENCIES:
        return None
    if top in OPTIONAL:
        return f"{top} is optional: import it inside the function that needs it"
    return f"{top} is not a dependency of this package"


def layer_problems(root: Path) -> list[str]:
    """Every import of the package that breaks the contract."""
    table = allowed()
    problems = []
    for path in package_files(root):
        module, where = module_name(path, root), path.relative_to(root).as_posix()
        layer = layer_of(module, root)
        if layer not in table:
            problems.append(f"{where}: {layer!r} has no row in the table of layers")
            continue
        for found in imports(parsed(path), module, path.name == "__init__.py"):
            why = import_problem(found, layer, root)
            if why and not (found.inside and (where, found.target) in EXCEPTIONS):
                problems.append(f"{where}:{found.line}: {why}")
    return problems


def test_imports_point_down() -> None:
    expect_none(layer_problems(ROOT))


def test_table_names_each_layer_once() -> None:
    names = ROWS.replace("|", " ").split()
    assert len(names) == len(set(names))


WRONG = {
    "retroprop/ir/graph.py": ("from retroprop.core import tensor", "ir must not import core"),
    "retroprop/autodiff/backward.py": ("import retroprop.backends", "must not import backends"),
    "retroprop/nn/linear.py": ("from retroprop import data", "nn must not import data"),
    "retroprop/ops/linalg.py": ("from ..core.tensor import Tensor", "ops must not import core"),
    "retroprop/train/trainer.py": ("import retroprop as rp", "train must not import __init__"),
    "retroprop/ops/define.py": ("import scipy", "scipy is not a dependency"),
    "retroprop/data/images.py": ("import PIL.Image", "import it inside the function"),
    "retroprop/ops/image.py": ("def f():\n    import PIL", "PIL is optional: only"),
    "retroprop/train/late.py": ("def f():\n    import retroprop.nn", "a cycle is a design bug"),
    "retroprop/misc.py": ("import os", "'misc' has no row"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_import_is_found(name: str, tmp_path: Path) -> None:
    for other in ["core/tensor.py", "backends/base.py", "data/csv.py", "nn/init.py", "__init__.py"]:
        path = tmp_path / PACKAGE / other
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    source, expected = WRONG[name]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    problems = layer_problems(tmp_path)
    assert len(problems) == 1, problems
    assert problems[0].startswith(name)
    assert expected in problems[0]


RIGHT = {
    "retroprop/nn/linear.py": "from retroprop import optim\nfrom .init import zeros\nimport numpy",
    "retroprop/data/images.py": "def f():\n    from PIL import Image",
    "retroprop/cli/main.py": "import retroprop as rp\nimport argparse",
    "retroprop/__init__.py": "from retroprop.core.tensor import Tensor",
    "retroprop/core/__init__.py": "from .tensor import Tensor",
}


def test_right_imports_pass(tmp_path: Path) -> None:
    for name, source in {**RIGHT, "retroprop/optim/sgd.py": "", "retroprop/nn/init.py": ""}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    assert layer_problems(tmp_path) == []

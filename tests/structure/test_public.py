"""The public surface: `__all__` in each module, names that exist, a docstring on each of them."""

from __future__ import annotations

import ast
import importlib
import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.structure.sources import PACKAGE, ROOT, expect_none, module_name, package_files, parsed

# The modules users import from; what they export is what the documentation is about.
SURFACE = [
    "retroprop",
    "retroprop.data",
    "retroprop.health",
    "retroprop.metrics",
    "retroprop.nn",
    "retroprop.nn.functional",
    "retroprop.optim",
    "retroprop.tasks",
    "retroprop.train",
]


def declared_all(tree: ast.Module) -> list[str] | None:
    """The literal `__all__` of a module; None when it has none or computes it."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            assert isinstance(node, ast.Assign)
            try:
                return list(ast.literal_eval(node.value))
            except ValueError:
                return None
    return None


def all_problems(root: Path) -> list[str]:
    """Every module whose `__all__` is missing or computed; its order is the linter's (RUF022)."""
    return [
        f"{path.relative_to(root).as_posix()}: public names, but no literal __all__"
        for path in package_files(root)
        if declared_all(parsed(path)) is None and any(public_definitions(parsed(path)))
    ]


def public_definitions(tree: ast.Module) -> Iterator[str]:
    """The public functions and classes that a module defines."""
    for node in tree.body:
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        if isinstance(node, kinds) and not node.name.startswith("_"):
            yield node.name


def undocumented(module: types.ModuleType) -> Iterator[str]:
    """The names in `__all__` that have nothing to read, and such methods of its classes."""
    for name in module.__all__:
        found = getattr(module, name)
        if isinstance(found, type):
            if not (found.__doc__ or "").strip():
                yield name
            yield from (f"{name}.{method}" for method in undocumented_methods(found))
        elif callable(found) and not (inspect.getdoc(found) or "").strip():
            yield name


def undocumented_methods(cls: type) -> Iterator[str]:
    """The public methods and properties a class defines without a docstring, own or inherited."""
    kinds = (types.FunctionType, property, classmethod, staticmethod)
    for name, found in vars(cls).items():
        if not name.startswith("_") and isinstance(found, kinds) and not doc_of(cls, name):
            yield name


def doc_of(cls: type, name: str) -> str | None:
    """The docstring of an attribute, or of the one it overrides."""
    found: Any = inspect.getattr_static(cls, name)
    return inspect.getdoc(found) or next(
        (inspect.getdoc(vars(base)[name]) for base in cls.__mro__[1:] if name in vars(base)), None
    )


def test_each_folder_is_a_package() -> None:
    folders = {path.parent for path in package_files(ROOT)}
    bare = [path for path in sorted(folders) if not (path / "__init__.py").is_file()]
    expect_none([f"{path.relative_to(ROOT).as_posix()}: no __init__.py" for path in bare])


def test_each_module_declares_its_names() -> None:
    expect_none(all_problems(ROOT))


@pytest.mark.parametrize(
    "name", [module_name(p, ROOT) for p in package_files(ROOT) if declared_all(parsed(p))]
)
def test_each_declared_name_exists(name: str) -> None:
    module = importlib.import_module(name)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", SURFACE)
def test_each_public_name_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    expect_none([f"{name}.{each} has no docstring" for each in undocumented(module)])


def test_the_installed_package_is_complete() -> None:
    module = importlib.import_module(PACKAGE)
    here = [Path(p).relative_to(ROOT / PACKAGE) for p in (ROOT / PACKAGE).rglob("*.py")]
    installed = Path(module.__path__[0])
    assert [str(path) for path in here if not (installed / path).is_file()] == []


@pytest.mark.parametrize("source", ["", "names = ['a']\n__all__ = names"])
def test_a_missing_declaration_is_found(source: str, tmp_path: Path) -> None:
    (tmp_path / PACKAGE).mkdir()
    (tmp_path / PACKAGE / "part.py").write_text(source + "\ndef a(): ...")
    (tmp_path / PACKAGE / "right.py").write_text("__all__ = ['a']\ndef a(): ...")
    assert all_problems(tmp_path) == ["retroprop/part.py: public names, but no literal __all__"]


def test_missing_docstrings_are_found() -> None:
    class Base:
        """Has one."""

        def known(self) -> None:
            """Inherited by the subclass."""

    class Sub(Base):
        def known(self) -> None: ...

        def unknown(self) -> None: ...

        @property
        def bare(self) -> int:
            return 0

    module = types.ModuleType("part")
    module.__dict__.update(Base=Base, Sub=Sub, f=lambda: 0, pi=3.14)
    module.__all__ = ["Base", "Sub", "f", "pi"]  # type: ignore[attr-defined]
    assert list(undocumented(module)) == ["Sub", "Sub.unknown", "Sub.bare", "f"]

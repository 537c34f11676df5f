"""Every error retroprop raises on purpose, and the one place that words them.

    RetropropError
    ├── ShapeError (ValueError)          sizes that do not fit together
    ├── DTypeError (TypeError)           a data type an operation does not take
    ├── ArgumentError (ValueError)       an argument or option outside its range
    ├── IndexRangeError (IndexError)     an index or axis that is not there
    ├── NoGradientError (RuntimeError)   a derivative that does not exist
    ├── TapeError (RuntimeError)         a tape used twice, changed in place, or empty
    ├── GraphError (ValueError)          a graph that breaks the rules of `ir.verify`
    ├── DataError (ValueError)           a file or table that cannot be used
    ├── CheckpointError (ValueError)     weights or run folders that cannot be read
    ├── DivergedError (RuntimeError)     a loss that is not finite any more
    ├── MissingDependencyError (ImportError)   an optional package that is not installed
    └── TraceError (RuntimeError)        numbers asked for while a function is being compiled

A message has up to three lines: what disagreed; the user's own line, or the layer; the way out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

__all__ = [
    "ArgumentError",
    "CheckpointError",
    "DTypeError",
    "DataError",
    "DivergedError",
    "GraphError",
    "IndexRangeError",
    "MissingDependencyError",
    "NoGradientError",
    "RetropropError",
    "ShapeError",
    "TapeError",
    "TraceError",
    "is_user_code",
    "line_of",
    "nearest",
    "unknown",
    "user_line",
]

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class RetropropError(Exception):
    """Base of all errors raised on purpose: `what` happened, `where`, and a `fix`.

    Args:
        what:  one sentence naming the operation, operands and sizes that disagree.
        fix:   what to do about it, or None when `what` says it already.
        where: file and line of the user's code; found by itself when not given.

    Example:
        >>> print(RetropropError("the cat sat on the keys", fix="lift the cat", where="a.py:1"))
        the cat sat on the keys
          at a.py:1
          fix: lift the cat (RP100, docs/errors.md)
    """

    code = "RP100"

    def __init__(self, what: str, *, fix: str | None = None, where: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.where = user_line() if where is None else where
        self.completed_steps = 0  # of a compiled function, before the step that failed
        self.modules: list[Any] = []  # innermost first; filled by nn.Module as the error rises

    def __str__(self) -> str:
        lines = [self.what]
        if self.modules:
            lines.append(f"  in {_layer_path(self.modules)}")
        if self.where:
            lines.append(f"  at {self.where}")
        if self.fix:
            lines.append(f"  fix: {self.fix} ({self.code}, docs/errors.md)")
        return "\n".join(lines)


class ShapeError(RetropropError, ValueError):
    """Sizes that do not fit together."""

    code = "RP101"


class DTypeError(RetropropError, TypeError):
    """A data type that the operation does not take."""

    code = "RP102"


class ArgumentError(RetropropError, ValueError):
    """An argument or option outside what is possible."""

    code = "RP103"


class IndexRangeError(RetropropError, IndexError):
    """An index or an axis that is not there."""

    code = "RP104"


class NoGradientError(RetropropError, RuntimeError):
    """A derivative was asked for that does not exist."""

    code = "RP105"


class TapeError(RetropropError, RuntimeError):
    """A tape that was freed, changed in place, or never recorded."""

    code = "RP106"


class GraphError(RetropropError, ValueError):
    """A graph that breaks the rules of `ir.verify`."""

    code = "RP107"


class DataError(RetropropError, ValueError):
    """A file, table or array that cannot be used as data; names file, row and column.

    Example:
        >>> str(DataError("no rows", file="a.csv", row=3, column="age", where=""))
        'a.csv, row 3, column "age": no rows'
    """

    code = "RP108"

    def __init__(
        self,
        what: str,
        *,
        file: object = None,
        row: int | None = None,
        column: object = None,
        fix: str | None = None,
        where: str | None = "",
    ) -> None:
        place = [str(file)] if file is not None else []
        place += [f"row {row}"] if row is not None else []
        place += [f'column "{column}"'] if column is not None else []
        super().__init__(
            ": ".join([", ".join(place), what] if place else [what]), fix=fix, where=where
        )
        self.file, self.row, self.column = file, row, column


class CheckpointError(RetropropError, ValueError):
    """Weights, states or run folders that cannot be read or do not fit."""

    code = "RP109"


class DivergedError(RetropropError, RuntimeError):
    """Training stopped because the loss or a gradient is not finite.

    Attributes:
        provenance: which operation it came from (`rp.health.Provenance`), where that is known.
        made:       of a call of many steps, what those before the one that failed returned.
    """

    code = "RP110"

    def __init__(
        self,
        what: str,
        *,
        fix: str | None = "rp.health.explain(step, *arguments) names the operation it came from",
        where: str | None = None,
        provenance: Any = None,
    ) -> None:
        super().__init__(what, fix=fix, where=where)
        self.provenance = provenance
        self.made: Any = None


class TraceError(RetropropError, RuntimeError):
    """A compiled function asked for something that is only known when it runs."""

    code = "RP113"


class MissingDependencyError(RetropropError, ImportError):
    """An optional package is needed for this and is not installed.

    Example:
        >>> str(MissingDependencyError("pillow", "vision", "reading image files", where=""))
        "reading image files needs pillow: pip install 'retroprop[vision]'"
    """

    code = "RP111"

    def __init__(self, package: str, extra: str, task: str, *, where: str | None = "") -> None:
        super().__init__(f"{task} needs {package}: pip install 'retroprop[{extra}]'", where=where)


def nearest(given: object, options: Iterable[object]) -> str | None:
    """The option closest in spelling to `given`, or None when nothing is near.

    Example:
        >>> nearest("adm", ["adam", "sgd"])
        'adam'
    """
    import difflib  # noqa: PLC0415  only ever needed on the way to an error

    names = {str(option).lower(): str(option) for option in options}
    found = difflib.get_close_matches(str(given).lower(), names, n=1, cutoff=0.5)
    return names[found[0]] if found else None


def unknown(kind: str, given: object, options: Iterable[object]) -> ArgumentError:
    """The error for an unknown option, with the nearest match and the whole list.

    Example:
        >>> print(unknown("optimizer", "adm", ["adam", "sgd"]).what)
        unknown optimizer 'adm'; did you mean 'adam'?
    """
    names = [str(option) for option in options]
    match = nearest(given, names)
    hint = f"; did you mean {match!r}?" if match else ""
    return ArgumentError(
        f"unknown {kind} {given!r}{hint}", fix="choose one of " + ", ".join(sorted(names))
    )


def user_line() -> str:
    """File, line number and text of the innermost call made outside retroprop; "" when none."""
    frame: Any = sys._getframe(1)  # the only way to the caller's line
    while frame is not None:
        if is_user_code(frame.f_code.co_filename):
            return line_of(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return ""


def is_user_code(file: str) -> bool:
    """Whether a file of Python code is no part of retroprop, nor of Python's imports."""
    return not file.startswith((_PACKAGE, "<frozen"))


def line_of(file: str, number: int) -> str:
    """A line of code as errors show it: file, number and text."""
    import linecache  # noqa: PLC0415  only ever needed on the way to an error

    text = linecache.getline(file, number).strip()
    return f"{os.path.basename(file)}:{number}" + (f": {text}" if text else "")


def _layer_path(modules: list[Any]) -> str:
    """Dotted path of the innermost module as seen from the outermost one."""
    path = []
    for parent, child in zip(modules[:0:-1], modules[-2::-1], strict=True):
        path += [name for name, module in parent.named_modules() if module is child][:1]
    return f"layer {'.'.join(path) or 'model'}: {modules[0]!r}".split("\n")[0]

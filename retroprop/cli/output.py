"""How commands speak: to people on standard error, with results on standard output."""

from __future__ import annotations

import json
import math
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from retroprop.errors import RetropropError

__all__ = ["emit", "fail", "say"]


def say(text: str) -> None:
    """A line for a person; it never mixes with results on standard output."""
    print(text, file=sys.stderr, flush=True)


def emit(result: Mapping[str, Any]) -> None:
    """The last JSON object of a command; numbers that are not finite become null."""
    print(json.dumps(_finite(result)), flush=True)


def _finite(item: Any) -> Any:
    if isinstance(item, float):
        return item if math.isfinite(item) else None
    if isinstance(item, Mapping):
        return {key: _finite(value) for key, value in item.items()}
    return [_finite(value) for value in item] if isinstance(item, list | tuple) else item


def fail(error: Exception, arguments: Namespace, *, code: int, **known: Any) -> int:
    """Explain an error in a few lines (and as JSON when asked for); returns the exit code."""
    if isinstance(error, RetropropError):
        error.where = ""  # the line of this program that called is no help to its user
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "out of memory: use a smaller batch_size=, limit= or model"
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = f"{type(error).__name__}: {error}"
    say(f"retroprop {arguments.command}: {text}")
    if getattr(arguments, "json", False):
        emit({"task": arguments.command, **known, "error": text, "exit_code": code})
    return code

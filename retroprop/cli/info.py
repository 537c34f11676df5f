"""`retroprop info`."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from argparse import Namespace
from importlib.metadata import version as installed
from typing import Any

from retroprop import settings
from retroprop.cli.output import emit
from retroprop.version import __version__

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("info", help="versions, machine and settings")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def gather() -> dict[str, Any]:
    """Versions, machine and settings by name."""
    optional = {"pillow": "PIL", "pyyaml": "yaml", "matplotlib": "matplotlib", "ml_dtypes": None}
    found = {}
    for package, module in optional.items():
        present = importlib.util.find_spec(module or package) is not None
        found[package] = installed(package) if present else None
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    return {
        "task": "info",
        "retroprop": __version__,
        "python": platform.python_version(),
        "numpy": installed("numpy"),
        "safetensors": installed("safetensors"),
        "optional": found,
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": cores,
        "engine": "numpy",
        "settings": settings.table(),
        "executable": os.path.basename(sys.executable),
    }


def _words(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    known = {key: "not installed" if item is None else item for key, item in value.items()}
    return ", ".join(f"{key} {item}" for key, item in known.items())


def run(arguments: Namespace) -> int:
    """Print what `gather` finds."""
    facts = gather()
    if arguments.json:
        emit(facts)
        return 0
    for name, value in facts.items():
        if name == "task":
            continue
        print(f"{name:12} {_words(value)}")
    return 0

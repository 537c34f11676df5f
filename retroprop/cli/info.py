"""`retroprop info`."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import sys
from argparse import Namespace
from importlib.metadata import version as installed
from typing import Any

from retroprop import settings
from retroprop.backends.llvm import cache, pool, target
from retroprop.cli.output import emit
from retroprop.version import __version__

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("info", help="versions, machine and settings")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def processor() -> dict[str, Any]:
    """The CPU, and what compiled code uses of it."""
    known: dict[str, Any] = {"cpu": _cpu_name()}
    if _why_not_native() is None:
        host, why = target.host(), pool.why_single()
        known["cpu"] += f" ({host.cpu})"
        known["vectors"] = f"{host.name}, {host.bits} bits"
        known["threads"] = pool.default_threads()
        if why:
            known["one_thread"] = why
    return known


def _why_not_native() -> str | None:
    """What keeps compiled code from running here; None when nothing does."""
    try:
        import llvmlite.binding  # noqa: F401, PLC0415  only those who ask load it
    except (ImportError, OSError) as error:
        return f"llvmlite does not load: {error}"
    return None


def _cpu_name() -> str:
    """What the maker calls it, where the system tells."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


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
    why = _why_not_native()
    folder = cache.folder()
    kept = round(cache.size_bytes() / 2**20, 1) if folder else 0.0
    return {
        "task": "info",
        "retroprop": __version__,
        "python": platform.python_version(),
        "numpy": installed("numpy"),
        "llvmlite": None if why else installed("llvmlite"),
        "safetensors": installed("safetensors"),
        "optional": found,
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": cores,
        "engine": f"numpy: {why}" if why else "native",
        **processor(),
        "cache": {"folder": str(folder) if folder else "off", "megabytes": kept},
        "settings": settings.table(),
        "executable": os.path.basename(sys.executable),
    }


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    return "not installed" if value is None else str(value) or "unset"


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

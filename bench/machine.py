"""The machine and the versions that a measurement was made with."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "llvmlite", "torch", "jax", "jaxlib", "optax", "scikit-learn")


def processor() -> str:
    """The name of the CPU."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def vector_units() -> str:
    """The widest vectors of the CPU, as far as the system says."""
    flags: set[str] = set()
    if os.path.exists("/proc/cpuinfo"):
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
        flags = set(words) & {"avx512f", "avx2", "asimd"}
    return next((name for name in ("avx512f", "avx2", "asimd") if name in flags), "")


def commit() -> str:
    """The commit of this repository, with "+" when files differ from it; "" without git."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        command = ["git", *words]
        done = subprocess.run(  # noqa: S603  fixed words
            command, cwd=here, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    changed = git("status", "--porcelain", "--untracked-files=no")
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def versions() -> str:
    """The packages that are compared, those that are installed."""
    found = []
    for package in ("retroprop", *PACKAGES):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def describe() -> str:
    """Machine and versions in one line."""
    units = f" ({vector_units()})" if vector_units() else ""
    python = f"Python {platform.python_version()}"
    return f"{processor()}{units}, {cores()} cores, {platform.system()}; {python}, {versions()}"

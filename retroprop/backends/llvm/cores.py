"""How many processor cores are free for us to use."""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["available"]


def available(root: str = "/") -> int:
    """Cores this process may keep busy: by affinity, without the twins of a core, within a quota.

    Args:
        root: where the system's files are.
    """
    processors = _allowed()
    quota = _quota(root)
    cores = _physical(root, processors)
    return max(1, min(cores, int(quota + 0.5)) if quota is not None else cores)


def _allowed() -> set[int]:
    """The processors that the process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _physical(root: str, processors: set[int]) -> int:
    """Cores: two processors on one core share its arithmetic, so the second gains nothing."""
    cores = set()
    for number in processors:
        path = f"sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list"
        cores.add(_read(root, path) or f"alone {number}")
    return len(cores)


def _quota(root: str) -> float | None:
    """Processors' worth of time that the control groups above this process grant; None: all."""
    quotas = []
    for line in (_read(root, "proc/self/cgroup") or "").splitlines():
        _, controllers, group = line.split(":", maxsplit=2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        parts = [part for part in group.split("/") if part]
        for depth in range(len(parts) + 1):
            folder = "/".join(["sys/fs/cgroup", *(["cpu"] if controllers else []), *parts[:depth]])
            quotas += [_granted(root, folder)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _granted(root: str, folder: str) -> float | None:
    """What one control group grants, in its first version or its second."""
    words = (_read(root, f"{folder}/cpu.max") or "").split() or [
        _read(root, f"{folder}/cpu.cfs_quota_us") or "",
        _read(root, f"{folder}/cpu.cfs_period_us") or "",
    ]
    with suppress(ValueError, ZeroDivisionError):  # "max": no limit
        quota = float(words[0]) / float(words[1])
        return quota if quota > 0 else None  # -1: no limit
    return None


def _read(root: str, path: str) -> str | None:
    try:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return None

"""How many cores are free: affinity, twins, quotas."""

from __future__ import annotations

import os

import pytest

from retroprop.backends.llvm import cores


@pytest.fixture
def eight(monkeypatch):
    monkeypatch.setattr(cores, "_allowed", lambda: set(range(8)))


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


TOPOLOGY = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
TWINS = {TOPOLOGY.format(number): f"{number % 4},{number % 4 + 4}\n" for number in range(8)}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        (TWINS, 4),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 3),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "10000 100000\n"}, 1),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "600000 100000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/job\n0::/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "500000\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
            },
            5,
        ),
        ({**TWINS, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "600000 100000"}, 4),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, 8),
    ],
    ids=["plain", "twins", "no limit", "2.5", "0.1", "nested", "version 1", "both", "damaged"],
)
@pytest.mark.usefixtures("eight")
def test_available(files, expected, tmp_path):
    assert cores.available(write(tmp_path, files)) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processor affinity")
def test_affinity_counts():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert cores.available() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_there_is_always_one():
    assert 1 <= cores.available() <= (os.cpu_count() or 1)

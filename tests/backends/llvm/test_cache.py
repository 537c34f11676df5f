"""The cache of compiled code: safe, bounded, shared, and never a reason to fail."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from retroprop import settings
from retroprop.backends.llvm import cache, target


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_folder", str(tmp_path / "made" / "here"))
    return tmp_path / "made" / "here"


def test_what_was_put_is_got():
    assert cache.get("a") is None
    cache.put("a", b"\0code", {"plan": [1, "é"]})
    assert cache.get("a") == cache.Entry(b"\0code", {"plan": [1, "é"]})
    cache.put("a", b"other")
    assert cache.get("a") == cache.Entry(b"other", {})


def test_keys_tell_everything_apart():
    here = target.host()
    other = target.Target(here.name, here.triple, here.cpu, "-avx", here.bits, here.registers)
    keys = [cache.key(here, "a", "bc"), cache.key(here, "ab", "c"), cache.key(other, "a", "bc")]
    assert len({*keys, cache.key(here, "a", "bc")}) == 3


def test_keys_tell_versions_of_the_generator_apart(tmp_path, monkeypatch):
    keys = [cache.key(target.host(), "text")]
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "cache.py"))
    (tmp_path / "cache.py").write_text("other")
    cache._generator.cache_clear()
    keys.append(cache.key(target.host(), "text"))
    cache._generator.cache_clear()
    assert keys[0] != keys[1]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_only_the_owner_may_read_or_run(folder):
    cache.put("a", b"code")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600, 0o600]


@pytest.mark.parametrize("cut", [0, 5, 20, 60, -1])
def test_a_torn_file_is_ignored_and_replaced(folder, cut):
    cache.put("a", b"code" * 10)
    (path,) = folder.glob("*.code")
    path.write_bytes(path.read_bytes()[:cut])
    assert cache.get("a") is None
    cache.put("a", b"code")
    assert cache.get("a").data == b"code"


def test_any_changed_byte_is_noticed(folder):
    cache.put("a", b"code", {"k": 1})
    (path,) = folder.glob("*.code")
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert cache.get("a") is None


def unused_for(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_what_was_not_used_for_longest_goes(folder, monkeypatch):
    monkeypatch.setattr(settings, "cache_megabytes", 1)
    for number, name in enumerate("abc"):
        cache.put(name, bytes(300_000))
        unused_for(folder / f"{name}.code", 100 - number)
    assert cache.get("a") is not None  # used just now: b is the oldest
    cache.put("d", bytes(300_000))
    assert [cache.get(name) is not None for name in "abcd"] == [True, False, True, True]
    assert cache.size_bytes() <= 1 << 20


def test_what_is_larger_than_the_cache_is_not_stored(monkeypatch):
    monkeypatch.setattr(settings, "cache_megabytes", 1)
    cache.put("a", b"code")
    cache.put("b", bytes(2 << 20))
    assert cache.get("a") is not None
    assert cache.get("b") is None


def test_the_folder_is_looked_through_now_and_then(folder, monkeypatch):
    monkeypatch.setattr(settings, "cache_megabytes", 4)
    looks = []
    monkeypatch.setattr(cache, "_files", lambda where: looks.append(where) or [])
    for number in range(64):  # 3 blocks of 4 kB each; a 64th of 4 MB is 16 of them
        cache.put(f"k{number}", b"code" * 3000)
    assert len(looks) == 64 // 6


def test_what_a_crash_left_goes(folder, monkeypatch):
    cache.put("a", b"code")
    left, busy = folder / ".b.1.1", folder / ".c.1.1"
    left.write_bytes(b"half")
    busy.write_bytes(b"half")
    unused_for(left, 7200)
    monkeypatch.setattr(settings, "cache_megabytes", 1)
    cache.put("d", b"code" * 5000)
    assert sorted(path.name for path in folder.iterdir()) == [".c.1.1", "a.code", "d.code"]


def test_clearing(folder):
    cache.put("a", b"code")
    assert cache.size_bytes() > 0
    cache.clear()
    assert cache.size_bytes() == 0
    assert list(folder.iterdir()) == []


def test_off(folder, monkeypatch):
    monkeypatch.setattr(settings, "cache_folder", "")
    cache.put("a", b"code")
    assert cache.get("a") is None
    assert cache.folder() is None
    assert cache.size_bytes() == 0
    assert not folder.exists()


def once_and_no_more(match):
    with pytest.warns(RuntimeWarning, match=match):
        cache.put("a", b"code")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.get("a") is None
        cache.put("a", b"code")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a_folder_that_others_may_write_is_refused(folder):
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    once_and_no_more("other users may write to it; RETROPROP_CACHE names another folder")
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a_folder_of_somebody_else_is_refused(folder, monkeypatch):
    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    once_and_no_more("it belongs to another user")


def test_a_folder_that_cannot_be_made(folder):
    folder.parent.parent.joinpath("made").write_text("a file")
    once_and_no_more("no cache of compiled code in")


def test_a_disk_that_takes_nothing(folder, monkeypatch):
    cache.put("a", b"code")

    def full(path, flags):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "_private", full)
    cache.put("b", b"code")
    assert cache.get("a").data == b"code"
    assert cache.get("b") is None


PUT_AND_GET = """
import sys
from retroprop import settings
from retroprop.backends.llvm import cache
settings.cache_folder, number = sys.argv[1], int(sys.argv[2])
for turn in range(60):
    name = f"k{turn % 7}"
    cache.put(name, name.encode() * 1000, {"by": number})
    found = cache.get(name)
    assert found is None or found.data == name.encode() * 1000
"""


def test_processes_share_it(folder):
    commands = [[sys.executable, "-c", PUT_AND_GET, str(folder), str(n)] for n in range(3)]
    processes = [subprocess.Popen(command) for command in commands]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert sorted(path.name for path in folder.glob("*.code")) == [f"k{n}.code" for n in range(7)]

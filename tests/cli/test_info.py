"""`retroprop info`."""

from __future__ import annotations

import json
import sys

import pytest

from retroprop.backends.llvm import cache, pool, target
from retroprop.cli import info, main
from retroprop.version import __version__


def facts(capsys):
    assert main(["info", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_says_what_runs_here(capsys):
    found = facts(capsys)
    assert found["task"] == "info"
    assert found["retroprop"] == __version__
    assert {"python", "numpy", "llvmlite", "safetensors", "optional", "settings"} <= set(found)
    assert found["cores"] >= 1
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == set(found) - {"task"}


def test_it_says_what_compiled_code_uses(capsys):
    found, host = facts(capsys), target.host()
    assert found["engine"] == "native"
    assert host.cpu in found["cpu"]
    assert found["vectors"] == f"{host.name}, {host.bits} bits"
    assert found["threads"] == pool.default_threads()
    assert found["cache"]["megabytes"] == pytest.approx(cache.size_bytes() / 2**20, abs=0.1)


def test_a_reason_for_one_thread_is_given(capsys, monkeypatch):
    monkeypatch.setattr(pool, "why_single", lambda: "the reason")
    assert facts(capsys)["one_thread"] == "the reason"


def test_no_cache_is_said(capsys, monkeypatch):
    monkeypatch.setattr(cache, "folder", lambda: None)
    assert facts(capsys)["cache"] == {"folder": "off", "megabytes": 0.0}


def test_without_a_compiler_it_says_why(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    found = facts(capsys)
    assert found["engine"].startswith("numpy: llvmlite does not load")
    assert found["llvmlite"] is None
    assert "vectors" not in found
    assert "vectors" not in info.processor()
    assert main(["info"]) == 0


def test_packages_that_are_not_installed_are_named(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["info"]) == 0
    assert "pillow not installed" in capsys.readouterr().out

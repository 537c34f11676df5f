"""`retroprop info`."""

from __future__ import annotations

import json

from retroprop.cli import main
from retroprop.version import __version__


def test_it_says_what_runs_here(capsys):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["task"] == "info"
    assert facts["retroprop"] == __version__
    assert {"python", "numpy", "safetensors", "cores", "optional", "settings"} <= set(facts)
    assert facts["cores"] >= 1
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == set(facts) - {"task"}


def test_packages_that_are_not_installed_are_named(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["info"]) == 0
    assert "pillow not installed" in capsys.readouterr().out

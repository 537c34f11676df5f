"""Settings come from the environment, once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = "from retroprop import settings; print({})"


def run(expression, environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RETROPROP_", "NO_COLOR"))}
    return subprocess.run(
        [sys.executable, "-c", CODE.format(expression)],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "printed"),
    [
        ({}, "False False"),
        ({"RETROPROP_CHECK": "1", "NO_COLOR": "x"}, "True True"),
        ({"RETROPROP_CHECK": "no"}, "False False"),
    ],
)
def test_flags(environment, printed):
    out = run("settings.check_shapes, settings.no_color", environment)
    assert out.stdout.strip() == printed


@pytest.mark.parametrize(
    ("environment", "printed"),
    [
        ({}, "0 512 "),
        ({"RETROPROP_THREADS": " 3 ", "RETROPROP_CACHE_MB": "64"}, "3 64 "),
        ({"RETROPROP_THREADS": "", "RETROPROP_TARGET": "AVX2"}, "0 512 avx2"),
    ],
)
def test_native_code(environment, printed):
    out = run("settings.threads, settings.cache_megabytes, settings.target", environment)
    assert out.stdout.rstrip("\n") == printed


@pytest.mark.parametrize("off", ["", "off", "OFF"])
def test_the_cache_can_be_off(off):
    assert run("repr(settings.cache_folder)", {"RETROPROP_CACHE": off}).stdout.strip() == "''"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="other customs there")
def test_the_cache_is_where_caches_are(tmp_path):
    folder = "settings.cache_folder"
    assert run(folder, {"XDG_CACHE_HOME": "/somewhere"}).stdout == "/somewhere/retroprop\n"
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": ""}
    assert run(folder, home).stdout == f"{tmp_path}/.cache/retroprop\n"
    assert run(folder, {"RETROPROP_CACHE": "/mine"}).stdout == "/mine\n"


def test_what_is_no_number_says_so():
    out = run("settings.threads", {"RETROPROP_THREADS": "many"})
    assert out.returncode == 1
    assert "RETROPROP_THREADS='many' is not a number" in out.stderr


def test_the_table_has_every_setting():
    names = run("sorted(settings.table())", {}).stdout
    for name in ["CACHE", "CACHE_MB", "CHECK", "FULL_TRACEBACK", "TARGET", "THREADS"]:
        assert f"'RETROPROP_{name}'" in names

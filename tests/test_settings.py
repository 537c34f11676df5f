"""Settings come from the environment, once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = "from retroprop import settings; print(settings.check_shapes, settings.no_color)"


@pytest.mark.parametrize(
    ("environment", "printed"),
    [
        ({}, "False False"),
        ({"RETROPROP_CHECK": "1", "NO_COLOR": "x"}, "True True"),
        ({"RETROPROP_CHECK": "no"}, "False False"),
    ],
)
def test_flags(environment, printed):
    clean = {k: v for k, v in os.environ.items() if k not in ("RETROPROP_CHECK", "NO_COLOR")}
    out = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == printed

"""The reference page is what the code says."""

from __future__ import annotations

import subprocess
import sys

from tests.structure.sources import ROOT


def test_the_reference_page_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "docs"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr

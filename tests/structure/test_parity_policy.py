"""The promise of RETROPROP_REQUIRE_REFERENCES: no comparison is left out without a failure.

Each case is a small test tree with a copy of tests/conftest.py and a stand-in for PyTorch, run in
a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.structure.sources import ROOT

STAND_IN = "def manual_seed(seed): ...\ndef set_num_threads(count): ...\n"
PARITY = 'import pytest\n\ntorch = pytest.importorskip("torch")\n\ndef test_it(): '


def run_tree(root: Path, files: dict[str, str], *options: str, required: bool) -> tuple[int, str]:
    """Exit status and output of pytest on a tree of the given test files."""
    (root / "tests").mkdir()
    shutil.copy(ROOT / "tests/conftest.py", root / "tests/conftest.py")
    for name, source in files.items():
        (root / name).write_text(source)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHONPATH"))}
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, f"--rootdir={root}", "-c", os.devnull, *(options or ["-n0"]), "tests"],
        cwd=root,
        env={**kept, "PYTHONPATH": str(root), "RETROPROP_REQUIRE_REFERENCES": str(int(required))},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


WITH_TORCH = {
    "retroprop.py": "def manual_seed(seed): ...\n",
    "torch.py": STAND_IN,
}
# A module that cannot be imported, whatever else this environment has installed.
WITHOUT_TORCH = {**WITH_TORCH, "torch.py": 'raise ImportError("not here", name="torch")\n'}


def test_parity_that_ran_is_counted(tmp_path: Path) -> None:
    files = {**WITH_TORCH, "tests/test_a_torch.py": PARITY + "assert True"}
    status, output = run_tree(tmp_path, files, required=True)
    assert status == 0, output
    assert "compared with PyTorch: 1 tests in 1 files" in output
    assert output.splitlines()[-1].strip("= ").startswith("1 passed in")


@pytest.mark.parametrize("options", [["-n0"], ["-n1"]], ids=["serial", "parallel"])
def test_a_skipped_file_fails(tmp_path: Path, options: list[str]) -> None:
    source = 'import pytest\n\npytest.skip("later", allow_module_level=True)\n'
    files = {**WITH_TORCH, "tests/test_a_torch.py": source}
    status, output = run_tree(tmp_path, files, *options, required=True)
    assert status != 0, output
    assert "skipped, but RETROPROP_REQUIRE_REFERENCES is set" in output


def test_a_skipped_test_fails(tmp_path: Path) -> None:
    files = {**WITH_TORCH, "tests/test_a_torch.py": PARITY + "pytest.skip('later')"}
    status, output = run_tree(tmp_path, files, required=True)
    assert status == pytest.ExitCode.TESTS_FAILED, output


@pytest.mark.parametrize("options", [["-n0"], ["-n1"]], ids=["serial", "parallel"])
def test_a_file_without_tests_fails(tmp_path: Path, options: list[str]) -> None:
    files = {
        **WITH_TORCH,
        "tests/test_a_torch.py": PARITY + "assert True",
        "tests/test_b_torch.py": "x = 1",
    }
    status, output = run_tree(tmp_path, files, *options, required=True)
    assert status == pytest.ExitCode.TESTS_FAILED, output
    assert "NOT compared with PyTorch: tests/test_b_torch.py" in output


def test_an_unusable_torch_fails_where_required(tmp_path: Path) -> None:
    files = {**WITHOUT_TORCH, "tests/test_a_torch.py": PARITY + "assert True"}
    status, output = run_tree(tmp_path, files, required=True)
    assert status != 0, output


@pytest.mark.parametrize("required", [True, False])
def test_a_test_that_lacks_its_reference(tmp_path: Path, required: bool) -> None:
    source = "import pytest\n\ndef test_it():\n    pytest.importorskip('not_installed')\n"
    status, output = run_tree(
        tmp_path, {**WITH_TORCH, "tests/test_a.py": source}, required=required
    )
    assert status == (pytest.ExitCode.TESTS_FAILED if required else pytest.ExitCode.OK), output


def test_another_skip_is_still_a_skip(tmp_path: Path) -> None:
    source = "import pytest\n\ndef test_it():\n    pytest.skip('no such case')\n"
    status, output = run_tree(tmp_path, {**WITH_TORCH, "tests/test_a.py": source}, required=True)
    assert status == 0, output
    assert "1 skipped" in output


def test_without_torch_parity_skips_where_not_required(tmp_path: Path) -> None:
    files = {
        **WITHOUT_TORCH,
        "tests/test_a_torch.py": PARITY.replace('"torch"', '"torch", exc_type=ImportError')
        + "assert True",
        "tests/test_b.py": "def test_it(): assert True",
    }
    status, output = run_tree(tmp_path, files, required=False)
    assert status == 0, output
    assert "1 passed, 1 skipped" in output

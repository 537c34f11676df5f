"""What every test starts from: fixed seeds, one thread per process, and comparisons that ran.

RETROPROP_REQUIRE_REFERENCES=1   PyTorch and the `reference` extra must be there: a test that skips
                                 for a missing package fails, so does any skip in a `*_torch.py`
                                 file, and a run in which such a file passed no test. CI sets it.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

REQUIRE_REFERENCES = os.environ.get("RETROPROP_REQUIRE_REFERENCES", "") not in {"", "0"}
TESTS = Path(__file__).resolve().parent

# Neither NumPy nor PyTorch is loaded yet, and the processes of a test run share the cores already.
for variable in ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
# Compiled code of tests stays out of the user's folder, and is there again for the next run.
os.environ.setdefault("RETROPROP_CACHE", str(TESTS.parent / ".pytest_cache" / "retroprop"))
# Each op's reference is held to its shape and dtype rules, wherever a test uses it.
os.environ.setdefault("RETROPROP_CHECK", "1")

# The same examples on every machine and in every run; a slow machine is not a failure.
hypothesis.settings.register_profile(
    "retroprop",
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("retroprop")


# What collecting leaves behind stays to the end, some million objects: Python's collector need not
# look at them, neither while they are made nor ever after (it took half the time of the suite).
gc.disable()


def pytest_collection_finish() -> None:
    """From here on the collector looks at what tests make, and at nothing else."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The default generator starts from the same state in each test; PyTorch keeps one thread."""
    rp, torch = sys.modules.get("retroprop"), sys.modules.get("torch")
    if rp is not None:
        rp.manual_seed(0)
    if torch is not None:
        torch.manual_seed(0)
        torch.set_num_threads(1)


def is_parity(nodeid: str) -> bool:
    """Whether a test belongs to a file that compares with PyTorch."""
    return nodeid.split("::", maxsplit=1)[0].endswith("_torch.py")


def not_skipped(report: pytest.CollectReport | pytest.TestReport) -> None:
    """Turns the skip of a comparison into a failure, where the references are required."""
    if not REQUIRE_REFERENCES or not report.skipped or hasattr(report, "wasxfail"):
        return
    if is_parity(report.nodeid) or "could not import" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped, but RETROPROP_REQUIRE_REFERENCES is set: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    not_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    not_skipped(report)
    return report


class ParityRecord:
    """Counts the parity tests that passed; at the end, says so and fails if files are missing."""

    def __init__(self, expected: set[str]) -> None:
        self.expected = expected  # node ids of the parity files that this run was asked for
        self.passed: dict[str, int] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and is_parity(report.nodeid):
            file = report.nodeid.split("::")[0]
            self.passed[file] = self.passed.get(file, 0) + 1

    def missing(self) -> list[str]:
        """The parity files of which nothing ran and passed."""
        return sorted(self.expected - set(self.passed))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if REQUIRE_REFERENCES and self.missing() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        count, files = sum(self.passed.values()), len(self.passed)
        if count:
            terminalreporter.line(f"compared with PyTorch: {count} tests in {files} files")
        if REQUIRE_REFERENCES:
            for name in self.missing():
                terminalreporter.line(f"NOT compared with PyTorch: {name}: no test of it passed")


def parity_files(config: pytest.Config) -> set[str]:
    """The parity files below the paths that this run was given."""
    asked = [Path(arg.split("::")[0]).resolve() for arg in config.args]
    return {
        path.relative_to(config.rootpath).as_posix()
        for path in TESTS.rglob("test_*_torch.py")
        if any(path.is_relative_to(each) for each in asked)
    }


def is_narrowed(config: pytest.Config) -> bool:
    """Whether this run selects tests within files (`-k`, `-m slow`, `--lf`, `file::test`, ...)."""
    options = [config.getoption(name, default=None) for name in ("keyword", "lf", "deselect")]
    marked = config.getoption("markexpr") not in {"", "not slow"}
    return marked or any(options) or any("::" in arg for arg in config.args)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # a process of pytest-xdist: its controller keeps the record
        return
    if REQUIRE_REFERENCES and not importlib.util.find_spec("torch"):
        raise pytest.UsageError("RETROPROP_REQUIRE_REFERENCES is set, but PyTorch is not installed")
    expected = set() if is_narrowed(config) else parity_files(config)
    config.pluginmanager.register(ParityRecord(expected), "parity-record")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's name is the same in every process: no address, as `ids=str` makes of a lambda."""
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid}: give the parameter an id of its own")

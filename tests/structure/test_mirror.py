"""The test tree mirrors the package: whoever opens a file knows where its tests are."""

from __future__ import annotations

from pathlib import Path

from tests.structure.sources import PACKAGE, ROOT, expect_none, package_files

# Files without a test file of their own, each with where its tests are instead.
ELSEWHERE: dict[str, str] = {
    "__main__.py": "tests/cli/test_main.py",
    # Parts of one machine, seen at work: every op at all its samples, sizes, strides and dtypes.
    **{
        f"backends/llvm/{part}.py": "tests/backends/llvm/test_conformance.py"
        for part in "elementwise expression produce reduction space sweep views".split()
    },
    # Parts of one machine too: convolutions of every kind, and little networks.
    **{
        f"backends/llvm/{part}.py": "tests/backends/llvm/test_convolve.py"
        for part in "depthwise filters halo patch".split()
    },
    "backends/llvm/attention_adjoint.py": "tests/backends/llvm/test_attention.py",
    "backends/llvm/attention_blocks.py": "tests/backends/llvm/test_attention.py",
    "backends/llvm/outputs.py": "tests/backends/llvm/test_lower.py",
    "backends/llvm/values.py": "tests/backends/llvm/test_lower.py",
    "backends/llvm/winograd_weights.py": "tests/backends/llvm/test_winograd.py",
    "backends/llvm/assemble.py": "tests/backends/llvm/test_program.py",
    "backends/llvm/finite.py": "tests/ops/test_health.py",
    "backends/llvm/kernel.py": "tests/backends/llvm/test_schedule.py",
    "backends/llvm/pack.py": "tests/backends/llvm/test_gemm.py",
    "backends/llvm/report.py": "tests/backends/llvm/test_program.py",
    "backends/llvm/tile.py": "tests/backends/llvm/test_gemm.py",
}


def mirror(name: str) -> str:
    """`nn/linear.py` -> tests/nn/test_linear.py; the underscore of a private file is dropped."""
    path = Path(name)
    return (Path("tests") / path.parent / f"test_{path.stem.lstrip('_')}.py").as_posix()


def has_tests(path: Path) -> bool:
    """Whether the file exists and defines a test."""
    return path.is_file() and "def test_" in path.read_text(encoding="utf-8")


def mirror_problems(root: Path, elsewhere: dict[str, str]) -> list[str]:
    """Every source file without tests, and every exception that is no longer needed."""
    problems = []
    names = {path.relative_to(root / PACKAGE).as_posix() for path in package_files(root)}
    for name in sorted(names):
        if name.endswith("__init__.py"):
            continue
        expected = elsewhere.get(name, mirror(name))
        if not has_tests(root / expected):
            problems.append(f"{PACKAGE}/{name}: its tests belong in {expected}")
        elif name in elsewhere and has_tests(root / mirror(name)):
            problems.append(f"{PACKAGE}/{name} has a mirror now: drop it from ELSEWHERE")
    problems += [
        f"ELSEWHERE names {name}, which is gone" for name in sorted(set(elsewhere) - names)
    ]
    return problems


def test_every_source_file_has_its_tests() -> None:
    expect_none(mirror_problems(ROOT, ELSEWHERE))


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("def test_it(): ..." if path.name.startswith("test_") else "")


def test_a_missing_mirror_is_found(tmp_path: Path) -> None:
    make(tmp_path, "retroprop/__init__.py", "retroprop/nn/conv.py", "retroprop/nn/linear.py")
    make(tmp_path, "tests/nn/test_linear.py", "tests/nn/test_conv_torch.py")
    assert mirror_problems(tmp_path, {}) == [
        "retroprop/nn/conv.py: its tests belong in tests/nn/test_conv.py"
    ]


def test_an_empty_mirror_is_not_enough(tmp_path: Path) -> None:
    make(tmp_path, "retroprop/tree.py")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_tree.py").write_text("")
    assert len(mirror_problems(tmp_path, {})) == 1


def test_a_stale_exception_is_found(tmp_path: Path) -> None:
    make(tmp_path, "retroprop/tree.py", "tests/test_tree.py", "tests/test_all.py")
    problems = mirror_problems(tmp_path, {"tree.py": "tests/test_all.py", "gone.py": "x"})
    assert problems == [
        "retroprop/tree.py has a mirror now: drop it from ELSEWHERE",
        "ELSEWHERE names gone.py, which is gone",
    ]

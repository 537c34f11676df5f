"""The READMEs tell the truth: their Python blocks run, and the translation has the same ones.

The blocks of one file share one namespace, in order. A block that cannot run in a test stands after
`<!-- no-test: why -->`. Relative paths such as `examples/data/...` work, written files go to a
temporary folder.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.structure.sources import ROOT

ENGLISH, SPANISH = ROOT / "README.md", ROOT / "README.es.md"

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)")
NO_TEST = re.compile(r"<!--\s*no-test:(?P<why>.*?)-->")


class Block(NamedTuple):
    language: str
    code: str
    line: int  # of the first line of code
    no_test: str | None  # the reason given for not running it


def blocks(text: str) -> list[Block]:
    """The fenced code blocks of a Markdown text."""
    found: list[Block] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if not fence:
            at += 1
            continue
        end = next(k for k in range(at + 1, len(lines)) if lines[k].strip() == "```")
        before = next((line for line in reversed(lines[:at]) if line.strip()), "")
        excuse = NO_TEST.search(before)
        code = "\n".join(line[len(fence["indent"]) :] for line in lines[at + 1 : end])
        why = excuse["why"].strip() if excuse else None
        found.append(Block(fence["language"], code, at + 2, why))
        at = end + 1
    return found


def headings(text: str) -> list[int]:
    """The levels of the headings of a Markdown text, in order."""
    inside, levels = False, []
    for line in text.splitlines():
        if FENCE.match(line):
            inside = not inside
        elif not inside and (heading := re.match(r"(#{1,6}) ", line)):
            levels.append(len(heading[1]))
    return levels


def without_comments(block: Block) -> str:
    """What a block does: its comments, which may be translated, left out."""
    if block.language == "python":
        return ast.dump(ast.parse(block.code))
    lines = (re.sub(r"(^|\s)#.*", "", line).rstrip() for line in block.code.splitlines())
    return "\n".join(line for line in lines if line)


def run_blocks(text: str, filename: str) -> None:
    """Executes the Python blocks of a Markdown text, in one namespace."""
    namespace: dict[str, object] = {"__name__": "__readme__"}
    for block in blocks(text):
        if block.language != "python" or block.no_test is not None:
            continue
        padding = "\n" * (block.line - 1)  # tracebacks show the line of the README
        exec(compile(padding + block.code, filename, "exec"), namespace)


@pytest.mark.parametrize("path", [ENGLISH, SPANISH], ids=lambda path: path.name)
def test_python_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    text = path.read_text(encoding="utf-8")
    assert any(block.language == "python" for block in blocks(text))
    run_blocks(text, path.name)


@pytest.mark.parametrize("path", [ENGLISH, SPANISH], ids=lambda path: path.name)
def test_a_block_that_does_not_run_says_why(path: Path) -> None:
    silent = [b.line for b in blocks(path.read_text(encoding="utf-8")) if b.no_test == ""]
    assert silent == []


def test_the_translation_has_the_same_code_and_headings() -> None:
    english, spanish = (path.read_text(encoding="utf-8") for path in (ENGLISH, SPANISH))
    assert headings(english) == headings(spanish)
    assert [without_comments(b) for b in blocks(english)] == [
        without_comments(b) for b in blocks(spanish)
    ]


SAMPLE = """# Title
```python
# not a heading
x = 1
```
<!-- no-test: needs a network -->
```python
x = 1 / 0
```
- item
  ```bash
  pip install .   # comment
  ```
## Next
```python
assert x == 1
y = x + 1  # eins
```
"""


def test_blocks_are_read_as_written() -> None:
    found = blocks(SAMPLE)
    assert [block.language for block in found] == ["python", "python", "bash", "python"]
    assert [block.no_test for block in found] == [None, "needs a network", None, None]
    assert headings(SAMPLE) == [1, 2]
    assert without_comments(found[2]) == "pip install ."
    assert without_comments(found[3]) == without_comments(
        found[3]._replace(code=found[3].code.replace("eins", "uno"))
    )
    assert without_comments(found[3]) != without_comments(
        found[3]._replace(code=found[3].code.replace("+ 1", "+ 2"))
    )


def test_a_failing_block_fails_at_its_line() -> None:
    run_blocks(SAMPLE, "README.md")
    with pytest.raises(ZeroDivisionError) as failure:
        run_blocks(SAMPLE.replace("x == 1", "1 / 0"), "README.md")
    assert failure.traceback[-1].lineno == SAMPLE.splitlines().index("assert x == 1")

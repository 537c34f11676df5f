"""The pages of docs/health/: one for each rule and check, and what they show is what happens."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from retroprop.health import RULES
from retroprop.health.checks import CHECKS
from tests.structure.sources import ROOT
from tests.structure.test_readme import run_blocks

DOCS = ROOT / "docs"
PAGES = sorted((DOCS / "health").glob("*.md"))
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "health_pages"))
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)")
# Findings under names that are no rule's or check's own.
OTHERS = {"forgotten_zero_grad", "not_finite", "unscaled_target"}
SAYS_ANOTHER_NAME = {"not_finite"}  # `explain` prints a cause and no finding


def test_each_rule_and_check_has_a_page() -> None:
    assert {path.stem for path in PAGES} == {*RULES, *CHECKS, *OTHERS}


@pytest.mark.parametrize("page", [DOCS / "health.md", *PAGES], ids=lambda path: path.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    targets = [match["target"] for match in LINK.finditer(text)]
    inside = [target for target in targets if "://" not in target]
    assert [target for target in inside if not (page.parent / target).exists()] == []


def test_the_overview_names_all_pages() -> None:
    text = (DOCS / "health.md").read_text(encoding="utf-8")
    assert [path.stem for path in PAGES if f"](health/{path.name})" not in text] == []


def test_the_overview_runs() -> None:
    path = DOCS / "health.md"
    run_blocks(path.read_text(encoding="utf-8"), path.name)


def test_pictures_belong_to_pages() -> None:
    drawn = {*SCRIPT["PICTURES"], *SCRIPT["OTHER_PICTURES"]}
    for page in PAGES:
        shown = f"](../images/health/{page.stem}.svg)" in page.read_text(encoding="utf-8")
        assert shown == (page.stem in drawn), page.stem


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_prints_what_it_shows(page: Path) -> None:
    if page.stem == "too_much_memory" and "SC_AVPHYS_PAGES" not in os.sysconf_names:
        pytest.skip("the system does not tell how much memory is free")
    printed, names = SCRIPT["run"](page)
    assert SCRIPT["words"](printed) == SCRIPT["words"](SCRIPT["shown"](page)), (
        f"run scripts/health_pages {page.stem}"
    )
    if page.stem not in SAYS_ANOTHER_NAME:
        assert printed.startswith(f"{page.stem}: ")
    mended = names.get("mended", [])
    found = mended if isinstance(mended, list) else mended.monitor.findings
    assert page.stem not in {finding.rule for finding in found}


def test_numbers_may_differ_and_words_may_not() -> None:
    words = SCRIPT["words"]
    assert words("0.24x per layer, 2e-06 left") == words("0.25x per layer, 1.9e-06 left")
    assert words("20.4 GiB are free") == words("512 MiB are free")
    assert words("0.24x per layer") != words("0.24x per step")

"""The report as one file: everything inside, nothing loaded from anywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from retroprop.train.charts.svg import clean
from retroprop.train.report.classes import class_sections
from retroprop.train.report.curves import curve_figures
from retroprop.train.report.headline import headline, score_tiles, summary_line
from retroprop.train.report.health import health_section
from retroprop.train.report.material import ReportData
from retroprop.train.report.page import block, facts, note, page, section
from retroprop.train.report.values import value_sections

__all__ = ["render_report", "write_report"]


def write_report(path: str | os.PathLike[str], data: ReportData) -> None:
    """Write the report of a run as one HTML file, in one step: the old file or the new.

    Args:
        path: usually `report.html` in the run's folder.
        data: what there is to show.

    Raises:
        ShapeError, DataError, ArgumentError: parts of `data` that do not fit each other.

    Example:
        >>> write_report("report.html", ReportData(title="first run", status="finished"))
        >>> from pathlib import Path
        >>> Path("report.html").read_text(encoding="utf-8")[:15]
        '<!doctype html>'
    """
    text = render_report(data)
    target = os.fspath(path)
    beside = f"{target}.new"
    with open(beside, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    os.replace(beside, target)


def render_report(data: ReportData) -> str:
    """The report of a run as the text of an HTML page.

    Example:
        >>> "a &amp; b</h1>" in render_report(ReportData(title="a & b"))
        True
    """
    shown = data.checked()
    header = (
        '<p class="kicker">retroprop · training report</p>'
        f'<h1 dir="auto">{clean(shown.title)}</h1><p class="under">{clean(summary_line(shown))}</p>'
    )
    sections = class_sections if shown.task == "classification" else value_sections
    body = headline(shown) + score_tiles(shown)
    body += _curves(shown) + sections(shown) + shown.sections
    body += health_section(shown) + _made_of(shown)
    versions = " · ".join(f"{name} {number}" for name, number in shown.versions.items())
    footer = f"<p>{clean(versions)}</p>" if versions else ""
    return page(shown.title, header, body, footer)


def _curves(data: ReportData) -> str:
    cards = "".join(curve_figures(data.history))
    lead = (
        "One point per epoch, a pass over all training examples. Training is measured on examples "
        "the model learns from, validation on examples it does not."
    )
    return section("How it learned", lead, f'<div class="grid">{cards}</div>' if cards else "")


def _made_of(data: ReportData) -> str:
    """Data, model and settings: what the run was made of."""
    known = {name: _counted(value) for name, value in data.data.items()}
    told = block(facts(known), "Data")
    notes = block(note(data.notes), "Notes on the data")
    config = facts({name: _spelled(value) for name, value in _flat(data.config).items()})
    settings = block(config, "Settings")
    model = block(f"<pre>{clean(data.model)}</pre>", "Model") if data.model else ""
    stacks = [told + notes, settings]
    cards = "".join(f'<div class="stack">{stack}</div>' for stack in stacks if stack)
    both = f'<div class="grid">{cards}</div>' if cards else ""
    lead = "What to know to judge this run, or repeat it."
    return section("What it is made of", lead, both, model)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _counted(value: Any) -> str:
    """As `_spelled`, with thousands set apart: what is known of data is mostly counts."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if whole else _spelled(value)


def _spelled(value: Any) -> str:
    """A setting as a reader expects it: yes and no, lists with commas."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(_spelled(item) for item in value)
    return str(value)

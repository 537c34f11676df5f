"""The whole page: well-formed, self-contained, and safe whatever the data are called."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.errors import ShapeError
from retroprop.train.report import ReportData, render_report, write_report

EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></style></pre></svg></table>",
    "javascript:alert(1)",
    "\x00\x1b]0;x\x07",
    "\udc80\u202e",
    "&lt;b&gt;",
]
VOID = {"meta", "img", "br"}
KNOWN = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "p",
    "h1", "h2", "h3", "div", "dl", "dt", "dd", "ul", "li", "small", "span", "table", "thead",
    "tbody", "tr", "th", "td", "i", "pre", "figure", "figcaption", "img", "svg", "desc", "text",
    "line", "polyline", "circle", "rect",
}  # fmt: skip


class Checker(HTMLParser):
    """Collects tags and attributes; every tag must be known, closed and in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in KNOWN, tag
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in KNOWN, tag
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def checked(markup: str) -> Checker:
    checker = Checker()
    checker.feed(markup)
    checker.close()
    assert checker.open == []
    for name, value in checker.attributes:
        assert not name.startswith("on"), name
        assert name not in {"href", "srcdoc", "action"}
        if name == "src":
            assert value is not None
            assert value.startswith("data:image/png;base64,")
    markup.encode("utf-8")
    return checker


def full(names: list[str], task: str, **fields: Any) -> ReportData:
    """A report that uses every field, with `names` wherever a text goes."""
    rng = np.random.default_rng(0)
    count, (first, *_) = 40, names
    true = rng.integers(0, len(names), count)
    chances = rng.dirichlet(np.ones(len(names)), count)
    given: dict[str, Any] = {
        "title": first,
        "task": task,
        "status": first,
        "history": [{"epoch": i, "loss": 1 / i, f"val_{first}": 0.5, first: i} for i in (1, 2, 3)],
        "scores": {"loss": 0.5, **dict.fromkeys(names, 0.5)},
        "seconds": 12.5,
        "config": {name: {name: [name, 1, 0.5, True, None]} for name in names},
        "model": first,
        "parameters": 10,
        "data": dict.fromkeys(names, first),
        "notes": names,
        "versions": dict.fromkeys(names, first),
        "created": first,
        "split": first,
        "target": first,
        "unit": first,
        "class_names": names,
        "rows": [dict.fromkeys(names, first)] * count,
        "sources": [first] * count,
        "y_true": true,
    }
    given |= {"probabilities": chances} if task == "classification" else {"y_pred": true + 0.5}
    return ReportData(**{**given, **fields})


@pytest.mark.parametrize("task", ["classification", "regression", "<other>"])
@pytest.mark.parametrize("turn", range(len(EVIL)))
def test_hostile_names_are_only_text(task: str, turn: int) -> None:
    names = EVIL[turn:] + EVIL[:turn]
    for images in (None, np.zeros((40, 4, 4), np.uint8)):
        checked(render_report(full(names, task, images=images)))


@given(st.lists(st.text(), min_size=2, max_size=4), st.sampled_from(["classification", "other"]))
def test_any_names_make_a_page(names: list[str], task: str) -> None:
    checked(render_report(full(names, task)))


def test_everything_given_is_shown() -> None:
    data = full(["alpha", "beta"], "classification", title="My run", notes=["Said so."])
    said = " ".join(checked(render_report(data)).words)
    for wanted in (
        "My run",
        "Said so.",
        "alpha.alpha",
        "alpha, 1, 0.5, yes, none",
        "How it learned",
        "What is taken for what",
        "How well each class is recognised",
        "Worst mistakes",
        "What it is made of",
    ):
        assert wanted in said, wanted


def test_hardly_anything_is_enough() -> None:
    markup = render_report(ReportData(title="empty"))
    checked(markup)
    assert "<section>" not in markup
    checked(render_report(ReportData(title="a", task="classification", y_true=[], y_pred=[])))
    checked(render_report(ReportData(title="a", task="regression", y_true=[1], y_pred=[np.nan])))
    checked(render_report(ReportData(title="a", history=[{"epoch": 1, "loss": float("nan")}])))


def test_the_page_is_light() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 224, 224, 3), dtype=np.uint8)
    true, predicted = rng.integers(0, 10, (2, 300))
    markup = render_report(
        ReportData(title="a", task="classification", y_true=true, y_pred=predicted, images=images)
    )
    assert len(markup) < 700_000  # noise does not compress
    values = rng.normal(size=50_000)
    markup = render_report(ReportData(title="a", task="regression", y_true=values, y_pred=values))
    assert len(markup) < 250_000


def test_the_same_data_give_the_same_page() -> None:
    one, other = (render_report(full(["a", "b"], "classification")) for _ in range(2))
    assert one == other


def test_numbers_in_settings_and_data() -> None:
    data = ReportData(title="a", data={"rows": 20640, "shuffled": True}, config={"seed": 20640})
    said = checked(render_report(data)).words
    assert {"20,640", "yes", "20640"} <= set(said)


def test_it_is_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, ReportData(title="größe"))
    before = path.read_bytes()
    assert "größe" in before.decode("utf-8")
    with pytest.raises(ShapeError):
        write_report(path, ReportData(title="b", task="regression", y_true=[1], y_pred=[1, 2]))
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_no_part_of_a_page_is_repeated() -> None:
    markup = render_report(full(["a", "b"], "classification"))
    headings = re.findall(r"<h2>(.*?)</h2>", markup)
    assert len(headings) == len(set(headings)) == 5

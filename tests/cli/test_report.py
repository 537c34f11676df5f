"""`retroprop report`: the page of a run on other data."""

from __future__ import annotations

import json

import pytest

from retroprop.cli import main
from retroprop.tasks import train


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("report")
    rows = [f"{k % 7},{k % 5},{'big' if k % 7 > 3 else 'small'}" for k in range(60)]
    (place / "things.csv").write_text("\n".join(["a,b,size", *rows]))
    options = {"epochs": 2, "hidden": [4]}
    source = str(place / "things.csv")
    train(source, options, target="size", folder=place / "run", progress=False, say=str)
    return place


def call(capsys, *arguments):
    code = main(["report", *map(str, arguments)])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_a_page_on_other_data(folder, capsys):
    page = folder / "page.html"
    code, out, err = call(capsys, folder / "run", folder / "things.csv", "--out", page, "--json")
    assert code == 0
    assert "browser" in err
    assert json.loads(out)["examples"] == 60
    assert "Confusion matrix" in page.read_text()
    code, _, err = call(capsys, folder / "run", folder / "things.csv", "--out", page)
    assert (code, "--force" in err) == (2, True)

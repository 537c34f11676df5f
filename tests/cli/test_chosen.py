"""Options from a file and from words, for the table of the task."""

from __future__ import annotations

import argparse
import json

import pytest

from retroprop.cli.chosen import add_choices, chosen_options, with_options
from retroprop.errors import ArgumentError
from retroprop.tasks.options import COMMON


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_choices(parser)
    return parser.parse_args(words)


def test_words_win_over_the_file(tmp_path):
    path = tmp_path / "options.json"
    path.write_text(json.dumps({"epochs": 7, "seed": 3}))
    arguments = parsed("epochs=1", "--config", str(path))
    assert chosen_options(arguments)(COMMON) == {"epochs": 1, "seed": 3}


def test_mistakes_say_where_they_stand(tmp_path):
    path = tmp_path / "options.json"
    path.write_text(json.dumps({"epoch": 7}))
    with pytest.raises(ArgumentError, match=r"options\.json 'epoch'"):
        chosen_options(parsed("--config", str(path)))(COMMON)
    with pytest.raises(ArgumentError, match="unknown option 'epoch'"):
        chosen_options(parsed("epoch=3"))(COMMON)


def _behind(data, made):
    """The options behind the data, flags before it."""
    flags = [word for word in made if "=" not in word]
    return ["train", *flags, data, *(word for word in made if "=" in word)]


@pytest.mark.parametrize(
    ("words", "made"),
    [
        (["--epochs", "3"], ["epochs=3"]),
        (["--batch-size=8"], ["batch_size=8"]),
        (["--batch-norm", "--json"], ["--json", "batch_norm=yes"]),
        (["--batch-norm", "no"], ["batch_norm=no"]),
        (["--epoch", "3"], ["--epoch", "3"]),
        (["--target", "epochs"], ["--target", "epochs"]),
    ],
)
def test_options_may_be_written_with_dashes(words, made):
    unknown = [word for word in words if word.startswith("--") and word != "--target"]
    assert with_options(["train", *words, "a.csv"], unknown) == _behind("a.csv", made)

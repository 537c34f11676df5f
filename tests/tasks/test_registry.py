"""Tasks by name, and which of them fits the data."""

from __future__ import annotations

import pytest

from retroprop import tasks
from retroprop.errors import ArgumentError


@pytest.mark.parametrize("name", tasks.names())
def test_every_task_says_what_it_does(name):
    kind = tasks.get(name)
    assert kind.name == name
    assert kind.about
    assert all(option.help for option in kind.OPTIONS.values())


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(ArgumentError, match="did you mean 'regression'"):
        tasks.get("regresion")


def test_a_named_task_is_taken_at_its_word():
    kind, why = tasks.choose({"a": [1]}, "regression")
    assert (kind.name, why) == ("regression", "")

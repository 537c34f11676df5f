"""Messages: what, where, the way out."""

from __future__ import annotations

import pytest

import retroprop as rp
from retroprop import errors
from retroprop.errors import ArgumentError, DataError, RetropropError, nearest, unknown


def test_three_lines_and_a_code():
    error = ArgumentError("a is wrong", fix="write b", where="x.py:1: f(a)")
    assert str(error) == "a is wrong\n  at x.py:1: f(a)\n  fix: write b (RP103, docs/errors.md)"


def test_the_users_line_is_found_by_itself():
    with pytest.raises(RetropropError) as caught:
        rp.zeros(3).reshape((2, 2))
    assert caught.value.where.startswith("test_errors.py:")
    assert caught.value.where.endswith("rp.zeros(3).reshape((2, 2))")


def test_every_class_has_a_code_of_its_own_and_a_python_base():
    classes = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]
    codes = [cls.code for cls in classes]
    assert len(set(codes)) == len(codes)
    for cls in classes:
        assert issubclass(cls, RetropropError)


def test_data_errors_name_the_place():
    error = DataError("no number", file="a.csv", row=3, column="age")
    assert str(error) == 'a.csv, row 3, column "age": no number'
    assert (error.file, error.row, error.column) == ("a.csv", 3, "age")


def test_nearest_and_unknown():
    assert nearest("Adm", ["adam", "sgd"]) == "adam"
    assert nearest("zzz", ["adam"]) is None
    assert unknown("optimizer", "adm", ["adam", "sgd"]).what.endswith("did you mean 'adam'?")
    assert unknown("optimizer", "zzz", ["adam"]).what == "unknown optimizer 'zzz'"

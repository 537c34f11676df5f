"""Nested containers come apart and together."""

from __future__ import annotations

from collections import namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.tree import flatten, tree_map, unflatten

TREES = st.recursive(
    st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner) | st.tuples(inner),
    max_leaves=10,
)


@given(TREES)
def test_unflatten_undoes_flatten(tree):
    leaves, structure = flatten(tree)
    assert unflatten(structure, leaves) == tree


@given(TREES)
def test_map_with_the_identity_changes_nothing(tree):
    assert tree_map(lambda leaf: leaf, tree) == tree


def test_named_tuples_stay_named():
    Point = namedtuple("Point", "x y")  # noqa: PYI024
    assert tree_map(lambda v: v + 1, Point(1, 2)) == Point(2, 3)


def test_trees_of_other_structure_do_not_zip():
    with pytest.raises(ValueError, match="zip"):
        tree_map(lambda a, b: a, [1, 2], [1])

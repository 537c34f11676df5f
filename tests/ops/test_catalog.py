"""The table of all ops."""

from __future__ import annotations

import pytest

from retroprop import ops
from retroprop.ops import arithmetic, reduction
from retroprop.ops.catalog import FAMILIES, catalog
from retroprop.ops.define import Op


def test_it_holds_every_op_once_in_the_order_of_the_families():
    named = [
        item.name
        for family in FAMILIES
        for item in vars(family).values()
        if isinstance(item, Op) and item.reference.__module__ == family.__name__
    ]
    assert list(catalog) == named
    assert len(set(named)) == len(named)


def test_every_public_op_of_a_family_is_in_it():
    for family in FAMILIES:
        for name in family.__all__:
            item = getattr(family, name)
            if isinstance(item, Op):
                assert catalog[item.name] is item


def test_it_is_frozen():
    with pytest.raises(TypeError):
        catalog["add"] = catalog["subtract"]  # type: ignore[index]


def test_families_import_earlier_families_only():
    order = [family.__name__ for family in FAMILIES]
    for family in FAMILIES:
        for item in vars(family).values():
            if isinstance(item, Op):
                home = item.reference.__module__
                assert order.index(home) <= order.index(family.__name__)


def test_the_package_gives_ops_by_name():
    assert ops.add is arithmetic.add
    assert ops.sum is reduction.sum
    with pytest.raises(AttributeError, match="no op 'addd'"):
        ops.addd  # noqa: B018


def test_operators_are_given_once():
    symbols = [op.operator for op in catalog.values() if op.operator is not None]
    assert len(set(symbols)) == len(symbols)

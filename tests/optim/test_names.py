"""Optimizers by name."""

from __future__ import annotations

import pytest

from retroprop import optim
from retroprop.errors import ArgumentError


def test_names_lead_to_classes() -> None:
    assert optim.get("AdamW") is optim.get("adamw") is optim.AdamW
    assert optim.get(optim.SGD) is optim.SGD
    assert optim.names() == sorted(optim.names())


def test_every_exported_optimizer_has_its_name() -> None:
    exported = [getattr(optim, name) for name in optim.__all__]
    classes = {c for c in exported if isinstance(c, type) and issubclass(c, optim.Optimizer)}
    assert {optim.get(name) for name in optim.names()} == classes - {optim.Optimizer}


def test_unknown_name() -> None:
    with pytest.raises(ArgumentError, match="unknown optimizer 'adm'; did you mean 'adam'"):
        optim.get("adm")

"""Parameter groups as mappings."""

from __future__ import annotations

import pytest

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError


def group() -> optim.ParamGroup:
    return optim.Adam([("w", rp.ones(2, requires_grad=True))], lr=0.5).param_groups[0]


def test_reads_like_a_dict() -> None:
    one = group()
    assert list(one)[:2] == ["params", "lr"]
    assert len(one) == len(list(one)) == len(dict(one))
    assert one["lr"] == 0.5
    assert one.get("eps") == 1e-8
    assert one["params"] is one.params
    assert "momentum" not in dict(one)


def test_unknown_keys() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'eps'"):
        group()["epss"]
    with pytest.raises(ArgumentError, match="unknown option of Adam 'initial'"):
        group()["initial"] = 1.0
    with pytest.raises(ArgumentError, match="'eps' cannot be removed"):
        del group()["eps"]


def test_rate_is_float64() -> None:
    one = group()
    one["lr"] = 0.1
    assert one["lr"] == 0.1
    one["lr"] = rp.asarray(0.25)
    assert one["lr"] == 0.25
    assert one.initial == 0.5


def test_rates_that_do_not_fit_change_nothing() -> None:
    one = group()
    with pytest.raises(ArgumentError, match="lr is -1"):
        one["lr"] = -1
    assert one["lr"] == 0.5

"""The package's namespace: what it loads, and what it says of names it does not have."""

from __future__ import annotations

import pytest

import retroprop as rp


def test_names_that_live_elsewhere_are_pointed_at():
    with pytest.raises(AttributeError, match=r"it is retroprop\.nn\.functional\.softmax"):
        rp.softmax  # noqa: B018
    with pytest.raises(AttributeError, match=r"it is retroprop\.optim\.Adam"):
        rp.Adam  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'reshape'"):
        rp.reshap  # noqa: B018


def test_every_public_name_is_there():
    for name in rp.__all__:
        assert getattr(rp, name) is not None or name == "newaxis"

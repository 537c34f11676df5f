"""A name of PyTorch that a Tensor lacks is answered with what it is called here."""

from __future__ import annotations

import copy
import re

import pytest

import retroprop as rp
from retroprop.array.translation import PYTORCH


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("view", "x.reshape"),
        ("unsqueeze", "x.expand_dims"),
        ("permute", "x.permute_dims"),
        ("float", "x.astype(rp.float32)"),
        ("log_softmax", "nn.functional.log_softmax"),
        ("masked_fill", "rp.where"),
        ("add_", "rp.no_grad"),
    ],
)
def test_the_error_names_the_way(name, instead):
    x = rp.zeros((2, 3))
    with pytest.raises(AttributeError, match=re.escape(instead)):
        getattr(x, name)
    with pytest.raises(AttributeError, match="Parameter"):
        getattr(rp.nn.Parameter([1.0]), name)
    assert not hasattr(x, name)
    assert getattr(x, name, "absent") == "absent"


def test_the_namespace_answers_alike():
    for name, instead in (("cat", "rp.concat"), ("randn", "rp.random.normal"), ("t", "x.T")):
        with pytest.raises(AttributeError, match=re.escape(instead)):
            getattr(rp, name)
    with pytest.raises(AttributeError, match=r"no attribute 'nosuch'$"):
        rp.zeros(2).nosuch  # noqa: B018
    with pytest.raises(AttributeError, match="retroprop.nn.functional.relu"):
        rp.relu  # noqa: B018


def test_what_the_table_names_is_there_and_what_it_translates_is_not():
    x = rp.zeros((2, 2))
    for name, instead in PYTORCH.items():
        assert name not in dir(type(x)) or name == "device", name
        for path in re.findall(r"\b(?:rp|nn)(?:\.[A-Za-z_]\w*)+", instead):
            found = rp.nn if path.startswith("nn.") else rp
            for part in path.split(".")[1:]:
                found = getattr(found, part)
        for method in re.findall(r"\b[xy]\.(\w+)", instead):
            assert hasattr(x, method), instead


def test_ordinary_protocols_do_not_notice():
    x = rp.asarray([1.0, 2.0])
    assert copy.deepcopy(rp.nn.Parameter([1.0])).tolist() == [1.0]
    assert (x * 2).tolist() == [2.0, 4.0]
    with pytest.raises(AttributeError):
        x.__array_interface__  # noqa: B018

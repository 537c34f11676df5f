"""What the namespace says about itself."""

from __future__ import annotations

import pytest

import retroprop as rp


def test_result_type():
    assert rp.result_type(rp.int8, rp.uint8) == rp.int16
    assert rp.result_type(rp.ones(1), 2.5) == rp.float32
    assert rp.result_type(rp.asarray([1]), 2.5) == rp.float32
    with pytest.raises(ValueError, match="at least one"):
        rp.result_type(1.0)


def test_can_cast():
    assert rp.can_cast(rp.int8, rp.int16)
    assert rp.can_cast(rp.zeros(1), rp.float64)
    assert not rp.can_cast(rp.int16, rp.int8)


def test_namespace_info():
    info = rp.__array_namespace_info__()
    assert info.capabilities()["boolean indexing"] is True
    assert info.default_dtypes()["real floating"] == rp.float32
    assert info.devices() == ["cpu"]
    assert set(info.dtypes(kind="bool")) == {"bool"}
    assert {"float32", "complex128"} <= set(info.dtypes())

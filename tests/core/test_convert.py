"""What numbers come in, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.core.convert import as_array
from retroprop.errors import DTypeError, ShapeError


def test_types():
    assert as_array(True).dtype == np.bool_
    assert as_array(3).dtype == np.int64
    assert as_array([1.0, 2]).dtype == np.float32
    assert as_array([1.0, 2j]).dtype == np.complex64
    assert as_array(np.ones(2)).dtype == np.float64
    assert as_array([np.float64(1.0), rp.ones(())]).tolist() == [1.0, 1.0]
    assert as_array([[1, 2]], "int8").dtype == np.int8


def test_tensors_lend_their_array():
    x = rp.ones(2)
    assert as_array(x) is as_array(x)


def test_other_libraries_arrays_keep_their_type():
    class Foreign:
        def __array__(self, dtype=None, copy=None):
            return np.ones(2)

    assert as_array(Foreign()).dtype == np.float64


@pytest.mark.parametrize("data", ["text", ["a"], [None], object(), {"a": 1}])
def test_what_is_no_number(data):
    with pytest.raises(DTypeError, match="not a number type"):
        as_array(data)


def test_ragged_lists():
    with pytest.raises(ShapeError, match="no tensor"):
        as_array([[1], [2, 3]])

"""Public functions, methods and operators made from the table."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.core import faces
from retroprop.ops.catalog import catalog


def test_public_functions_return_tensors_whatever_they_are_given():
    assert isinstance(rp.add(np.ones(2), [1, 2]), rp.Tensor)
    assert isinstance(rp.square(2.0), rp.Tensor)


def test_records_compute_arrays_from_arrays():
    assert isinstance(catalog["add"](np.ones(2), np.ones(2)), np.ndarray)


def test_attributes_go_by_position_or_name():
    x = rp.zeros((2, 3))
    assert rp.reshape(x, (3, 2)).shape == rp.reshape(x, shape=(3, 2)).shape == (3, 2)
    assert x.reshape((6,)).shape == (6,)


def test_wrong_calls_are_type_errors_that_name_the_op():
    with pytest.raises(TypeError, match=r"add\(\) is missing: z"):
        rp.add(rp.zeros(1))
    with pytest.raises(TypeError, match=r"permute_dims\(\) needs axes"):
        rp.permute_dims(rp.zeros(1))
    with pytest.raises(TypeError, match="unexpected"):
        rp.add(rp.zeros(1), rp.zeros(1), axis=1)
    with pytest.raises(TypeError, match="takes 2 tensors"):
        rp.add(rp.zeros(1), rp.zeros(1), rp.zeros(1))


def test_help_shows_the_docstring_of_the_op():
    assert rp.add.__doc__ == catalog["add"].reference.__doc__
    assert rp.add.__module__ == "retroprop"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_op"):
        faces.no_such_op  # noqa: B018


def test_astype_keeps_a_tensor_that_has_the_type():
    x = rp.zeros(2)
    assert x.astype(rp.float32) is x
    assert rp.astype(x, "int8").dtype == rp.int8


def test_operators_with_strangers_are_python_type_errors():
    with pytest.raises(TypeError):
        rp.zeros(1) + "a"
    assert (rp.zeros(1) == "a") is False

"""References are held to the rules of their ops."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop import ops
from retroprop.core.checked import check
from retroprop.errors import GraphError


def test_what_the_rules_say_passes():
    check(ops.add, [np.ones((2, 1)), np.ones(3)], {}, [np.ones((2, 3))])
    check(ops.take_slice, [np.ones(5)], {"key": (slice(1, 3),)}, [np.ones(2)])


@pytest.mark.parametrize("wrong", [np.ones((3, 2)), np.ones((2, 3), "f4"), 1.0])
def test_what_they_do_not_say_fails_each_time(wrong):
    for _ in range(2):
        with pytest.raises(GraphError, match="add: the rules infer"):
            check(ops.add, [np.ones((2, 1)), np.ones(3)], {}, [wrong])


def test_what_passed_once_is_no_excuse_for_something_else():
    x = np.ones((2, 3))
    check(ops.sum, [x], {"axis": (0,), "keepdims": False}, [np.ones(3)])
    for _ in range(2):
        check(ops.sum, [x], {"axis": (0,), "keepdims": True}, [np.ones((1, 3))])
        with pytest.raises(GraphError):
            check(ops.sum, [x], {"axis": (0,), "keepdims": True}, [np.ones(3)])

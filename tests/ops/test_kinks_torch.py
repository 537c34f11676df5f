"""Where a derivative is a choice, it is PyTorch's; the few that differ on purpose say why."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops

torch = pytest.importorskip("torch")

SINGLE = {
    "abs": ("abs", [0.0, -0.0, 1.0]),
    "sign": ("sign", [0.0, 2.0]),
    "sqrt": ("sqrt", [0.0, 4.0]),
    "log": ("log", [0.0, -1.0, 1.0]),
    "relu": ("relu", [0.0, -0.0, 1.0, -1.0]),
    "asin": ("asin", [1.0, -1.0, 0.0]),
    "acosh": ("acosh", [1.0, 2.0]),
    "sigmoid": ("sigmoid", [-1000.0, 1000.0, 0.0]),
    "softplus": ("nn.functional.softplus", [-30.0, 0.0, 15.0]),
    "log_sigmoid": ("nn.functional.logsigmoid", [-1000.0, 1000.0, 0.0]),
    "erf": ("erf", [-40.0, 0.0, 1.0]),
    "erfc": ("erfc", [-40.0, 0.0, 1.0]),
    "cumulative_prod": ("cumprod", [2.0, 0.0, 3.0, 0.0, 5.0]),
    "prod": ("prod", [2.0, 0.0, 3.0]),
    "max": ("amax", [1.0, 1.0, 0.0]),
    "min": ("amin", [1.0, 1.0, 2.0]),
    "sort": ("sort", [1.0, 1.0, 0.0]),
}
PAIRS = {
    "power": ("pow", [0.0, 0.0, 0.0, 2.0, -2.0], [0.0, 1.0, 2.0, 0.0, 2.0]),
    "maximum": ("maximum", [1.0, 2.0, 0.0], [1.0, 1.0, 0.0]),
    "minimum": ("minimum", [1.0, 2.0, 0.0], [1.0, 1.0, 0.0]),
    "remainder": ("remainder", [7.5, -7.5, 4.0], [2.0, 2.0, 2.0]),
    "copysign": ("copysign", [0.0, 1.0, -1.0], [-1.0, -0.0, 0.0]),
    "logaddexp": ("logaddexp", [1000.0, -np.inf], [1000.0, 0.0]),
    "divide": ("div", [1.0, 0.0], [2.0, 3.0]),
}


def found(name, *points, **attributes):
    leaves = [rp.tensor(np.array(point), requires_grad=True) for point in points]
    with np.errstate(all="ignore"):
        y = getattr(ops, name)(*leaves, **attributes)
        y.sum().backward()
    return [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]


def expected(name, *points, **attributes):
    function = torch
    for part in name.split("."):
        function = getattr(function, part)
    leaves = [torch.tensor(point, dtype=torch.float64, requires_grad=True) for point in points]
    y = function(*leaves, **attributes)
    (y if isinstance(y, torch.Tensor) else y[0]).sum().backward()
    return [leaf.grad.numpy() for leaf in leaves]


@pytest.mark.parametrize("name", SINGLE)
def test_of_one_operand(name):
    theirs, point = SINGLE[name]
    ours = {"axis": 0} if name == "cumulative_prod" else {}
    reference = expected(theirs, point, **({"dim": 0} if ours else {}))
    np.testing.assert_allclose(found(name, point, **ours), reference, rtol=1e-9)


@pytest.mark.parametrize("name", PAIRS)
def test_of_two_operands(name):
    theirs, *points = PAIRS[name]
    for ours, reference in zip(found(name, *points), expected(theirs, *points), strict=True):
        if name == "power":  # d/dz of a negative base is NaN in both
            assert np.isnan(ours).tolist() == np.isnan(reference).tolist()
        np.testing.assert_allclose(ours, reference, rtol=1e-12)


def test_hypot_at_its_corner_is_zero_where_pytorch_has_nan():
    """A norm of zero must not poison a network; the norms of both libraries agree on 0."""
    assert np.isnan(expected("hypot", [0.0], [0.0])).all()
    assert not np.any(found("hypot", [0.0], [0.0]))

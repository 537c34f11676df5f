"""What PyTorch keeps under nn.utils."""

from __future__ import annotations

import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import ArgumentError, ShapeError


def test_clipping_is_that_of_optim() -> None:
    assert nn.utils.clip_grad_norm_ is optim.clip_grad_norm_
    assert nn.utils.clip_grad_value_ is optim.clip_grad_value_
    layer = nn.Linear(2, 1)
    (layer(rp.ones((1, 2))) * 100).sum().backward()
    norm = nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    assert abs(norm.item() - 100 * 3**0.5) < 1e-2
    total = sum((p.grad * p.grad).sum().item() for p in layer.parameters())
    assert abs(total - 1) < 1e-5


def test_vectors_and_parameters() -> None:
    layer, other = nn.Linear(3, 2), nn.Linear(3, 2)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (8,)
    nn.utils.vector_to_parameters(vector, other.parameters())
    assert other.weight.tolist() == layer.weight.tolist()
    assert other.bias.tolist() == layer.bias.tolist()
    assert other.weight.requires_grad
    (vector * vector).sum().backward()
    assert layer.bias.grad.tolist() == (layer.bias * 2).tolist()


def test_misfits() -> None:
    with pytest.raises(ShapeError, match=r"vector has shape \(7,\), the parameters 8"):
        nn.utils.vector_to_parameters(rp.ones(7), nn.Linear(3, 2).parameters())
    with pytest.raises(ArgumentError, match="no parameters"):
        nn.utils.parameters_to_vector([])

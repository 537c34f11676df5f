"""What PyTorch keeps under `torch.nn.utils`; the file has PyTorch's name so that its users find it.

Clipping itself is written in `retroprop.optim.clip`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from retroprop.array.creation import asarray
from retroprop.array.manipulation import concat
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.ops.movement import reshape, take_slice
from retroprop.optim.clip import clip_grad_norm_, clip_grad_value_

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "parameters_to_vector",
    "vector_to_parameters",
]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters as one vector, one after the other; gradients flow through.

    Example:
        >>> from retroprop import nn
        >>> parameters_to_vector(nn.Linear(3, 2).parameters()).shape
        (8,)
    """
    parts = [reshape(one, (-1,)) for one in parameters]
    if not parts:
        raise ArgumentError("parameters_to_vector: there are no parameters")
    return concat(parts)


def vector_to_parameters(vec: Any, parameters: Iterable[Tensor]) -> None:
    """Put the parts of a vector into parameters: the inverse of `parameters_to_vector`.

    Raises:
        ShapeError: the vector has not as many elements as the parameters.

    Example:
        >>> from retroprop import nn
        >>> layer = nn.Linear(2, 1)
        >>> vector_to_parameters([1.0, 2.0, 3.0], layer.parameters())
        >>> layer.weight.tolist(), layer.bias.tolist()
        ([[1.0, 2.0]], [3.0])
    """
    vector, cells = asarray(vec), list(parameters)
    total = sum(cell.size for cell in cells)
    if vector.shape != (total,):
        raise ShapeError(
            f"vector_to_parameters: the vector has shape {vector.shape}, the parameters {total} "
            "elements"
        )
    start = 0
    with no_grad():
        for cell in cells:
            part = take_slice(vector, key=(slice(start, start + cell.size),))
            cell.assign(reshape(part, cell.shape).astype(cell.dtype))
            start += cell.size

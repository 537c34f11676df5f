"""Updates of some rows of a table: their cost follows the batch, not the table."""

from __future__ import annotations

from collections.abc import Callable

from retroprop import ops
from retroprop.core.rows import rows_of
from retroprop.core.tensor import Tensor
from retroprop.ops.indexing import latest, put, take, take_add
from retroprop.optim.group import State

__all__ = ["update_rows"]

Update = Callable[[Tensor, Tensor, State], tuple[Tensor, State]]


def update_rows(update: Update, g: Tensor, param: Tensor, state: State) -> tuple[Tensor, State]:
    """A parameter and its state after an update of the rows whose gradient is not zero.

    All other rows stay as they are: they neither decay nor follow their momentum, as in PyTorch's
    SparseAdam. Where a compiled step shows that the gradient comes from lookups in the table, only
    the rows that were looked up are read, computed and written.

    Args:
        update: (gradient, parameter, state) -> both afterwards, each row by itself.
        g:      (rows, features).
        param:  (rows, features).
        state:  what has the shape of the parameter goes by rows, the rest as a whole.
    """
    found = rows_of(g)
    if found is None or 2 * found[0].size > param.shape[0]:
        after, new = update(g, param, state)
        return _where_moved(g, after, param), {
            key: _where_moved(g, value, state[key]) if value.shape == param.shape else value
            for key, value in new.items()
        }
    indices, values = found
    places = latest(indices, length=param.shape[0])
    g = take(take_add(values, places, axis=0, length=values.shape[0]), places, axis=0)
    by_rows = {key for key, cell in state.items() if cell.shape == param.shape}
    before = {k: take(v, indices, axis=0) if k in by_rows else v for k, v in state.items()}
    rows = take(param, indices, axis=0)
    after, new = update(g, rows, before)
    for key in by_rows & set(new):
        new[key] = put(state[key], indices, _where_moved(g, new[key], before[key]), axis=0)
    return put(param, indices, _where_moved(g, after, rows), axis=0), new


def _where_moved(g: Tensor, after: Tensor, before: Tensor) -> Tensor:
    """The rows after the update where the gradient is not zero, those before it elsewhere."""
    axes = tuple(range(1, g.ndim))
    moved = ops.not_equal(g, 0.0)
    result: Tensor = ops.where(ops.any(moved, axis=axes, keepdims=True), after, before)
    return result

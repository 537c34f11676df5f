"""What PyTorch's methods and functions are called here, for the errors about missing names.

The namespace follows the Array API, so a program brought over from PyTorch asks a Tensor for names
that it does not have. The table is read only then.
"""

from __future__ import annotations

from typing import Any

from retroprop.core.tensor import Tensor

__all__ = ["PYTORCH", "translation"]

_ASTYPE = "x.astype(rp.{})"
_DEVICE = "nothing: tensors live on the CPU; leave it out"
_IN_PLACE = "x.assign(...) inside `with rp.no_grad():`"

PYTORCH: dict[str, str] = {
    "add": "x + y",
    "amax": "x.max(axis=...)",
    "amin": "x.min(axis=...)",
    "as_tensor": "rp.asarray(data)",
    "atan2": "rp.atan2(x, y)",
    "bernoulli": "rp.random.bernoulli(shape, p)",
    "bmm": "rp.matmul(x, y), or x @ y",
    "bool": _ASTYPE.format("bool"),
    "broadcast_to": "rp.broadcast_to(x, shape)",
    "byte": _ASTYPE.format("uint8"),
    "cat": "rp.concat([x, y], axis=...)",
    "chunk": "rp.split(x, sizes=..., axis=...)",
    "clamp": "x.clip(min, max)",
    "clamp_max": "x.clip(None, max)",
    "clamp_min": "x.clip(min)",
    "contiguous": "nothing: tensors have no memory layout; leave it out",
    "cpu": _DEVICE,
    "cuda": _DEVICE,
    "cumprod": "x.cumulative_prod(axis=...)",
    "cumsum": "x.cumulative_sum(axis=...)",
    "data": "x.detach() to read, x.assign(...) inside `with rp.no_grad():` to change",
    "device": "nothing: tensors live on the CPU; leave it out, or write 'cpu'",
    "diagonal": "rp.diagonal(x)",
    "dim": "x.ndim",
    "div": "x / y",
    "dot": "rp.vecdot(x, y)",
    "double": _ASTYPE.format("float64"),
    "eq": "x == y",
    "expand": "rp.broadcast_to(x, shape)",
    "expand_as": "rp.broadcast_to(x, y.shape)",
    "float": _ASTYPE.format("float32"),
    "from_numpy": "rp.asarray(array)",
    "gather": "rp.take_along_axis(x, index, axis=...)",
    "ge": "x >= y",
    "gt": "x > y",
    "half": _ASTYPE.format("float16"),
    "index_select": "rp.take(x, index, axis=...)",
    "inference_mode": "rp.no_grad()",
    "int": _ASTYPE.format("int32"),
    "le": "x <= y",
    "logsumexp": "rp.log(rp.sum(rp.exp(x), axis=...)), with the maximum taken off before",
    "long": _ASTYPE.format("int64"),
    "lt": "x < y",
    "masked_fill": "rp.where(mask, value, x)",
    "masked_select": "x[mask]",
    "maximum": "rp.maximum(x, y)",
    "minimum": "rp.minimum(x, y)",
    "mm": "rp.matmul(x, y), or x @ y",
    "movedim": "x.moveaxis(source, destination)",
    "mul": "x * y",
    "mv": "rp.matmul(x, y), or x @ y",
    "narrow": "a slice, x[:, start:stop]",
    "ne": "x != y",
    "neg": "-x",
    "nelement": "x.size",
    "new_ones": "rp.ones(shape, dtype=x.dtype)",
    "new_zeros": "rp.zeros(shape, dtype=x.dtype)",
    "nonzero": "rp.nonzero(x)",
    "norm": "rp.linalg.vector_norm(x, axis=...)",
    "numel": "x.size",
    "outer": "rp.outer(x, y)",
    "permute": "x.permute_dims(axes)",
    "pow": "x ** y",
    "rand": "rp.random.uniform(shape)",
    "rand_like": "rp.random.uniform(x.shape)",
    "randint": "rp.random.randint(shape, low, high)",
    "randn": "rp.random.normal(shape)",
    "randn_like": "rp.random.normal(x.shape)",
    "randperm": "rp.random.permutation(n)",
    "ravel": "x.flatten()",
    "repeat_interleave": "x.repeat(times)",
    "select": "an index, x[:, i]",
    "split": "rp.split(x, sizes=..., axis=...)",
    "sub": "x - y",
    "t": "x.T",
    "to": "x.astype(dtype); tensors live on the CPU, so a device is left out",
    "topk": "rp.top_k(x, ...)",
    "transpose": "x.swapaxes(i, j)",
    "tril": "rp.tril(x)",
    "triu": "rp.triu(x)",
    "type": "x.astype(dtype)",
    "type_as": "x.astype(y.dtype)",
    "unbind": "x.unstack(axis=...)",
    "unflatten": "x.reshape(shape)",
    "unique": "rp.unique_values(x)",
    "unsqueeze": "x.expand_dims(axis=...)",
    "view": "x.reshape(shape)",
    "view_as": "x.reshape(y.shape)",
    "where": "rp.where(condition, x, y)",
}
_ACTIVATIONS = ("gelu", "log_softmax", "selu", "silu", "softmax")
PYTORCH.update((name, f"nn.functional.{name}(x, ...)") for name in _ACTIVATIONS)


def translation(name: str) -> str | None:
    """What stands here for a method or function of PyTorch, or None.

    Example:
        >>> translation("unsqueeze"), translation("mul_")
        ('x.expand_dims(axis=...)', 'x.assign(...) inside `with rp.no_grad():`')
    """
    if name in PYTORCH:
        return PYTORCH[name]
    plain = name.removesuffix("_")
    known = plain in PYTORCH or hasattr(Tensor, plain) or plain in ("fill", "normal", "uniform")
    in_place = plain != name and not name.startswith("_") and known
    return _IN_PLACE if in_place else None


def _missing(self: Tensor, name: str) -> Any:
    """Python comes here only for names that a Tensor does not have."""
    kind = type(self).__name__
    instead = translation(name)
    hint = f"; write {instead}" if instead else ""
    raise AttributeError(f"{kind!r} object has no attribute {name!r}{hint}", name=name, obj=self)


setattr(Tensor, "__getattr__", _missing)  # noqa: B010  mypy sees a method that is not there

"""Which parameters weight decay is for: weights, not biases and not the scales of norms."""

from __future__ import annotations

from typing import Any

from retroprop.optim.group import listed, read_params
from retroprop.optim.ranges import check

__all__ = ["decay_groups"]


def decay_groups(model_or_params: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups that decay weights only.

    No decay on biases, on parameters of normalisation layers, on anything with fewer than two axes.

    Args:
        model_or_params: a module, or Tensors or (name, Tensor) pairs. Where a name or module is
                         known, it tells biases and norms of more than one axis too.
        weight_decay:    for the group that decays.

    Returns:
        Up to two groups for any optimizer: the decaying one, then the rest; no empty one.

    Example:
        >>> w, b = rp.ones((2, 2), requires_grad=True), rp.zeros(2, requires_grad=True)
        >>> groups = decay_groups([("w", w), ("b", b)], 0.1)
        >>> [(group["params"][0][0], group["weight_decay"]) for group in groups]
        [('w', 0.1), ('b', 0.0)]

    Source: Goyal et al. 2017, arXiv:1706.02677, section 5.3, for norm scales; common practice
        for the rest.
    """
    weight_decay = check("decay_groups", "weight_decay", weight_decay)
    in_norms: set[int] = set()
    named = getattr(model_or_params, "named_parameters", None)
    if callable(named):
        pairs = listed(named(), "decay_groups")
        in_norms = _norm_parameters(model_or_params)
    else:
        params, names = read_params(listed(model_or_params, "decay_groups"), "decay_groups", 0)
        pairs = list(zip(names, params, strict=True))
    spared = [
        param.ndim < 2 or id(param) in in_norms or name.split(".")[-1].startswith("bias")
        for name, param in pairs
    ]
    groups = [
        {"params": _chosen(pairs, spared, False), "weight_decay": weight_decay},
        {"params": _chosen(pairs, spared, True), "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _chosen(pairs: list[Any], spared: list[bool], which: bool) -> list[Any]:
    return [pair for pair, spare in zip(pairs, spared, strict=True) if spare is which]


def _norm_parameters(model: Any) -> set[int]:
    """The identities of the parameters that belong to normalisation layers, told by their names."""
    found: set[int] = set()
    for _, module in model.named_modules():
        if "norm" in type(module).__name__.lower():
            found.update(id(param) for param in module.parameters())
    return found

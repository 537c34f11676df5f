"""Layers in the wrong mode or before too small a batch: batch norm and dropout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retroprop import nn
from retroprop.health.checks.case import Case
from retroprop.health.checks.look import Call, own_parameters
from retroprop.health.finding import Finding

__all__ = ["batch_of_one", "left_in_eval"]

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_DROPS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
_FEW = 4  # values that a mean and a variance are taken of


def batch_of_one(case: Case) -> Iterator[Finding]:
    """Batch norm takes mean and variance of a few values: of one, nothing is left.

    Source: Ioffe, Szegedy 2015, arXiv:1502.03167; Wu, He 2018, arXiv:1803.08494 (small batches).
    """
    for call in case.look.calls:
        if not isinstance(call.module, _NORMS) or not call.training or len(call.given) < 2:
            continue
        count = _per_channel(call)
        if count > _FEW:
            rest = _last_batch(case)
            if rest == 1 and count == call.given[0]:
                yield _few(call, 1, "the last batch of each epoch has one example", 0.6)
                return
            continue
        why = "a batch normalised by itself has no information left" if count == 1 else ""
        yield _few(call, count, why, 1.0 if count == 1 else 0.5)
        return


def _few(call: Call, count: int, why: str, weight: float) -> Finding:
    values = "1 value" if count == 1 else f"{count} values"
    return Finding(
        "batch_of_one",
        f"batch norm {call.name} takes mean and variance of {values} per channel",
        why or "they say little about the data, so each step sees another network",
        "a larger batch_size, or nn.GroupNorm or nn.LayerNorm, which look at one example",
        weight,
        where=(call.name,),
        fixes=({"batch_size": 32}, {"batch_norm": False}),
        evidence={"values": count},
    )


def _per_channel(call: Call) -> int:
    count = 1
    for axis, length in enumerate(call.given):
        count *= 1 if axis == 1 else length
    return count


def _last_batch(case: Case) -> int:
    """How many examples the last batch of an epoch has; 0 where that is not known."""
    size = int(case.options.get("batch_size") or 0)
    return case.size % size if size and case.size > size else 0


def left_in_eval(case: Case) -> Iterator[Finding]:
    """Batch norm or dropout is in evaluation mode in a pass of training.

    Batch norm then uses statistics that nobody moves, and dropout does nothing. Layers whose
    parameters are frozen as well are taken to be so on purpose.
    """
    still = [c for c in case.look.calls if isinstance(c.module, _NORMS + _DROPS) and not c.training]
    still = [call for call in still if not _frozen(call.module)]
    if not still:
        return
    names = tuple(dict.fromkeys(call.name for call in still))
    norms = any(isinstance(call.module, _NORMS) for call in still)
    yield Finding(
        "left_in_eval",
        f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''} "
        f"{'are' if len(names) > 1 else 'is'} in evaluation mode while training",
        "batch norm uses statistics that do not follow the data"
        if norms
        else "dropout drops nothing",
        "model.train() before training, after each evaluation",
        0.7 if norms else 0.5,
        where=names,
    )


def _frozen(module: Any) -> bool:
    own = own_parameters(module)
    return bool(own) and not any(param.requires_grad for param in own)

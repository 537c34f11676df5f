"""Parameters that will not learn: no gradient, no optimizer, or frozen as they were drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from retroprop.core.tensor import Tensor
from retroprop.health.checks.case import Case
from retroprop.health.finding import Finding
from retroprop.nn.init import fans

__all__ = ["frozen_at_random", "no_gradient", "not_optimized"]

_SOME = 64  # weights from which a distribution can be told
_LARGE = 1 << 22  # weights whose singular values take too long


def no_gradient(case: Case) -> Iterator[Finding]:
    """Parameters that ask for a gradient, and none arrives in a whole pass.

    They are not used, or the way to them is cut (detach(), no_grad(), argmax, round).
    """
    if case.look.error is not None or not case.look.gradients:
        return
    wanted = {name for name, param in case.model.named_parameters() if param.requires_grad}
    names = tuple(name for name in wanted if case.look.gradients.get(name) is None)
    names = tuple(n for n, _ in case.model.named_parameters() if n in names)
    if names:
        used = {call.name for call in case.look.calls}
        owner = names[0].rpartition(".")[0]
        why = "the way back to them is cut: detach(), no_grad(), or an op without a gradient"
        if owner and owner not in used:
            why = f"{owner} was never called in the pass"
        yield Finding(
            "no_gradient",
            f"{_some(names)} get{'s' if len(names) == 1 else ''} no gradient",
            why,
            "use them in forward(), mend what cuts the way, or requires_grad_(False) if that is "
            "meant",
            0.8 if len(names) == len(wanted) else 0.6,
            where=names,
        )


def not_optimized(case: Case) -> Iterator[Finding]:
    """Parameters of the model that no group of the optimizer holds."""
    if case.optimizer is None:
        return
    held = {id(param) for group in case.optimizer.param_groups for param in group.params}
    named = list(case.model.named_parameters())
    names = tuple(name for name, p in named if p.requires_grad and id(p) not in held)
    if not names:
        return
    none = not any(id(param) in held for _, param in named)
    yield Finding(
        "not_optimized",
        f"{_some(names)} {'is' if len(names) == 1 else 'are'} in no group of the optimizer",
        "the optimizer holds the parameters of another model"
        if none
        else "they are created, or put into a plain list, after the optimizer was made or apart "
        "from it",
        f"optim.{type(case.optimizer).__name__}(model.parameters()), made after the model",
        1.0 if none else 0.7,
        where=names,
    )


def frozen_at_random(case: Case) -> Iterator[Finding]:
    """Frozen weights that are still as they were drawn: they can only be frozen by mistake.

    Freezing is for layers that have learnt; their weights no longer look like the draws of an
    initialiser. Where nothing is left to train, that is said whatever the weights look like.
    """
    named = list(case.model.named_parameters())
    frozen = [(name, param) for name, param in named if not param.requires_grad]
    if not frozen:
        return
    if len(frozen) == len(named):
        yield _frozen(tuple(name for name, _ in frozen), "all parameters are frozen", 1.0)
        return
    fresh = tuple(name for name, param in frozen if _is_drawn(param))
    if fresh:
        share = sum(p.size for n, p in frozen if n in fresh) / sum(p.size for _, p in named)
        what = f"{_some(fresh)} ({share:.0%} of all) {'is' if len(fresh) == 1 else 'are'} frozen"
        yield _frozen(fresh, f"{what} as they were drawn", 0.5 + 0.4 * share)


def _frozen(names: tuple[str, ...], what: str, weight: float) -> Finding:
    return Finding(
        "frozen_at_random",
        what,
        "requires_grad is False, and the weights have never been trained",
        "model.requires_grad_(True) before the optimizer is made, or load trained weights first",
        weight,
        where=names,
    )


def _some(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} parameters ({names[0]}, ...)"


def _is_drawn(param: Tensor) -> bool:
    """Whether weights look like independent draws of one of the usual initialisers.

    Their deviation is that of one, their fourth moment that of a uniform or normal distribution,
    and no direction stands out: the largest singular value of draws is known.

    Source: Bai, Yin 1993 (the largest singular value); Martin, Mahoney 2021, arXiv:1810.01075.
    """
    if param.ndim < 2 or param.size < _SOME:
        return False
    values: Any = param.numpy().astype(np.float64).ravel()
    deviation = float(values.std())
    if not deviation or abs(values.mean()) > 5 * deviation / math.sqrt(len(values)):
        return False
    tails = float((((values - values.mean()) / deviation) ** 4).mean())
    allowed = 5 * math.sqrt(24 / len(values))  # five deviations of the fourth moment
    fan_in, fan_out = fans(param)
    usual = [(1 / (3 * fan_in)), 1 / fan_in, 2 / fan_in, 2 / (fan_in + fan_out), 2 / fan_out, 4e-4]
    near = 5 / math.sqrt(2 * len(values))
    if not any(abs(deviation / math.sqrt(one) - 1) < max(near, 0.02) for one in usual):
        return False
    if not (abs(tails - 1.8) < allowed or abs(tails - 3.0) < allowed):
        return False
    matrix = values.reshape(param.shape[0], -1)
    edge = deviation * (math.sqrt(matrix.shape[0]) + math.sqrt(matrix.shape[1]))
    return matrix.size > _LARGE or float(np.linalg.norm(matrix, 2)) < 1.15 * edge

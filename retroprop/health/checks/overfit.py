"""Whether a few examples can be learnt by heart: a network that cannot do that is broken."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

from retroprop import nn, optim, tree
from retroprop.core import rng
from retroprop.core.compile import compile
from retroprop.core.tensor import Tensor
from retroprop.errors import RetropropError, TraceError
from retroprop.health.checks.case import Case, kind_of_loss
from retroprop.health.checks.look import loss_function
from retroprop.health.finding import Finding

__all__ = ["overfit_one_batch"]

_EXAMPLES, _STEPS = 16, 200
_RATES = (3e-3, 3e-2, 3e-4)  # of Adam, which hardly depends on the scale of the gradient
_LEFT = 0.5  # of the loss, above the least that it can be
_DROPS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


def overfit_one_batch(case: Case) -> Iterator[Finding]:
    """A copy of the model is trained on 16 examples with Adam; its loss should fall by half.

    Dropout is off. The model itself, its gradients and the random state stay as they are.

    Source: Karpathy 2019, "A recipe for training neural networks".
    """
    before, least = case.look.loss, _least(case)
    if before is None or not math.isfinite(before) or case.look.error is not None:
        return
    state = rng.default_generator().get_state()
    best, began = math.inf, before
    try:
        for rate in _RATES:
            losses = _trained(case, rate)
            if losses:
                began, best = losses[0], min(best, *losses)
            if best - least <= _LEFT * (began - least) or began - least < 0.02 * abs(before):
                return
    except RetropropError as error:
        yield _finding(f"cannot be trained on one batch: {error.what}", str(error.fix or ""), {})
        return
    finally:
        rng.default_generator().set_state(state)
    numbers = {"first": began, "best": best, "steps": _STEPS}
    yield _finding(
        f"{_STEPS} steps of Adam on {_EXAMPLES} examples bring the loss from {began:.3g} to "
        f"{best:.3g} only",
        "the other findings, if there are any; else look at how targets and outputs are paired",
        numbers,
    )


def _finding(what: str, remedy: str, evidence: dict[str, Any]) -> Finding:
    return Finding(
        "overfit_one_batch",
        what,
        "a sound network learns a few examples by heart: something between input and loss is cut, "
        "flat or mixed up",
        remedy or "look at the layers in turn",
        0.85,
        evidence=evidence,
    )


def _least(case: Case) -> float:
    """The least loss there is: 0, but for smoothed labels their entropy."""
    smoothing = float(getattr(case.loss, "label_smoothing", 0.0) or 0.0)
    outputs = case.look.outputs
    if kind_of_loss(case.loss) != "cross_entropy" or not smoothing or not outputs:
        return 0.0
    other = smoothing / outputs[1]
    right = 1.0 - smoothing + other
    return -right * math.log(right) - (outputs[1] - 1) * other * math.log(other)


def _trained(case: Case, rate: float) -> list[float]:
    """The losses of a copy of the model over the steps, as far as they are needed."""
    model, optimizer = copy.deepcopy((case.model, case.optimizer))
    for module in model.modules():
        if isinstance(module, _DROPS):
            module.training = False
    held = model.parameters() if optimizer is None else _held(model, optimizer)
    adam = optim.Adam([param for param in held if param.requires_grad], lr=rate)
    loss_of = loss_function(case.loss)

    def step(x: Any, y: Any) -> Tensor:
        made = model(**x) if isinstance(x, dict) else model(*(x if isinstance(x, tuple) else (x,)))
        loss: Tensor = loss_of(made, y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        adam.zero_grad()
        return loss.detach()

    x, y = tree.tree_map(lambda t: t[:_EXAMPLES], (case.x, case.y))
    return _losses(step, x, y, _least(case))


def _held(model: nn.Module, optimizer: optim.Optimizer) -> list[Any]:
    """The parameters of the model that its optimizer holds."""
    known = {id(param) for group in optimizer.param_groups for param in group.params}
    return [param for param in model.parameters() if id(param) in known]


def _losses(step: Callable[..., Tensor], x: Any, y: Any, least: float) -> list[float]:
    run = compile(step, verbose=False)
    losses: list[float] = []
    for _ in range(_STEPS):
        try:
            loss = run(x, y).item()
        except TraceError:
            run = step
            loss = run(x, y).item()
        if not math.isfinite(loss):
            break
        losses.append(loss)
        if loss - least < 0.9 * _LEFT * (losses[0] - least):
            break
    return losses

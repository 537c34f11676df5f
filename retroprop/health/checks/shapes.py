"""Shapes that do not fit: a pass that stops, and a loss that broadcasts in silence."""

from __future__ import annotations

from collections.abc import Iterator

from retroprop.errors import RetropropError
from retroprop.health.checks.case import Case
from retroprop.health.finding import Finding

__all__ = ["failing_pass", "loss_broadcast"]


def failing_pass(case: Case) -> Iterator[Finding]:
    """One pass over a batch does not reach its end."""
    error = case.look.error
    if error is None:
        return
    what, fix = f"{type(error).__name__}: {error}", None
    if isinstance(error, RetropropError):
        what, fix = error.what, error.fix
    last = next((call.name for call in reversed(case.look.calls) if not call.made), "")
    yield Finding(
        "failing_pass",
        f"a pass over one batch stops: {what}",
        f"it happens in {last}" if last else "",
        fix or "mend the line that the message names",
        1.0,
        where=(last,) if last else (),
    )


def loss_broadcast(case: Case) -> Iterator[Finding]:
    """A prediction and a target of different shapes are stretched to a table of all pairs.

    A prediction (n, 1) less a target (n,) is (n, n): each prediction is compared with every target,
    and the model learns their mean. Our own losses refuse that; a function of one's own may not.
    """
    prediction = case.look.outputs
    if prediction is None or case.target is None:
        return
    shapes = {prediction, case.y.shape}
    for mix in case.look.mixes:
        size = max(_size(shape) for shape in shapes)
        if len(shapes) == 2 and set(mix.operands) == shapes and _size(mix.made) > size:
            yield Finding(
                "loss_broadcast",
                f"the loss stretches prediction {prediction} and target {case.y.shape} "
                f"to {mix.made}",
                "each prediction is compared with the targets of all examples: the best that can "
                "be learnt is their mean",
                f"target.reshape({prediction}), or F.mse_loss, which refuses such shapes",
                1.0,
                evidence={"prediction": list(prediction), "target": list(case.y.shape)},
            )
            return


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total

"""A loss that stays where it is although the gradient flows."""

from __future__ import annotations

from collections.abc import Iterator

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.clipping import always_clipping
from retroprop.health.rules.collapse import class_collapse
from retroprop.health.rules.dead import dead_relu
from retroprop.health.rules.exploding import exploding_gradient
from retroprop.health.rules.noise import noisy_gradient
from retroprop.health.rules.progress import progress
from retroprop.health.rules.rate import learning_rate_too_high, learning_rate_too_low
from retroprop.health.rules.saturated import saturated_units
from retroprop.health.rules.scales import growing_weights, mixed_scales
from retroprop.health.rules.time import exploding_in_time, vanishing_in_time
from retroprop.health.rules.vanishing import vanishing_gradient

__all__ = ["loss_stuck"]

_STEPS = 150  # that a network gets
_LEVEL = 0.95  # of the loss of chance, or of the first steps

_CAUSES = (
    vanishing_gradient, exploding_gradient, vanishing_in_time, exploding_in_time, saturated_units,
    dead_relu, always_clipping, learning_rate_too_high, learning_rate_too_low, class_collapse,
    mixed_scales, growing_weights, noisy_gradient,
)  # fmt: skip


def loss_stuck(history: History) -> Iterator[Finding]:
    """The loss does not fall, and no other rule says why.

    Source: Karpathy 2019, "A recipe for training neural networks" (look for the loss of chance).
    """
    course = progress(history)
    if course is None or course.steps < _STEPS or not (course.is_stuck and course.is_flat):
        return
    if course.level < _LEVEL or any(True for rule in _CAUSES for _ in rule(history)):
        return
    at = "" if course.chance is None else f"; without inputs it would be {course.chance:.3g}"
    yield Finding(
        "loss_stuck",
        f"the loss is {course.now:.3g} after {course.steps} steps, it was {course.start:.3g} at "
        f"first{at}",
        "the gradient flows and the weights move, so the inputs do not say what the targets are: "
        "shuffled apart, not scaled, or lost on the way (detached, masked, averaged out)",
        "look at a few inputs with their targets; overfit one batch; scale the inputs; "
        f"then lr={3 * history.rates[-1]:.1g} or lr={history.rates[-1] / 3:.1g}"
        if history.rates
        else "look at a few inputs with their targets; overfit one batch; scale the inputs",
        0.8,
        history.events[-1] if history.events else course.steps,
        ("loss",),
        ({"lr": 3 * history.rates[-1]}, {"lr": history.rates[-1] / 3}) if history.rates else (),
        {"loss": course.now, "start": course.start, "chance": course.chance},
    )

"""Rules: each a function from the history of a training to findings, one file each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.clipping import always_clipping
from retroprop.health.rules.collapse import class_collapse
from retroprop.health.rules.dead import dead_relu
from retroprop.health.rules.embedding import embedding_rows_unused
from retroprop.health.rules.exploding import exploding_gradient
from retroprop.health.rules.fitting import overfitting, underfitting
from retroprop.health.rules.noise import noisy_gradient
from retroprop.health.rules.rate import learning_rate_too_high, learning_rate_too_low
from retroprop.health.rules.saturated import saturated_units
from retroprop.health.rules.scales import growing_weights, mixed_scales
from retroprop.health.rules.stuck import loss_stuck
from retroprop.health.rules.time import exploding_in_time, vanishing_in_time
from retroprop.health.rules.vanishing import vanishing_gradient

__all__ = ["RULES", "Rule", "check", "check_again"]

Rule = Callable[[History], Iterable[Finding]]

RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        vanishing_gradient,
        exploding_gradient,
        vanishing_in_time,
        exploding_in_time,
        saturated_units,
        dead_relu,
        learning_rate_too_high,
        learning_rate_too_low,
        class_collapse,
        mixed_scales,
        growing_weights,
        always_clipping,
        noisy_gradient,
        overfitting,
        underfitting,
        embedding_rows_unused,
        loss_stuck,
    )
}

_SPEAKS_FOR = {"loss_stuck": ("underfitting", "class_collapse")}  # the same thing, seen nearer


def check(history: History) -> list[Finding]:
    """What all rules find, what weighs most first."""
    found = [finding for rule in RULES.values() for finding in rule(history)]
    said = {finding.rule for finding in found}
    hidden = {rule for speaker, rules in _SPEAKS_FOR.items() if speaker in said for rule in rules}
    found = [finding for finding in found if finding.rule not in hidden]
    return sorted(found, key=lambda finding: -finding.weight)


def check_again(history: History, findings: list[Finding]) -> list[Finding]:
    """What the rules find for the first time; it is added to the findings there are."""
    known = {(one.rule, one.where[:1]) for one in findings}
    found = [one for one in check(history) if (one.rule, one.where[:1]) not in known]
    findings += found
    return found

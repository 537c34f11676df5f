"""Rules: each a function from the history of a training to findings, one file each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.exploding import exploding_gradient
from retroprop.health.rules.vanishing import vanishing_gradient

__all__ = ["RULES", "Rule", "check"]

Rule = Callable[[History], Iterable[Finding]]

RULES: dict[str, Rule] = {rule.__name__: rule for rule in (vanishing_gradient, exploding_gradient)}


def check(history: History) -> list[Finding]:
    """What all rules find, what weighs most first."""
    found = [finding for rule in RULES.values() for finding in rule(history)]
    return sorted(found, key=lambda finding: -finding.weight)

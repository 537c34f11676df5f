"""A pre-flight: everything that is wrong with a training before its first step, by weight."""

from __future__ import annotations

from typing import Any, NamedTuple

from retroprop.health.checks import Case, Cost, estimate, run_checks
from retroprop.health.checks.cost import too_much_memory
from retroprop.health.finding import Finding

__all__ = ["DEFECT", "Diagnosis", "Layer", "examine", "ranked"]

DEFECT = 0.5  # the weight from which a finding is a defect; below it is a hint


class Layer(NamedTuple):
    """A layer as a pass went through it: shapes in and out, and its own parameters."""

    name: str
    kind: str
    given: tuple[int, ...]
    made: tuple[int, ...]
    parameters: int


class Diagnosis(NamedTuple):
    """What is wrong, and what was looked at.

    Attributes:
        findings: by weight, the largest first.
        layers:   in the order of the pass.
        cost:     of a step and an epoch, or None where no step could be taken.
    """

    findings: tuple[Finding, ...]
    layers: tuple[Layer, ...]
    cost: Cost | None

    @property
    def defects(self) -> tuple[Finding, ...]:
        """The findings that keep a network from learning."""
        return tuple(one for one in self.findings if one.weight >= DEFECT)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) if self.findings else "no defect found"

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "findings": [finding.as_dict() for finding in self.findings],
            "defects": len(self.defects),
            "layers": [
                {**layer._asdict(), "given": list(layer.given), "made": list(layer.made)}
                for layer in self.layers
            ],
            "cost": None if self.cost is None else self.cost._asdict(),
        }


def examine(case: Case) -> Diagnosis:
    """Run all checks on a case, and estimate what a training costs.

    Example:
        >>> import numpy as np
        >>> from retroprop import nn, optim
        >>> from retroprop.health.checks import make_case
        >>> model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> x = np.random.default_rng(0).standard_normal((64, 2))
        >>> y = (x[:, 0] > x[:, 1]).astype(int)
        >>> adam = optim.Adam(model.parameters(), lr=1e-2)
        >>> print(examine(make_case(model, "cross_entropy", x, y, optimizer=adam)))
        no defect found
    """
    cost = estimate(case)
    found = run_checks(case, leave_out=["too_much_memory"])
    if cost is not None:
        found += too_much_memory(case, cost)
    return Diagnosis(ranked(found), _layers(case), cost)


def ranked(findings: Any) -> tuple[Finding, ...]:
    """Findings by weight; of a rule said twice about one place, the weightier."""
    kept: dict[tuple[str, str], Finding] = {}
    for finding in sorted(findings, key=lambda one: -one.weight):
        kept.setdefault((finding.rule, finding.where[0] if finding.where else ""), finding)
    return tuple(kept.values())


def _layers(case: Case) -> tuple[Layer, ...]:
    seen: set[int] = set()
    layers = []
    for call in case.look.calls:
        own = [param for _, param in call.module.named_parameters(recurse=False)]
        if not own and next(call.module.children(), None) is not None:
            continue
        new = [param for param in own if id(param) not in seen]
        seen.update(map(id, new))
        count = sum(param.size for param in new)
        layers.append(Layer(call.name, type(call.module).__name__, call.given, call.made, count))
    return tuple(layers)

"""What is wrong with a training, since when, why, and what to do about it."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Finding"]


class Finding(NamedTuple):
    """One thing that is wrong, in words a person can act on.

    Attributes:
        rule:     the name of the rule that found it; its page is docs/health/<rule>.md.
        what:     one sentence with the numbers: "the gradient shrinks 0.21x per layer ...".
        why:      the cause, as far as it shows.
        remedy:   what to change, with the exact arguments.
        weight:   from 0 (a hint) to 1 (nothing will be learnt); findings are shown by it.
        step:     the step at which it was seen first; 0 before training.
        where:    names of the layers or parameters it is about; the first says where it shows most.
        fixes:    changes that `retroprop doctor --fix` may try, best first: options by name.
        evidence: the numbers behind it, by name.

    Example:
        >>> finding = Finding("dead_relu", "half of the units of 3 are 0", "", "a smaller lr", 0.5)
        >>> print(finding)
        dead_relu: half of the units of 3 are 0
          remedy: a smaller lr
    """

    rule: str
    what: str
    why: str
    remedy: str
    weight: float
    step: int = 0
    where: tuple[str, ...] = ()
    fixes: tuple[dict[str, Any], ...] = ()
    evidence: dict[str, Any] = {}  # noqa: RUF012  never written to

    def __str__(self) -> str:
        since = f" (since step {self.step})" if self.step else ""
        lines = [f"{self.rule}: {self.what}{since}"]
        if self.why:
            lines.append(f"  why: {self.why}")
        lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {**self._asdict(), "where": list(self.where), "fixes": list(self.fixes)}

"""What the findings on the zoo are worth: precision and recall of each rule, and of the fixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from retroprop.health import Finding
from retroprop.health.doctor import DEFECT
from tests.health.zoo import flaws
from tests.health.zoo.spec import Case, Spec, with_fix
from tests.health.zoo.training import Result

__all__ = ["Judged", "alarms", "judged", "markdown"]

RESTORED = 0.9  # of the score of the healthy twin

_COLUMNS = (
    "| rule | planted | found by it | or by another that is right | recall | fired on defects "
    "| rightly | precision | alarms on healthy and twins |"
)

Train = Callable[[Spec], Result]


class Judged(NamedTuple):
    """A defect, and what came of it.

    Attributes:
        case, sick, twin: the case, its training with the defect and that without.
        fixed: the best score with the first or second fix of one of the two weightiest findings
               that are right; None where none offers one, and where the defect does no harm.
        tried: the best score with the two best remedies of all findings, right or wrong: what
               `retroprop doctor --fix` would try.
    """

    case: Case
    sick: Result
    twin: Result
    fixed: float | None = None
    tried: float | None = None

    @property
    def right(self) -> list[Finding]:
        """The findings that are right, what weighs most first."""
        found = [finding for finding in self.sick.findings if finding.rule in self.case.rules]
        return sorted(found, key=lambda finding: -finding.weight)

    @property
    def is_found(self) -> bool:
        """Whether the rule that the defect is planted for has found it."""
        return any(finding.rule == self.case.rules[0] for finding in self.right)

    @property
    def is_harmful(self) -> bool:
        """Whether the defect costs a tenth of the score or more."""
        return self.sick.score < RESTORED * self.twin.score

    @property
    def can_be_fixed(self) -> bool:
        """Whether an option could help: what the data do not say no network learns."""
        return self.is_harmful and self.fixed is not None and self.case.sick.flaw not in flaws.DATA

    def is_restored(self, score: float | None) -> bool:
        """Whether a score is 90 % of that of the twin."""
        return score is not None and score >= RESTORED * self.twin.score


def judged(case: Case, train: Train, *, fixes: bool = True) -> Judged:
    """Train a defect and its twin, and try the fixes of what is found where it does harm."""
    one = Judged(case, train(case.sick), train(case.twin))
    if not fixes or not one.is_harmful:
        return one
    best = [fix for finding in one.right[:2] for fix in finding.fixes[:2]]
    weightiest = sorted(one.sick.findings, key=lambda finding: -finding.weight)
    every = [fix for finding in weightiest for fix in finding.fixes]
    return one._replace(
        fixed=_best(case.sick, best, train), tried=_best(case.sick, every, train, most=2)
    )


def _best(sick: Spec, fixes: list[dict[str, Any]], train: Train, most: int = 4) -> float | None:
    """The best score with one of the first fixes that are options of a spec."""
    specs = [made for fix in fixes if (made := with_fix(sick, fix)) not in {None, sick}]
    scores = [train(made).score for made in list(dict.fromkeys(specs))[:most] if made is not None]
    return max(scores, default=None)


def alarms(result: Result) -> list[Finding]:
    """The findings that weigh enough to be alarms."""
    return [finding for finding in result.findings if finding.weight >= DEFECT]


# -- as Markdown -----------------------------------------------------------------------------------


def markdown(cases: list[Judged], healthy: list[tuple[Spec, Result]]) -> str:
    """All tables."""
    twins = list({one.case.twin: one.twin for one in cases}.items())
    parts = [
        "## Rules",
        _rules(cases, [result for _, result in [*healthy, *twins]]),
        "## All together",
        _summary(cases, healthy, twins),
        "## Not found",
        _lines(
            f"- {one.case.rules[0]}: {one.case.name} (score {one.sick.score:.2f}, twin "
            f"{one.twin.score:.2f}); seen: {_rules_of(one.sick.findings)}"
            for one in cases
            if not one.right
        ),
        "## False alarms on healthy networks and twins",
        _lines(
            f"- {finding.rule} ({finding.weight:.1f}): {spec}; {finding.what}"
            for spec, result in [*healthy, *twins]
            for finding in alarms(result)
        ),
        "## Hints on them",
        _lines(
            f"- {rule}: {count}"
            for rule, count in Counter(
                finding.rule
                for _, result in [*healthy, *twins]
                for finding in result.findings
                if finding.weight < DEFECT
            ).most_common()
        ),
        "## Fired on a defect of another kind",
        _lines(
            f"- {finding.rule} ({finding.weight:.1f}): {one.case.name}; {finding.what}"
            for one in cases
            for finding in one.sick.findings
            if finding.rule not in one.case.rules
        ),
        "## Not restored",
        _lines(
            f"- {one.case.name}: {one.sick.score:.2f}, fixed {_number(one.fixed)}, by doctor "
            f"{_number(one.tried)}, twin {one.twin.score:.2f}; fixes "
            f"{[(finding.rule, finding.fixes[:2]) for finding in one.right[:2]]}"
            for one in cases
            if one.can_be_fixed and not (one.is_restored(one.fixed) and one.is_restored(one.tried))
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _rules(cases: list[Judged], sound: list[Result]) -> str:
    rows = [_COLUMNS, "|---|---|---|---|---|---|---|---|---|"]
    fired = {finding.rule for one in cases for finding in one.sick.findings}
    fired |= {finding.rule for result in sound for finding in result.findings}
    for rule in sorted(fired | {one.case.rules[0] for one in cases}):
        planted = [one for one in cases if one.case.rules[0] == rule]
        own = sum(one.is_found for one in planted)
        any_right = sum(bool(one.right) for one in planted)
        seen = [one for one in cases if rule in {f.rule for f in one.sick.findings}]
        rightly = sum(rule in one.case.rules for one in seen)
        false = sum(rule in {f.rule for f in alarms(result)} for result in sound)
        rows.append(
            f"| {rule} | {len(planted)} | {own} | {any_right} | {_share(any_right, len(planted))} "
            f"| {len(seen)} | {rightly} | {_share(rightly, len(seen) + false)} | {false} |"
        )
    return "\n".join(rows)


def _summary(
    cases: list[Judged], healthy: list[tuple[Spec, Result]], twins: list[tuple[Spec, Result]]
) -> str:
    found = sum(one.is_found for one in cases)
    right = sum(bool(one.right) for one in cases)
    harmful = [one for one in cases if one.is_harmful]
    offered = [one for one in harmful if one.can_be_fixed]
    fixed, tried = (
        sum(one.is_restored(score) for one, score in zip(offered, scores, strict=True))
        for scores in ([one.fixed for one in offered], [one.tried for one in offered])
    )
    first = sum(
        bool(one.sick.findings)
        and max(one.sick.findings, key=lambda f: f.weight).rule in one.case.rules
        for one in cases
    )
    won = f"{fixed} ({_share(fixed, len(offered))})"
    lines = [
        f"- defects: {len(cases)}",
        f"- found by the rule they are planted for: {found} ({_share(found, len(cases))})",
        f"- found by it or by another that is right: {right} ({_share(right, len(cases))})",
        f"- what weighs most is right: {first} ({_share(first, len(cases))})",
        _sound("healthy", healthy),
        _sound("twins", twins),
        f"- defects that cost a tenth of the score or more: {len(harmful)}",
        f"- with a fix that is an option, and data to learn from: {len(offered)}",
        f"- restored to 90 % of the twin by a first or second fix of a right finding: {won}",
        f"- by the two best remedies of all findings: {tried} ({_share(tried, len(offered))})",
        "- the others are changes of the program or the data, which no option makes: "
        + ", ".join(sorted({one.case.rules[0] for one in harmful if not one.can_be_fixed})),
    ]
    return "\n".join(lines)


def _sound(name: str, results: list[tuple[Spec, Result]]) -> str:
    wrong = sum(bool(alarms(result)) for _, result in results)
    hinted = sum(bool(result.findings) for _, result in results) - wrong
    return f"- {name}: {len(results)}; with a false alarm: {wrong}; with a hint only: {hinted}"


def _rules_of(findings: Iterable[Finding]) -> str:
    return ", ".join(dict.fromkeys(finding.rule for finding in findings)) or "nothing"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines) or "none"

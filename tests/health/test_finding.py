"""How a finding reads."""

from __future__ import annotations

import json

from retroprop.health import Finding


def test_it_says_what_since_when_why_and_what_to_do() -> None:
    finding = Finding("dead_relu", "half is 0", "lr is high", "lr=1e-3", 0.5, 20, ("0",))
    assert str(finding).splitlines() == [
        "dead_relu: half is 0 (since step 20)",
        "  why: lr is high",
        "  remedy: lr=1e-3",
    ]


def test_it_is_json() -> None:
    finding = Finding("x", "w", "", "r", 0.5, fixes=({"lr": 0.1},), evidence={"share": 0.25})
    read = json.loads(json.dumps(finding.as_dict()))
    assert read["fixes"] == [{"lr": 0.1}]
    assert read["evidence"] == {"share": 0.25}

"""What is kept beside the code of a program."""

from __future__ import annotations

import subprocess
import sys

from retroprop.backends.llvm.facts import Facts


def test_facts_survive_json():
    facts = Facts(4096, 1, True, {3: (2, 3, 1, 0)}, [0, 7], [(0, b"\x00\x01"), (64, b"x")], 9)
    assert Facts.unpacked(facts.packed()) == facts


def test_a_program_from_the_cache_loads_nothing_that_makes_plans(tmp_path):
    lines = [
        "import sys, retroprop as rp",
        "step = rp.compile(lambda x: rp.exp(x) + 1)",
        "step(rp.zeros(3))",
        "print('retroprop.backends.llvm.lower' in sys.modules)",
    ]
    told = [
        subprocess.run(
            [sys.executable, "-c", "\n".join(lines)],
            env={"RETROPROP_CACHE": str(tmp_path), "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert told == ["True\n", "False\n"]

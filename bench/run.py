"""Training steps against PyTorch, JAX and scikit-learn, on the machine it runs on.

    python bench/run.py                                       everything: about 20 minutes
    python bench/run.py --quick mnist-mlp                     one workload, no torch.compile
    python bench/run.py mnist-mlp --peers retroprop,torch,jax-scan

Every pair of peer and workload runs in a process of its own. The peers take turns, several rounds,
so that a machine that gets slower or faster does so for all of them. A peer's number is the median
over the rounds. Its ratio is the time of the fastest peer that is not retroprop over its own, taken
round by round: above 1 is faster than every peer.

Caches of compiled code are empty in the first round and kept for the others. Prints Markdown on
standard output, progress on standard error, and appends every run to a file of JSON lines.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import machine
import report
from peers import PEERS
from report import Row
from workloads import WORKLOADS

HERE = Path(__file__).parent


def run_one(peer: str, workload: str, options: argparse.Namespace, cache: Path) -> Row:
    """One measurement in a fresh process; what went wrong under "error"."""
    command = [sys.executable, str(HERE / "measure.py"), peer, workload, str(options.seconds)]
    own = cache / f"{peer}-{workload}"
    folders = {"RETROPROP_CACHE": own, "TORCHINDUCTOR_CACHE_DIR": own}
    environment = {**os.environ, **{name: str(folder) for name, folder in folders.items()}}
    row: Row = {"peer": peer, "workload": workload}
    try:
        done = subprocess.run(  # noqa: S603  our own script
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=options.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {**row, "error": f"no result after {options.timeout:.0f} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {**row, "error": lines[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workloads", nargs="*", help=", ".join(WORKLOADS))
    parser.add_argument("--peers", help=f"separated by commas: {', '.join(PEERS)}")
    parser.add_argument("--quick", action="store_true", help="leave torch.compile out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring, each time")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for one process")
    parser.add_argument("--out", type=Path, default=Path("runs/bench.jsonl"), help="JSON lines")
    parser.add_argument("--record", action="store_true", help="append a line to results.md")
    options = parser.parse_args()
    options.workloads = options.workloads or list(WORKLOADS)
    default = [
        name for name, peer in PEERS.items() if not (peer.extra or (options.quick and peer.slow))
    ]
    options.peers = options.peers.split(",") if options.peers else default
    for given, known in ((options.workloads, WORKLOADS), (options.peers, PEERS)):
        for name in set(given) - set(known):
            parser.error(f"there is no {name}; known: {', '.join(known)}")
    return options


def measure_all(options: argparse.Namespace) -> dict[str, list[Row]]:
    """All rounds of all peers on all workloads, printed as they are done."""
    options.out.parent.mkdir(parents=True, exist_ok=True)
    known = {"machine": machine.describe(), "commit": machine.commit()}
    done: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as cache, options.out.open("a", encoding="utf-8") as log:
        for workload in options.workloads:
            peers = [name for name in options.peers if workload in PEERS[name].only]
            rounds: dict[str, list[Row]] = {peer: [] for peer in peers}
            for number in range(1, options.rounds + 1):
                for peer in peers:
                    when = f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S}"
                    row = run_one(peer, workload, options, Path(cache))
                    rounds[peer].append({**row, "round": number})
                    log.write(json.dumps({**row, "round": number, "when": when, **known}) + "\n")
                    log.flush()
                    told = row.get("error") or f"{report.milliseconds(row['ms'])} ms"
                    print(f"{workload} {number}/{options.rounds} {peer}: {told}", file=sys.stderr)
            done[workload] = [report.summary(rows) for rows in rounds.values()]
            report.add_ratios(done[workload])
            print(report.table(workload, done[workload]), flush=True)
    return done


def main() -> int:
    """Measure and print; 1 when a peer failed or losses differ."""
    options = arguments()
    print(f"{machine.describe()}; commit {machine.commit()}\n")
    print(f"Rounds: {options.rounds}, of {options.seconds:g} s; ~ other processes were busy too.\n")
    rows = measure_all(options)
    findings = [text for name in rows for text in report.loss_findings(name, rows[name])]
    print("\n".join(findings) or f"Losses after three steps agree within {report.AGREE:g}.")
    line = report.record(rows)
    print(f"\n{line}")
    if options.record:
        with (HERE / "results.md").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    failed = any("error" in row for several in rows.values() for row in several)
    return 1 if failed or findings else 0


if __name__ == "__main__":
    sys.exit(main())

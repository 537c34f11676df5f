"""What `run.py` prints: rounds to rows, rows to a Markdown table, findings, and a line to keep."""

from __future__ import annotations

import datetime
import statistics
from typing import Any

import machine
from peers import PEERS
from workloads import WORKLOADS

AGREE = 3e-4  # how far losses after three steps may be apart, as a share of the loss; PyTorch's
# own, in float32, is 2.4e-4 off its float64 on resnet18
QUIET = 0.1  # the load of other processes, in cores, above which a row is marked

Row = dict[str, Any]


def summary(rows: list[Row]) -> Row:
    """The rounds of one peer on one workload, as one row."""
    good = [row for row in rows if "error" not in row]
    if not good:
        return rows[-1]
    times = [row["ms"] for row in good]
    warm = [row["first_call_seconds"] for row in good if row["round"] > 1]
    cold = [row["first_call_seconds"] for row in good if row["round"] == 1]
    return {
        **good[-1],
        "ms": statistics.median(times),
        "ms_min": min(times),
        "ms_max": max(times),
        "gflops": statistics.median(row["gflops"] for row in good),
        "cold": cold[0] if cold else None,
        "warm": statistics.median(warm) if warm else None,
        "peak_mb": max(row["peak_mb"] for row in good),
        "noisy": any(row["other_load"] > QUIET for row in good),
        "by_round": {row["round"]: row["ms"] for row in good},
        "failed": len(rows) - len(good),
    }


def is_ours(peer: str) -> bool:
    """Whether a row is one of retroprop's own."""
    return peer.startswith("retroprop")


def add_ratios(rows: list[Row]) -> None:
    """Put "ratio" into the rows of a workload: the fastest peer's time over the row's."""
    good = [row for row in rows if "error" not in row]
    others = [row for row in good if not is_ours(row["peer"])]
    if not others:
        return
    fastest = min(others, key=lambda row: row["ms"])["by_round"]
    for row in good:
        ratios = [fastest[i] / ms for i, ms in row["by_round"].items() if i in fastest]
        row["ratio"] = statistics.median(ratios) if ratios else None


def loss_findings(workload: str, rows: list[Row]) -> list[str]:
    """Every row whose loss after three steps differs from the others'."""
    known = {row["peer"]: row["loss"] for row in rows if row.get("loss") is not None}
    if len(known) < 2:
        return []
    middle = statistics.median_low(known.values())
    return [
        f"{workload}: the loss of {peer} after three steps is {loss:.6f}, not {middle:.6f}"
        for peer, loss in known.items()
        if not abs(loss - middle) <= AGREE * abs(middle)
    ]


def milliseconds(value: float) -> str:
    """A time with three or four digits that count: 0.0018, 2.02, 217.3."""
    return f"{value:.4f}" if value < 0.1 else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def seconds(value: float | None) -> str:
    """Seconds of a first call, "-" when there was none."""
    return "-" if value is None else f"{value:.2f}"


def cells(row: Row) -> list[str]:
    """The cells of a row of the table."""
    title = PEERS[row["peer"]].title
    if "error" in row:
        return [title, f"failed: {row['error']}".replace("|", "/"), *[""] * 7]
    ratio = row.get("ratio")
    return [
        title,
        milliseconds(row["ms"]) + (" ~" if row["noisy"] else ""),
        f"{milliseconds(row['ms_min'])} to {milliseconds(row['ms_max'])}",
        f"{ratio:.2f}" if ratio else "-",
        f"{row['gflops']:.3g}",
        seconds(row["cold"]),
        seconds(row["warm"]),
        f"{row['peak_mb']:.0f}",
        f"{row['loss']:.5f}" if row["loss"] is not None else "own weights",
    ]


HEADER = (
    "| peer | ms/step | rounds | ratio | GFLOP/s | first call s | cached | peak MB | loss@3 |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def table(workload: str, rows: list[Row]) -> str:
    """A workload as Markdown."""
    spec = WORKLOADS[workload]
    lines = [f"## {workload}: {spec}\n", HEADER]
    lines += [f"| {' | '.join(cells(row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def record(rows: dict[str, list[Row]]) -> str:
    """The line of `results.md`: for each workload the better of our rows, and its ratio."""
    parts = [f"{datetime.date.today():%Y-%m-%d}", machine.commit()]
    parts.append(f"{machine.processor()} ({machine.vector_units()}), {machine.cores()} cores")
    for workload in WORKLOADS:
        ours = [
            row for row in rows.get(workload, []) if is_ours(row["peer"]) and "error" not in row
        ]
        if not ours:
            parts.append("-")
            continue
        best = min(ours, key=lambda row: row["ms"])
        ratio = f" ({best['ratio']:.2f})" if best.get("ratio") else ""
        parts.append(milliseconds(best["ms"]) + ratio + (" ~" if best["noisy"] else ""))
    return f"| {' | '.join(parts)} |"

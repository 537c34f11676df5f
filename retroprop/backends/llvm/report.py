"""What a native program consists of, as text: kernels with times, memory, what ran where."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retroprop.backends.llvm.kernel import Buffer, Kernel
from retroprop.backends.llvm.loop import Loop
from retroprop.backends.llvm.produce import Call

if TYPE_CHECKING:
    from retroprop.backends.llvm.program import Program

__all__ = ["report"]

_SECONDS = 0.2  # of measuring


def report(program: Program) -> str:
    """The kernels of a program in order with shapes, work, time and share, and its memory plan.

    Times are measured now, on the arrays that are bound, and leave no trace in them; kernels are
    timed on the first thread, so with two threads each line shows about half of the work.
    """
    seconds, ticks_of = _measured(program)
    total = sum(ticks_of) or 1.0
    lines = [_head(program), "", *_kernel_lines(program, ticks_of, total)]
    lines += ["", *_call_lines(program, seconds), *_memory_lines(program)]
    return "\n".join(lines)


def _measured(program: Program) -> tuple[float, list[float]]:
    """Seconds of all measured steps, and the ticks of each kernel; zeros when never run."""
    if any(array is None for array in program.bound[: len(program.graph.inputs)]):
        return 0.0, [0.0] * program.facts.kernels
    began = time.perf_counter()
    program.profile(1)
    once = time.perf_counter() - began
    program.seconds.clear()
    began = time.perf_counter()
    ticks = program.profile(max(1, min(1000, int(_SECONDS / max(once, 1e-6)))))
    return time.perf_counter() - began, [float(tick) for tick in ticks]


def _head(program: Program) -> str:
    target = program.target
    works = [work for work, _ in program.plan.schedule.order]
    flops = sum(work.flops for work in works if isinstance(work, Kernel))
    return (
        f"{len(program.plan.graph.nodes)} ops in {len(program.plan.kernels)} kernels "
        f"({_count(flops)} operations a step), {program.threads} thread"
        f"{'s' if program.threads > 1 else ''}, {target.name} ({target.bits}-bit vectors), "
        f"compiled in {program.compile_seconds:.2f} s"
    )


def _kernel_lines(program: Program, ticks: Sequence[float], total: float) -> list[str]:
    head = f"{'kernel':44} {'shape':>18} {'operations':>10} {'bytes':>8} {'ticks':>9} {'share':>6}"
    lines, known = [head], dict(zip(program.plan.kernels, ticks, strict=True))

    def add(work: Kernel | Call, times: int, margin: str) -> None:
        if isinstance(work, Loop):
            lines.append(f"{margin}{work.what}:")
            for group in work.groups:
                for kernel in group.kernels:
                    add(kernel, times * work.length, f"{margin}  ")
        elif isinstance(work, Kernel):
            shape = "x".join(map(str, work.results[0].shape)) or "1"
            lines.append(
                f"{margin + work.what:44.44} {shape:>18} {_count(times * work.flops):>10} "
                f"{_count(times * work.bytes):>8} {known[work]:>9.0f} "
                f"{100 * known[work] / total:>5.1f}%"
            )

    for work, _ in program.plan.schedule.order:
        add(work, 1, "")
    return lines


def _call_lines(program: Program, seconds: float) -> list[str]:
    calls = [segment for segment in program.plan.schedule.segments if isinstance(segment, Call)]
    if not calls:
        return ["everything ran natively"]
    names: dict[str, int] = {}
    for call in calls:
        names[call.what] = names.get(call.what, 0) + 1
    listed = ", ".join(
        f"{name} ({count}, {100 * program.seconds.get(name, 0.0) / seconds:.0f}% of the time)"
        if seconds
        else f"{name} ({count})"
        for name, count in names.items()
    )
    return [f"through NumPy, between native parts: {listed}"]


def _memory_lines(program: Program) -> list[str]:
    buffers: dict[Buffer, None] = {}
    for work, _ in program.plan.schedule.order:
        for view in (*work.results, *work.operands):
            buffers[view.buffer] = None
    arena = [buffer for buffer in buffers if buffer.kind == "arena"]
    asked = sum(buffer.size for buffer in arena)
    lines = [
        f"memory: {_count(program.facts.peak)}B, {len(arena)} buffers of {_count(asked)}B; largest:"
    ]
    for buffer in sorted(arena, key=lambda one: -one.size)[:5]:
        end = buffer.offset + buffer.size
        lines.append(f"  {buffer.offset:>10}..{end:<10} {_count(buffer.size)}B  {buffer.what}")
    return lines


def _count(number: float) -> str:
    """A number in three digits and a letter.

    Example:
        >>> _count(1234567), _count(12)
        ('1.23M', '12')
    """
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= scale:
            return f"{number / scale:.3g}{letter}"
    return f"{number:.0f}"

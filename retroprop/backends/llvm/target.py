"""The machine that code is made for: the only file that names an instruction set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from retroprop import settings
from retroprop.backends.llvm.emit import Function, Module
from retroprop.errors import ArgumentError, unknown

__all__ = ["Target", "define_enter", "define_leave", "host", "named", "why_not"]

# The features that code for a family may use; a machine runs it when it has them all.
_AVX2 = "+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe"
_AVX512 = f"{_AVX2},+avx512bw,+avx512cd,+avx512dq,+avx512f,+avx512vl,-prefer-256-bit"
# Architecture, vector bits, vector registers, and processor model and features in LLVM's words.
_FAMILIES = {
    "sse": ("x86_64", 128, 16, "x86-64", ""),
    "avx2": ("x86_64", 256, 16, "x86-64-v3", _AVX2),
    "avx512": ("x86_64", 512, 32, "x86-64-v4", _AVX512),
    "neon": ("aarch64", 128, 32, "generic", "+neon"),
}


@dataclass(frozen=True)
class Target:
    """A processor, as far as the generated code depends on it.

    Attributes:
        name:      the family: "sse", "avx2", "avx512", "neon", or "other".
        triple:    processor, vendor and system in LLVM's words.
        cpu:       the processor model in LLVM's words.
        features:  what it has ("+avx2") and lacks ("-avx512f").
        bits:      width of a vector.
        registers: how many vectors the processor holds.

    Example:
        >>> named("avx2").lanes(4)
        8
    """

    name: str
    triple: str
    cpu: str
    features: str
    bits: int
    registers: int

    def lanes(self, itemsize: int) -> int:
        """How many elements of so many bytes a vector has."""
        return self.bits // 8 // itemsize

    @property
    def pause(self) -> tuple[str, str]:
        """The instruction that belongs into a loop that waits: its declaration, and its call."""
        name, argument = {
            "x86_64": ("llvm.x86.sse2.pause", ""),
            "aarch64": ("llvm.aarch64.isb", "i32 15"),  # `yield` does not wait at all on most
        }.get(_architecture(self.triple), ("llvm.sideeffect", ""))
        declared = argument.split(" ", maxsplit=1)[0]
        return f"declare void @{name}({declared})", f"call void @{name}({argument})"


def host() -> Target:
    """The machine this runs on, or what RETROPROP_TARGET asks for in its place.

    Raises:
        ArgumentError: the setting names an unknown target, or one this machine cannot run.
    """
    return _chosen(settings.target)


@cache
def _chosen(name: str) -> Target:
    if not name:
        return _machine()
    target = named(name)
    reason = why_not(target)
    if reason:
        raise ArgumentError(f"RETROPROP_TARGET={name}: {reason}", fix=_way_out())
    return target


def named(name: str) -> Target:
    """A family of processors by name, whether or not this machine is one.

    Args:
        name: "sse", "avx2" or "avx512" (x86-64), or "neon" (AArch64).

    Raises:
        ArgumentError: no such target.
    """
    if name not in _FAMILIES:
        raise unknown("target", name, _FAMILIES)
    architecture, bits, registers, cpu, features = _FAMILIES[name]
    here = _machine().triple
    triple = here if _architecture(here) == architecture else f"{architecture}-unknown-linux-gnu"
    return Target(name, triple, cpu, features, bits, registers)


def why_not(target: Target) -> str | None:
    """Why this machine cannot run code made for a target; None when it can."""
    here = _machine()
    if _architecture(target.triple) != _architecture(here.triple):
        return f"{target.name} code does not run on {_architecture(here.triple)} processors"
    missing = _features(target.features) - _features(here.features)
    if missing:
        lacks = ", ".join(sorted(missing))
        return f"{target.name} code does not run on this processor ({here.cpu}): it lacks {lacks}"
    return None


# How floating-point arithmetic works within a step: rounded to nearest, no traps, denormal numbers
# taken and given as zero. They mean nothing to training and made steps up to 1.7 times slower.
_MXCSR = 0x9FC0  # x86: exceptions masked (1F80), flush to zero (8000), denormals are zero (0040)
_FPCR = 1 << 24  # AArch64: flush to zero


def define_enter(module: Module, target: Target) -> None:
    """Add `i32 @enter()`: sets how arithmetic works, the same on every thread; gives what was."""
    f = Function(module, "enter", [], result="i32")
    before = f.constant("i32", 0)
    if _architecture(target.triple) == "x86_64":
        place = f.allocate("i32")
        f.intrinsic("llvm.x86.sse.stmxcsr", "void", [place])
        before = f.load("i32", place)
        f.store(f.constant("i32", _MXCSR), place)
        f.intrinsic("llvm.x86.sse.ldmxcsr", "void", [place])
    elif _architecture(target.triple) == "aarch64":
        before = f.convert("trunc", f.intrinsic("llvm.aarch64.get.fpcr", "i64", []), "i32")
        f.intrinsic("llvm.aarch64.set.fpcr", "void", [f.constant("i64", _FPCR)])
    f.leave(before)
    module.add(f)


def define_leave(module: Module, target: Target) -> None:
    """Add `void @leave(i32)`: arithmetic works again as `enter` found it."""
    f = Function(module, "leave", [("before", "i32")])
    (before,) = f.parameters
    if _architecture(target.triple) == "x86_64":
        place = f.allocate("i32")
        f.store(before, place)
        f.intrinsic("llvm.x86.sse.ldmxcsr", "void", [place])
    elif _architecture(target.triple) == "aarch64":
        wide = f.convert("zext", before, "i64")
        f.intrinsic("llvm.aarch64.set.fpcr", "void", [wide])
    f.leave()
    module.add(f)


def _way_out() -> str:
    able = [name for name in _FAMILIES if why_not(named(name)) is None]
    return f"choose one of {', '.join(able)}, or leave the setting empty for this machine"


def _features(listed: str) -> set[str]:
    """The features that a list says are there."""
    return {feature[1:] for feature in listed.split(",") if feature.startswith("+")}


def _architecture(triple: str) -> str:
    name = triple.split("-", maxsplit=1)[0]
    return {"arm64": "aarch64", "amd64": "x86_64"}.get(name, name)


@cache
def _machine() -> Target:
    """The processor we are on, as LLVM sees it."""
    from llvmlite import binding  # noqa: PLC0415  only programs that compile load LLVM

    triple, cpu = binding.get_process_triple(), binding.get_host_cpu_name()
    features = binding.get_host_cpu_features().flatten()
    has = _features(features)
    if _architecture(triple) == "aarch64":
        return Target("neon", triple, cpu, features, 128, 32)
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= has:
        return Target("avx512", triple, cpu, f"{features},-prefer-256-bit", 512, 32)
    if {"avx2", "fma"} <= has:
        return Target("avx2", triple, cpu, features, 256, 16)
    return Target("sse" if "sse2" in has else "other", triple, cpu, features, 128, 16)

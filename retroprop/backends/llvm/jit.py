"""LLVM IR becomes machine code: checked, compiled or found in the cache, loaded into this process.

Code is compiled to the bytes of object files first, so that a warm start links these and neither
parses nor generates anything. A large module is compiled in parts, at the same time; the calls that
a step is made of need no effort (LLVM would take as long for them as for all kernels). LLVM's
optimisation passes do not run, nor does its strength reduction of loops: the generators write what
they mean. The passes took ten milliseconds a kernel, strength reduction a quarter to a third
of the rest, and they gained nothing.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache as remember
from typing import Any

from retroprop.backends.llvm import cache, cores, parts
from retroprop.backends.llvm.target import Target, host, why_not
from retroprop.errors import ArgumentError, RetropropError

__all__ = ["Library", "compile_code", "emit_assembly", "emit_object", "load", "load_code"]

_NAME = "library"  # each has a linker of its own, so all have the same name
_MOST_PARTS = 4
_SIZE = 8  # bytes of the length before each object file


class Library:
    """Machine code in this process; the memory goes when nothing holds the library any more.

    Attributes:
        compile_seconds: how long it took to compile it, or to find it in the cache.
        from_cache:      whether nothing had to be compiled.
    """

    def __init__(
        self, code: bytes, target: Target, text: str | Callable[[], str], *, from_cache: bool
    ) -> None:
        self.target = target
        self.from_cache = from_cache
        self.compile_seconds = 0.0
        self._text = text
        self._addresses: dict[str, int] = {}
        binding = _binding()
        # One linker for each library: a shared one would be faster by 0.7 ms, but never forgets.
        self._linker = binding.create_lljit_compiler(_machine(host()), use_jit_link=True)
        builder = binding.JITLibraryBuilder().add_current_process()
        for data in _unpacked(code):
            builder.add_object_img(data)
        # What keeps the code in memory: one handle for the whole, one for each address asked for.
        self._handles: list[Any] = [builder.link(self._linker, _NAME)]

    def address(self, name: str) -> int:
        """Where a public function begins.

        Raises:
            RetropropError: the library has no such function.
        """
        if name not in self._addresses:
            try:
                handle = self._linker.lookup(_NAME, name)
            except RuntimeError as error:
                raise RetropropError(f"no native function {name!r}: {error}") from None
            self._handles.append(handle)
            self._addresses[name] = handle[name]
        return self._addresses[name]

    @property
    def text(self) -> str:
        """The LLVM IR."""
        if not isinstance(self._text, str):
            self._text = self._text()
        return self._text

    def assembly(self) -> str:
        """The machine code as text; compiles once more."""
        return emit_assembly(self.text, self.target)


def load(text: str, target: Target) -> Library:
    """Compile a module, unless the cache has it, and load it.

    Raises:
        RetropropError: LLVM refuses the text.
        ArgumentError: this machine cannot run code for the target.
    """
    began = time.perf_counter()
    key = cache.key(target, text)
    found = cache.get(key)
    code = compile_code(text, target) if found is None else found.data
    library = load_code(code, target, text, from_cache=found is not None)
    if found is None:
        cache.put(key, code)
    library.compile_seconds = time.perf_counter() - began
    return library


def compile_code(text: str, target: Target) -> bytes:
    """The machine code of a module, for `load_code`.

    Raises:
        RetropropError: LLVM refuses the text.
    """
    texts = parts.split(text, min(_MOST_PARTS, cores.available()))
    objects = parts.gather(lambda part: emit_object(part, target), texts)
    return b"".join(len(data).to_bytes(_SIZE, "little") + data for data in objects)


def load_code(
    code: bytes, target: Target, text: str | Callable[[], str] = "", *, from_cache: bool = True
) -> Library:
    """Load what `compile_code` gave, now or in another process on the same processor.

    Args:
        text: the LLVM IR, or a function that makes it when somebody wants to see it.

    Raises:
        ArgumentError: this machine cannot run code for the target.
    """
    reason = why_not(target)
    if reason:
        raise ArgumentError(reason, fix="for code that does not run here there is `emit_object`")
    return Library(code, target, text, from_cache=from_cache)


def emit_object(text: str, target: Target) -> bytes:
    """The object file of a module, for any target.

    Raises:
        RetropropError: LLVM refuses the text.
    """
    with _parsed(text, target) as module, REDUCTION.off():
        return _emitted(_machine(target, effort=0 if parts.is_glue(text) else 3), module)


def emit_assembly(text: str, target: Target) -> str:
    """The machine code of a module as text, for any target.

    Raises:
        RetropropError: LLVM refuses the text.
    """
    with _parsed(text, target) as module, REDUCTION.off():
        return str(_machine(target).emit_assembly(module))


def _unpacked(code: bytes) -> Iterator[bytes]:
    """The object files of a module that was compiled in parts."""
    start = 0
    while start < len(code):
        end = start + _SIZE + int.from_bytes(code[start : start + _SIZE], "little")
        yield code[start + _SIZE : end]
        start = end


class _Reduction:
    """LLVM's strength reduction of loops: a switch of the whole process, that others may need on.

    It is off while any thread of ours compiles, and on again after the last.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._users = 0

    @contextmanager
    def off(self) -> Iterator[None]:
        """Off for a while."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        binding = _binding()  # takes the lock of LLVM, which comes after this one
        with self.lock:
            before, self._users = self._users, self._users + change
            if not (before and self._users):
                binding.set_option("", f"-disable-lsr={int(self._users > 0)}")


REDUCTION = _Reduction()


@remember
def _binding() -> Any:
    """llvmlite, ready to make code for this machine."""
    from llvmlite import binding  # noqa: PLC0415  only programs that compile load LLVM

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    # A process forked off while a thread compiles would find llvmlite locked for ever.
    for lock in (getattr(binding.ffi.lib, "_lock", None), REDUCTION.lock):
        if lock is not None and hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=lock.__enter__, after_in_parent=lock.__exit__, after_in_child=lock.__exit__
            )
    return binding


def _machine(target: Target, effort: int = 3) -> Any:
    """LLVM's code generator for a target, at full effort unless told otherwise.

    Code may lie anywhere in the address space, its constants close to it.
    """
    binding = _binding()
    try:
        family = binding.Target.from_triple(target.triple)
    except RuntimeError:  # another architecture than this one: seldom needed, so not always loaded
        binding.initialize_all_targets()
        binding.initialize_all_asmprinters()
        family = binding.Target.from_triple(target.triple)
    return family.create_target_machine(
        cpu=target.cpu,
        features=target.features,
        opt=effort,
        reloc="pic",
        codemodel="small",
        jit=True,
    )


def _emitted(machine: Any, module: Any) -> bytes:
    """`machine.emit_object(module)`, but other threads may compile meanwhile.

    LLVM compiles modules of different contexts independently. llvmlite however lets one thread at a
    time into LLVM, so this calls the function that is behind its lock, where it can be found.
    """
    library = _binding().ffi.lib
    emit = getattr(library.LLVMPY_TargetMachineEmitToMemory, "_cfn", None)
    if emit is None:
        return bytes(machine.emit_object(module))
    message = ctypes.c_char_p()
    buffer = emit(machine, module, 1, ctypes.byref(message))
    if not buffer:
        raise RetropropError(f"LLVM made no code: {(message.value or b'').decode()}")
    try:
        size = library.LLVMPY_GetBufferSize(buffer)
        return ctypes.string_at(library.LLVMPY_GetBufferStart(buffer), size)
    finally:
        library.LLVMPY_DisposeMemoryBuffer(buffer)


@contextmanager
def _parsed(text: str, target: Target) -> Iterator[Any]:
    """The module in LLVM's memory, verified; in a context of its own, which goes with it."""
    binding = _binding()
    with binding.create_context() as context:
        try:
            module = binding.parse_assembly(f'target triple = "{target.triple}"\n{text}', context)
        except RuntimeError as error:
            raise _refused(str(error), text) from None
        with module:
            try:
                module.verify()
            except RuntimeError as error:
                raise _refused(str(error), text) from None
            yield module


def _refused(message: str, text: str) -> RetropropError:
    """The error for IR that LLVM refuses, with the numbered lines around."""
    lines = text.splitlines()
    parsed = re.search(r"<string>:(\d+):\d+: error: (.*)", message)
    if parsed:
        place, what = int(parsed[1]) - 2, parsed[2]  # the triple went in as line 1
    else:  # the verifier quotes an instruction
        what, quoted = message, {line.strip() for line in message.splitlines()[1:]}
        places = [number for number, line in enumerate(lines) if line.strip() in quoted]
        place = places[0] if places else -1
    shown = range(max(place - 4, 0), min(place + 5, len(lines))) if place >= 0 else ()
    around = [f"  {'>' if i == place else ' '}{i + 1:6} {lines[i]}" for i in shown]
    return RetropropError(
        "\n".join([f"LLVM refuses the generated code: {what.strip()}", *around]),
        fix="this is a bug of retroprop's: please report it with these lines",
        where="",
    )

"""Native threads that run a step together.

The caller is thread 0; the others are made once, wait for work in native code (`synchronise.py`)
and never touch Python. A function that they run has the signature

    void function(ptr arguments, i64 thread, i64 threads, ptr meet)

and may call the `barrier` that `define_barrier` adds to its module. The pool does one job at a
time: whoever finds it busy runs the job alone, which gives the same bits.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from functools import cache, lru_cache
from typing import Any

from retroprop import settings
from retroprop.backends.llvm import cores, jit
from retroprop.backends.llvm.emit import Function, Module
from retroprop.backends.llvm.synchronise import MOST_THREADS, text
from retroprop.backends.llvm.target import define_enter, define_leave, host

__all__ = [
    "MOST_THREADS",
    "default_threads",
    "define_barrier",
    "define_enter",
    "define_leave",
    "run",
    "why_single",
]

_STACK = 8 << 20  # bytes; some systems give threads far less than the first one has

# Numbers travel as addresses, which ctypes converts fastest; all are words of 64 bits.
_WORD = ctypes.c_void_p
_callable = lru_cache(maxsize=1024)(ctypes.CFUNCTYPE(None, _WORD, _WORD, _WORD, _WORD))


def define_barrier(module: Module) -> None:
    """Add `void @barrier(ptr meet, i64 thread, i64 threads)`: all threads wait for one another.

    What any of them wrote before is seen by all of them after. With one thread it does nothing.
    """
    f = Function(module, "barrier", [("meet", "ptr"), ("thread", "i64"), ("threads", "i64")])
    meet, thread, threads = f.parameters
    with f.branch(f.compare("icmp ne", threads, f.integer(1))):
        entry = f.load("ptr", meet)  # the pool's own
        f.write(f"call void {entry.name}({meet}, {thread}, {threads})")
    f.leave()
    module.add(f)


def run(function: int, arguments: int, threads: int) -> None:
    """Run native code on so many threads, or on fewer; other Python threads go on meanwhile.

    Args:
        function:  the address of the code, see above.
        arguments: the address that it is given.
    """
    if threads > 1 and _busy.acquire(blocking=False):
        try:
            pool = _the_pool()
            able = pool.ready(threads) if pool else 1
            if pool and able > 1:
                pool.launch(function, arguments, able)
                return
        finally:
            _busy.release()
    _callable(function)(arguments, 0, 1, None)


def default_threads() -> int:
    """How many threads a step gets: RETROPROP_THREADS, else the cores that are free to use."""
    if why_single() is not None:
        return 1
    return min(settings.threads or cores.available(), MOST_THREADS)


@cache
def why_single() -> str | None:
    """Why everything runs on one thread here; None where it need not."""
    if os.name != "posix" or not hasattr(ctypes.CDLL(None), "pthread_create"):
        return "this system has no POSIX threads"
    return None


class _Pool:
    """The native workers of this process."""

    def __init__(self) -> None:
        self._library = jit.load(text(host(), time.CLOCK_MONOTONIC), host())
        address = self._library.address
        self.launch = ctypes.CFUNCTYPE(None, _WORD, _WORD, _WORD)(address("launch"))
        self._open = ctypes.CFUNCTYPE(None)(address("open"))
        self._worker = address("worker")
        self.reset()

    def reset(self) -> None:
        """No workers: at the start, and in a process that was forked off."""
        self._threads = 1
        self._open()

    def ready(self, threads: int) -> int:
        """Make workers for a job of so many threads; how many threads there are."""
        threads = min(threads, MOST_THREADS)
        while self._threads < threads and _start(self._worker, self._threads):
            self._threads += 1
        return min(threads, self._threads)


def _start(entry: int, argument: int) -> bool:
    """A native thread; False where the system gives none."""
    native: Any = ctypes.CDLL(None)
    handle, attributes = ctypes.c_uint64(), ctypes.create_string_buffer(256)
    native.pthread_attr_init(attributes)
    native.pthread_attr_setstacksize(attributes, ctypes.c_size_t(_STACK))
    # Signals are for the threads that Python knows.
    before = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    try:
        failed = native.pthread_create(
            ctypes.byref(handle), attributes, ctypes.c_void_p(entry), ctypes.c_void_p(argument)
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        native.pthread_attr_destroy(attributes)
    return not failed


@cache
def _the_pool() -> _Pool | None:
    return None if why_single() else _Pool()


def _forget() -> None:
    """In a process that was forked off: the workers stayed behind, and whoever was using them."""
    global _busy  # noqa: PLW0603  nobody will ever release the old one
    _busy = threading.Lock()
    if _the_pool.cache_info().currsize:
        pool = _the_pool()
        if pool:
            pool.reset()


_busy = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

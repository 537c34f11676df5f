"""`rp.compile`: a Python function becomes programs, one for each kind of arguments."""

from __future__ import annotations

import copy
import functools
import gc
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from retroprop import tree
from retroprop.core import arguments, recording
from retroprop.core.arguments import Given, described
from retroprop.core.binding import STALE, Binding
from retroprop.core.record import record, trimmed
from retroprop.core.tape import followers
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DivergedError, RetropropError, TraceError, unknown
from retroprop.ops.movement import concatenate, reshape
from retroprop.passes import optimise
from retroprop.passes.dead import drop_dead

__all__ = ["Compiled", "compile"]

# Where a backend lives, and what is done to a graph first: NumPy's gives the bits of eager code.
_BACKENDS = {
    "native": ("retroprop.backends.llvm.program", optimise),
    "numpy": ("retroprop.backends.numpy.program", drop_dead),
}
_KEPT = 7  # programs for arguments of one kind, besides the newest
_TRIES = 8  # when what a program relies on changes meanwhile


def compile(
    fn: Callable[..., Any] | None = None,
    *,
    backend: str = "native",
    strict: bool = False,
    threads: int | None = None,
    target: str | None = None,
    winograd: int = 2,
    memory: str | int | None = None,
    verbose: bool = True,
) -> Any:
    """Compile a function on Tensors, with everything it does to state, into native code.

    The first call with arguments of new shapes runs the function once to record it, compiles what
    it did and runs that; later calls run the program. Tensors from outside are read at every call;
    those assigned inside (parameters, optimizer state, statistics, random state) and gradients
    still set at the end are written back. Python around the Tensors runs when recording only.

    Args:
        fn:      takes Tensors, arrays, or containers of them; anything else is part of the
                 signature. Without it a decorator with these options is returned.
        backend: "native", or "numpy" to run the same graph op by op.
        strict:  raise where an op has no native code, instead of running it through NumPy.
        threads: at most so many; by default the cores that are there. The bits do not depend on it.
        target:  instruction set instead of that of this machine: "sse", "avx2", "avx512", "neon".
        winograd: 3 x 3 convolutions by tiles of 2 x 2 results, with 2.25 times fewer products and
                 no larger errors; 4 takes 4 x 4, with errors about ten times larger; 0
                 computes every convolution directly.
        memory:  working memory that the program may use (bytes, or "512MB"), beside weights and
                 results: values are computed twice, instead of kept, to stay within it.
        verbose: say in one line when other shapes compile again, or an op has no native code.

    Returns:
        A `Compiled`: call it as the function; `many` runs it over a leading axis.

    Raises:
        ArgumentError:  an option is unknown.
        RetropropError: at the first call: the program does not fit into `memory`.
        TraceError:     at the first call: the function asked for numbers (`.item()`, `if`) that
                        are not there yet.

    Example:
        >>> import retroprop as rp
        >>> count = rp.asarray(0)
        >>> @rp.compile
        ... def double(x):
        ...     count.assign(count + 1)
        ...     return x * 2
        >>> double(rp.asarray([1.0, 2.0])).tolist(), count.item()
        ([2.0, 4.0], 1)
        >>> double.many(rp.asarray([[1.0], [5.0], [7.0]])).tolist(), count.item()
        ([[2.0], [10.0], [14.0]], 4)
    """
    options = {"strict": strict, "threads": threads, "target": target}
    options |= {"winograd": winograd, "memory": memory}
    if backend not in _BACKENDS:
        raise unknown("backend", backend, _BACKENDS)
    if winograd not in {0, 2, 4}:
        raise ArgumentError(f"winograd={winograd!r} is no size of a tile", fix="use 0, 2 or 4")
    if memory is not None and backend != "native":
        raise ArgumentError("memory= needs backend='native', which plans its memory")
    if fn is None:
        return lambda function: Compiled(function, backend, options, verbose)
    return Compiled(fn, backend, options, verbose)


class Compiled:
    """A function and the programs made of it.

    Attributes:
        programs: by signature, each a list that differs in what else they rely on.
    """

    def __init__(
        self, fn: Callable[..., Any], backend: str, options: dict[str, Any], verbose: bool
    ) -> None:
        functools.update_wrapper(self, fn, updated=())
        self._fn, self._backend, self._options = fn, backend, options
        self._verbose = verbose
        self._mentioned: set[str] = set()  # ops that run through NumPy
        self._name = getattr(fn, "__name__", type(fn).__name__)
        self.programs: dict[Any, list[Binding]] = {}
        self._latest: Binding | None = None
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function's program for these arguments."""
        if recording.active and recording.current() is not None:
            return self._fn(*args, **kwargs)  # inside another trace it is a part of that
        if followers():
            return self._fn(*args, **kwargs)  # somebody wants to see it op by op
        latest = self._latest
        if latest is not None and not kwargs and latest.is_for(args):
            result = latest.call(args)
            if result is not STALE:
                return result
        given = arguments.read(args, kwargs)
        return self._first_that_holds(given, lambda binding: binding.call(given.leaves))

    def many(self, *args: Any, **kwargs: Any) -> Any:
        """Run over the leading axis of all arguments: all steps in one native call.

        Gives the bits that single calls in a row would give.

        Args:
            args, kwargs: Tensors or arrays, or containers of them, all with as many lines as there
                          are steps; anything else is the same for all steps.

        Returns:
            What the function returns, with an axis of steps in front.

        Raises:
            ArgumentError: an argument has no such axis, or is written to by the function.
            ShapeError:    the arguments are for different numbers of steps, or for none.
        """
        given = arguments.read(args, kwargs, by_line=True)
        steps = arguments.common_length(given.leaves)
        if recording.active and recording.current() is not None:
            raise TraceError(
                "many: inside a compiled function steps cannot be run",
                fix="call the function itself, once for each step",
            )
        if followers():
            return self._line_by_line(given, steps)
        done: list[Any] = []

        def run(binding: Binding) -> Any:
            if binding.is_steady() or steps == 1:
                return binding.many(given.leaves, steps)
            found = binding.many(_cut(given.leaves, slice(0, 1)), 1)
            if found is STALE:
                return STALE
            rest = _cut(given.leaves, slice(1, None))
            done.append(found)
            return self._first_that_holds(given, lambda other: other.many(rest, steps - 1))

        try:
            found = self._first_that_holds(given, run)
        except DivergedError as error:
            self._tell_steps(error, done, given)
            raise
        if done:
            found = [np.concatenate(pair) for pair in zip(done[0], found, strict=True)]
        assert self._latest is not None
        return self._latest.pack(found, given.leaves, steps)

    def _line_by_line(self, given: Given, steps: int) -> Any:
        """The same, op by op, for somebody who wants to see it."""
        made = []
        for number in range(steps):
            line = [leaf[number] if isinstance(leaf, Tensor) else leaf for leaf in given.leaves]
            args, kwargs = arguments.with_leaves(given, line)
            made.append(self._fn(*args, **kwargs))
        return tree.tree_map(_stacked, *made)

    def _tell_steps(self, error: DivergedError, done: list[Any], given: Given) -> None:
        """Let the error of a step of many say which it was, and what those before it returned."""
        error.completed_steps += len(done)
        count = error.completed_steps
        error.fix = (
            f"rp.health.explain(step, *arguments) with the arguments of step {count} (the first "
            "is 0), which was not applied, names the operation it came from"
        )
        if error.made is not None:
            binding, arrays = error.made
            columns = zip(*done, arrays, strict=True)
            arrays = [np.concatenate(column) for column in columns]
            done_leaves = _cut(given.leaves, slice(0, count))
            error.made = binding.pack(arrays, done_leaves, count) if count else None

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        """As a method: each object gets a compiled function of its own."""
        if owner is None:
            return self
        bound = Compiled(
            types.MethodType(self._fn, owner), self._backend, self._options, self._verbose
        )
        if hasattr(owner, "__dict__"):
            vars(owner)[self._name] = bound  # found before this one from now on
        return bound

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        function = copy.deepcopy(self._fn, memo)
        return Compiled(function, self._backend, self._options, self._verbose)

    # -- making programs -------------------------------------------------------------------------

    def _first_that_holds(self, given: Given, run: Callable[[Binding], Any]) -> Any:
        """Run the program whose guards hold, making one if there is none."""
        signature = given.kind.signature
        for _ in range(_TRIES):
            for binding in tuple(self.programs.get(signature, ())):
                result = run(binding)
                if result is not STALE:
                    self._latest = binding
                    return result
            with self._lock, _uncollected():
                known = self.programs.get(signature, ())
                if all(binding.change() is not None for binding in known):
                    self._make(given)
        raise RetropropError(
            f"{self._name}: what it relies on changes each time that it is compiled",
            fix="look for a flag or hyperparameter that the function itself, or another thread, "
            "sets",
        )

    def _make(self, given: Given) -> None:
        """Record the function on such arguments, and compile what it did."""
        began = time.perf_counter()
        trace, pack = record(self._fn, given)
        home, prepare = _BACKENDS[self._backend]
        trace = trimmed(trace._replace(graph=prepare(trace.graph)))
        build = import_module(home).build
        program = build(trace.graph, trace.donated, trace.resident, **self._options)
        known = self.programs.setdefault(given.kind.signature, [])
        binding = Binding(program, trace, pack, given.kind)
        if self._verbose and self._latest is not None:
            self._say(given, [one.change() for one in known], time.perf_counter() - began)
        self._mention(program)
        known[:] = [*known[-_KEPT:], binding]
        self._latest = binding

    def _mention(self, program: Any) -> None:
        """Say once which ops have no native code; `report` tells what they cost."""
        new = set(getattr(program, "calls", ())) - self._mentioned
        self._mentioned |= new
        if new and self._verbose:
            text = f"retroprop: {self._name}: no native code yet, so through NumPy: "
            print(text + ", ".join(sorted(new)), file=sys.stderr)  # noqa: T201

    def _say(self, given: Given, changes: list[str | None], seconds: float) -> None:
        assert self._latest is not None
        before, after = self._latest.kind, given.kind
        why = next((change for change in reversed(changes) if change), None)
        if why is None:
            why = f"for {described(after)} (before: {described(before)})"
        else:
            why = f"because {why}"
        text = f"retroprop: {self._name} compiled again {why}, {seconds:.2f} s"
        print(text, file=sys.stderr)  # noqa: T201

    # -- looking inside --------------------------------------------------------------------------

    def _last(self) -> Binding:
        if self._latest is None:
            raise RetropropError(
                f"{self._name} is not compiled yet",
                fix="call it once: shapes are known then",
            )
        return self._latest

    @property
    def graph(self) -> Any:
        """The program of the last call, as a graph that prints and parses."""
        return self._last().trace.graph

    def report(self) -> str:
        """Kernels with shapes, work, time and share, the memory plan, and what ran where."""
        return self._last().report()

    def llvm_ir(self) -> str:
        """The generated LLVM IR of the last call's program."""
        return self._last().program.llvm_ir()

    def assembly(self) -> str:
        """The machine code of the last call's program, as text."""
        return self._last().program.assembly()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Python's collector rests: of all that a program is made of, nothing is garbage yet.

    It would look at it again and again, which took a quarter of the time of a first call.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _stacked(*rows: Any) -> Any:
    """Results of steps along a new first axis."""
    if not isinstance(rows[0], Tensor):
        return rows[0]
    return concatenate(*(reshape(row, (1, *row.shape)) for row in rows), axis=0)


def _cut(leaves: Sequence[Any], part: slice) -> list[Any]:
    """Some of the lines of all Tensors."""
    return [
        Tensor._wrap(leaf._array[part]) if isinstance(leaf, Tensor) else leaf for leaf in leaves
    ]

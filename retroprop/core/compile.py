"""`rp.compile`: a Python function becomes programs, one for each kind of arguments."""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from retroprop import tree
from retroprop.core import recording
from retroprop.core.binding import Binding
from retroprop.core.tape import is_grad_enabled
from retroprop.core.tensor import Tensor
from retroprop.core.trace import Recorder
from retroprop.errors import ArgumentError, RetropropError, ShapeError, unknown
from retroprop.passes import optimise

__all__ = ["Compiled", "compile"]

Signature = tuple[Any, ...]

_BACKENDS = {
    "native": "retroprop.backends.llvm.program",
    "numpy": "retroprop.backends.numpy.program",
}


def compile(
    fn: Callable[..., Any] | None = None,
    *,
    backend: str = "native",
    strict: bool = False,
    threads: int | None = None,
    target: str | None = None,
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
        verbose: say in one line when other shapes compile again.

    Returns:
        A `Compiled`: call it as the function; `many` runs it over a leading axis.

    Raises:
        TraceError: the function asked for numbers (`.item()`, `if`) that are not there yet.

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
    if backend not in _BACKENDS:
        raise unknown("backend", backend, _BACKENDS)
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
        functools.update_wrapper(self, fn)
        self._fn, self._backend, self._options = fn, backend, options
        self._verbose = verbose
        self.programs: dict[Signature, list[Binding]] = {}
        self._plain: dict[Signature, list[Binding]] = {}
        self._latest: Binding | None = None
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function's program for these arguments."""
        if recording.active and recording.current() is not None:
            return self._fn(*args, **kwargs)  # inside another trace it is a part of that
        kind = None if kwargs else _kind(args)
        if kind is not None:  # nothing but Tensors: most calls, and the quickest
            with self._lock:
                for binding in self._plain.get(kind, ()):
                    if binding.holds():
                        self._latest = binding
                        return binding.call(args)
        tensors, signature, structure = _signature(args, kwargs)
        with self._lock:
            if kind is not None:
                self._plain[kind] = self.programs.setdefault(signature, [])
            binding = self._find(signature)
            if binding is None:
                binding = self._make(signature, tensors, structure)
            self._latest = binding
            return binding.call(tensors)

    def many(self, *args: Any) -> Any:
        """Run over the leading axis of all arguments: all steps in one native call.

        Gives the bits that single calls in a row would give.

        Args:
            args: Tensors or arrays, or containers of them, all with as many lines as there are
                  steps.

        Returns:
            What the function returns, with an axis of steps in front.
        """
        leaves, structure = tree.flatten((args, {}))
        tensors = [_as_tensor(leaf) for leaf in leaves]
        steps = _common_length(tensors)
        lines = [_Line(tensor) for tensor in tensors]
        signature = _signature_of(lines, structure)
        with self._lock:
            binding = self._find(signature)
            if binding is None:
                binding = self._make(signature, lines, structure)
            self._latest = binding
            if not binding.is_steady():
                first = binding.call([tensor[0] for tensor in tensors])
                following = self._find(signature) or self._make(signature, lines, structure)
                self._latest = following
                rest = [] if steps == 1 else [following.many([t[1:] for t in tensors], steps - 1)]
                return _joined(first, rest)
            return binding.many(tensors, steps)

    def _find(self, signature: Signature) -> Binding | None:
        for binding in self.programs.get(signature, ()):
            if binding.holds():
                return binding
        return None

    def _make(self, signature: Signature, tensors: Sequence[Any], structure: Any) -> Binding:
        """Record the function on such arguments, and compile what it did."""
        began = time.perf_counter()
        recorder = Recorder()
        leaves: list[Any] = []
        with recorder:
            for number, tensor in enumerate(tensors):
                if isinstance(tensor, _Static):
                    leaves.append(tensor.value)
                    continue
                symbol = recorder.input("argument", number, tensor.shape, tensor.dtype)
                leaves.append(Tensor._wrap(symbol))
            args, kwargs = tree.unflatten(structure, leaves)
            returned = self._fn(*args, **kwargs)
            found, layout = tree.flatten(returned)
            results = [leaf for leaf in found if isinstance(leaf, Tensor)]
            kept = [leaf if recorder.is_outside(leaf) else None for leaf in results]
            trace = recorder.finish(results)
        graph = optimise(trace.graph)
        build = import_module(_BACKENDS[self._backend]).build
        program = build(graph, trace.donated, **self._options)
        binding = Binding(program, graph, trace, (found, layout, kept), is_grad_enabled())
        self.programs.setdefault(signature, []).append(binding)
        if self._verbose and sum(map(len, self.programs.values())) > 1:
            self._say(tensors, time.perf_counter() - began)
        return binding

    def _say(self, tensors: Sequence[Any], seconds: float) -> None:
        shapes = ", ".join(
            f"{t.dtype}{list(t.shape)}" for t in tensors if not isinstance(t, _Static)
        )
        name = getattr(self._fn, "__name__", "the function")
        print(  # noqa: T201
            f"retroprop: {name} compiled again for ({shapes}) in {seconds:.2f} s", file=sys.stderr
        )

    # -- looking inside --------------------------------------------------------------------------

    def _last(self) -> Binding:
        if self._latest is None:
            raise RetropropError(
                f"{getattr(self._fn, '__name__', 'the function')} is not compiled yet",
                fix="call it once: shapes are known then",
            )
        return self._latest

    @property
    def graph(self) -> Any:
        """The program of the last call, as a graph that prints and parses."""
        return self._last().graph

    def report(self) -> str:
        """Kernels with shapes, work, time and share, the memory plan, and what ran where."""
        return self._last().program.report()

    def llvm_ir(self) -> str:
        """The generated LLVM IR of the last call's program."""
        return self._last().program.llvm_ir()

    def assembly(self) -> str:
        """The machine code of the last call's program, as text."""
        return self._last().program.assembly()


def _kind(args: tuple[Any, ...]) -> Signature | None:
    """What tells calls apart whose arguments are Tensors, not containers; None for others."""
    parts: list[Any] = [is_grad_enabled()]
    for argument in args:
        if type(argument) is not Tensor:
            return None
        data = argument._data
        parts += (data.shape, data.dtype)
    return tuple(parts)


class _Static:
    """An argument that is no Tensor: a part of the signature."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Line:
    """A Tensor seen without its leading axis."""

    def __init__(self, tensor: Tensor) -> None:
        self.shape, self.dtype = tensor.shape[1:], tensor.dtype


def _as_tensor(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return leaf
    if isinstance(leaf, np.ndarray | np.generic):
        return Tensor(leaf)
    return _Static(leaf)


def _signature(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], Any, Any]:
    """The Tensors among the arguments, what tells such calls apart, and their structure."""
    leaves, structure = tree.flatten((args, kwargs))
    tensors = [_as_tensor(leaf) for leaf in leaves]
    return tensors, _signature_of(tensors, structure), structure


def _signature_of(tensors: Sequence[Any], structure: Any) -> Signature:
    parts: list[Any] = [_layout(structure), is_grad_enabled()]
    for tensor in tensors:
        if isinstance(tensor, _Static):
            parts.append((type(tensor.value), tensor.value))
        else:
            parts.append((tensor.shape, tensor.dtype))
    return tuple(parts)


def _layout(structure: Any) -> Any:
    """A structure of arguments as something to compare."""
    if isinstance(structure, dict):
        return ("dict", *((key, _layout(item)) for key, item in structure.items()))
    if isinstance(structure, tuple | list):
        return (type(structure).__name__, *(_layout(item) for item in structure))
    return "."


def _common_length(tensors: Sequence[Any]) -> int:
    if not tensors or any(isinstance(t, _Static) or not t.ndim for t in tensors):
        raise ArgumentError(
            "many: every argument must be a tensor with one line for each step",
            fix="stack the batches: rp.stack([...])",
        )
    lengths = {tensor.shape[0] for tensor in tensors}
    if len(lengths) > 1 or 0 in lengths:
        raise ShapeError(
            f"many: the arguments have {sorted(lengths)} lines",
            fix="give each the same number of steps, at least one",
        )
    return int(lengths.pop())


def _joined(first: Any, rest: list[Any]) -> Any:
    """Results of a single call put before those of many."""
    leaves, structure = tree.flatten(first)
    others = [tree.flatten(one)[0] for one in rest]
    joined = []
    for i, leaf in enumerate(leaves):
        if not isinstance(leaf, Tensor):
            joined.append(leaf)
            continue
        parts = [leaf.numpy()[None], *(other[i].numpy() for other in others)]
        joined.append(Tensor._wrap(np.concatenate(parts)))
    return tree.unflatten(structure, joined)

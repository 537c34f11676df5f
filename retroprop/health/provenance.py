"""Where a NaN or an infinity comes from: the step is run again, op by op, by someone who looks.

The replay starts from the same state and the same random numbers, on the reference (NumPy), and
leaves no trace in state. What a compiled function does is run op by op too, and the backward pass
is seen like the forward one: each of its ops belongs to the forward op whose derivative it is.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop import tree
from retroprop.core.compile import Compiled
from retroprop.core.tape import Journal
from retroprop.core.tensor import Tensor
from retroprop.errors import DivergedError, line_of
from retroprop.health import provenance_words as words
from retroprop.health.finding import Finding
from retroprop.health.provenance_samples import samples_of
from retroprop.health.provenance_search import Origin, origin
from retroprop.health.provenance_trace import Source, Summary, Tracer, array_of
from retroprop.nn.module import Module

__all__ = ["Provenance", "explain", "replay"]

_SHOWN = 4  # samples that are named


class Provenance(NamedTuple):
    """The first op that made a number that is not finite, and what led to it.

    Attributes:
        failed:   what is not finite in the end: "the loss is nan".
        op:       the op; of the backward pass, the forward op whose derivative it is.
        phase:    "forward", "backward", or "update" (clipping, the optimizer).
        made:     "nan", "inf" or "-inf".
        inner:    the op that was executed: differs from `op` in the backward pass.
        call:     the function of the library that this is a part of, such as "var", or "".
        given:    the argument or weight that was not finite already, or "" where the op made it.
        layer:    its path and what it is, as errors show it, or "".
        where:    file, line and text of the user's code.
        operands: (what it is, its range) of each.
        wrong:    (elements that became so, all).
        samples:  rows of the batch, () where that is nobody's.
        batch:    how many rows there are.
        rows:     the same samples in the data set, where that is known.
        chain:    what led to it, nearest first.
        remedy:   what to change.

    Example:
        >>> import retroprop as rp
        >>> found = rp.health.explain(lambda x: rp.log(x).sum(), rp.asarray([1.0, 0.0]))
        >>> found.op, found.phase, found.samples
        ('log', 'forward', (1,))
    """

    failed: str
    op: str
    phase: str
    made: str
    inner: str
    call: str
    given: str
    layer: str
    where: str
    operands: tuple[tuple[str, Summary], ...]
    wrong: tuple[int, int]
    samples: tuple[int, ...]
    batch: int
    chain: tuple[str, ...]
    remedy: str
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.failed}: {self.cause()}", *self.details()]
        lines += [f"at {self.where}"] if self.where else []
        lines += [f"remedy: {self.remedy}"] if self.remedy else []
        return "\n  ".join(lines)

    def cause(self) -> str:
        """What happened, in one sentence."""
        count, size = self.wrong
        much = f"in {count} of {size} elements" if size > 1 else ""
        if self.given:
            return f"{self.given} was {self.made} already {much}".rstrip() + f"; {self.op} reads it"
        name = f"{self.op} (in {self.call})" if self.call else self.op
        if self.phase == "backward":
            return f"the derivative of {name} is {self.made} {much}".rstrip() + ", backward pass"
        when = "forward pass" if self.phase == "forward" else "after the backward pass"
        return f"{name} gave {self.made} {much}".rstrip() + f", {when}"

    def details(self) -> list[str]:
        """Layer, operands, samples and causes, a line for each."""
        lines = [f"in {self.layer}"] if self.layer else []
        lines += [f"{name}: {words.range_of(one)}" for name, one in self.operands]
        if self.samples:
            lines.append(self._whom())
        if self.chain:
            lines.append("because: " + " <- ".join(self.chain))
        return lines

    def _whom(self) -> str:
        if len(self.samples) == self.batch > 1:
            return f"samples: all {self.batch} of the batch"
        few = ", ".join(map(str, self.samples[:_SHOWN]))
        left = len(self.samples) - _SHOWN
        text = (
            f"sample{'s' if len(self.samples) > 1 else ''}: row {few} of the batch of {self.batch}"
        )
        if self.rows:
            text += f" (example {', '.join(map(str, self.rows[:_SHOWN]))} of the data)"
        return text + (f", and {left} more" if left > 0 else "")

    def finding(self, step: int) -> Finding:
        """The same among the findings of a training."""
        what = f"{self.failed}: {self.cause()}"
        why = " <- ".join(self.chain)
        where = (self.layer,) if self.layer else ()
        evidence = self.as_dict()
        return Finding("not_finite", what, why, self.remedy, 1.0, step, where, (), evidence)

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        ranges = [
            {"name": name, "shape": list(one.shape), "dtype": str(one.dtype)}
            | {"low": _or_none(one.low), "high": _or_none(one.high)}
            | {"nan": one.nan, "inf": one.inf}
            for name, one in self.operands
        ]
        plain = {key: list(v) if isinstance(v, tuple) else v for key, v in self._asdict().items()}
        return {**plain, "operands": ranges}


def explain(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Provenance | None:
    """Where the NaN or infinity of a loss, or of a whole step, comes from.

    Runs the function once more, op by op; state (weights, gradients, optimizer, statistics, random
    numbers) is afterwards what it was before. Python around the Tensors runs as well.

    Args:
        function: a loss, whose backward pass is looked at too, or a step; compiled or not.
        args:     its arguments: those of the call that failed. The first axis counts as the batch.
        kwargs:   likewise.

    Returns:
        What was found, which prints as a few lines; None where everything is finite.

    Example:
        >>> import retroprop as rp
        >>> w = rp.tensor([0.0, 4.0], requires_grad=True)
        >>> found = explain(lambda: rp.sqrt(w).sum())
        >>> found.op, found.phase, found.given, found.made
        ('sqrt', 'backward', '', 'inf')
    """
    return replay(function, args, kwargs)


def replay(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    names: Sequence[str] = (),
    model: Module | None = None,
) -> Provenance | None:
    """`explain`, with names of the arguments and the model that they go into."""
    kwargs = dict(kwargs or {})
    if isinstance(function, Compiled):
        args, kwargs = tree.tree_map(_as_tensor, (tuple(args), kwargs))
    known = _names(function, args, kwargs, names)
    tracer = Tracer({key: name for key, (name, _) in known.items()}, model)
    with Journal(gradients=True) as journal:
        try:
            failed, roots = _run(function, args, kwargs, tracer, journal)
            found = origin(roots, tracer.events)
            sizes = [leaf.shape[0] for _, leaf in known.values() if getattr(leaf, "ndim", 0)]
            return None if found is None else _told(failed, found, sizes[0] if sizes else 0)
        finally:
            journal.rewind()


def _run(
    function: Any, args: Any, kwargs: Any, tracer: Tracer, journal: Journal
) -> tuple[str, list[Source]]:
    """Run it and its backward pass: what is not finite in the end, and where that came from."""
    with tracer:
        try:
            results, _ = tree.flatten(function(*args, **kwargs))
            results = [one for one in results if isinstance(one, Tensor)]
            bad = _not_finite(results, tracer)
            if bad:
                return f"the result is {bad[0].summary.worst}", bad
            loss = results[0] if len(results) == 1 else None
            if loss is not None and loss.size == 1 and loss.requires_grad and not tracer.pulled:
                loss.backward()
        except DivergedError as error:
            sources = [one for one in tracer.last[1] if one.summary.wrong]
            late = [event for event in tracer.events if not event.is_finite][-1:]
            return error.what, sources or [Source(event, 0, None) for event in late]
    slopes = [cell.grad for cell, _ in journal.noted_gradients() if cell.grad is not None]
    bad = _not_finite(slopes, tracer)
    if bad:
        return f"a gradient is {bad[0].summary.worst}", bad
    return "the state is not finite", _not_finite([cell for cell, _ in journal.noted()], tracer)


def _not_finite(tensors: Sequence[Tensor], tracer: Tracer) -> list[Source]:
    sources = [tracer.source(one) for one in tensors if one.dtype.kind in "fcV"]
    return [source for source in sources if source.summary.wrong]


def _told(failed: str, found: Origin, batch: int) -> Provenance:
    """What was found, in words."""
    event, given = found.event, found.given
    first = words.own(event)
    samples: tuple[int, ...] = ()
    wrong: Any = None
    if given is not None:
        wrong = ~np.isfinite(given.array)
        if given.kind == "argument" and wrong.ndim and len(wrong) == batch:
            rows = wrong.reshape(batch, -1).any(axis=1)
            samples = tuple(int(row) for row in np.flatnonzero(rows))
    else:
        born = event.born[found.kind]
        wrong = event.wrong if born is None or found.cause is not None else born
        samples = samples_of(event, wrong, batch) if batch else ()
    return Provenance(
        failed=failed,
        op=first.op.name,
        phase=found.phase or event.phase,
        made=words.worst(found),
        inner=event.op.name,
        call="" if first.call == first.op.name else first.call,
        given="" if given is None else words.title(Source(None, 0, given)),
        layer=words.layer(event),
        where=line_of(*first.line) if first.line else "",
        operands=tuple(_operands(found)),
        wrong=(int(wrong.sum()), wrong.size),
        samples=samples,
        batch=batch,
        chain=words.chain(found),
        remedy=words.remedy(found),
    )


def _operands(found: Origin) -> Iterator[tuple[str, Summary]]:
    op = found.event.op
    letters = op.operands * len(found.event.sources) if op.variadic else op.operands
    for letter, source in zip(letters, found.event.sources, strict=False):
        yield f"{letter} ({words.title(source)})", source.summary


def _or_none(number: float) -> float | None:
    return number if np.isfinite(number) else None


def _as_tensor(leaf: Any) -> Any:
    return Tensor(leaf) if isinstance(leaf, np.ndarray) else leaf


def _names(
    function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str]
) -> dict[int, tuple[str, Any]]:
    """By the ids of arguments and their arrays: what they are called, and they themselves."""
    bound = dict(zip(names, args, strict=False)) | dict(kwargs)
    if not names:
        with contextlib.suppress(TypeError, ValueError):
            bound = dict(inspect.signature(function).bind(*args, **kwargs).arguments)
    known: dict[int, tuple[str, Any]] = {}
    for name, value in bound.items():
        for leaf in tree.flatten(value)[0]:
            if isinstance(leaf, Tensor | np.ndarray):
                known[id(leaf)] = name, leaf
            if isinstance(leaf, Tensor):
                known[id(array_of(leaf))] = name, leaf
    return known

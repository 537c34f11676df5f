"""A language model at work: its state in cells, and compiled functions that move it on.

Cells are Tensors that compiled functions read and assign. One of these reads a piece of the prompt;
the other draws a token from the last logits and reads it, and runs many times in one native call,
so that Python does not stand between two tokens.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from retroprop import tree
from retroprop.array.creation import asarray
from retroprop.core.compile import compile
from retroprop.core.rng import Generator
from retroprop.core.tensor import Tensor
from retroprop.nn.functional.softmax import log_softmax
from retroprop.nn.sampling import sampled
from retroprop.ops.arithmetic import where
from retroprop.ops.comparison import equal
from retroprop.ops.indexing import take
from retroprop.ops.logic import logical_or
from retroprop.ops.movement import reshape
from retroprop.ops.reduction import any
from retroprop.ops.searching import argmax

__all__ = ["Session", "Way", "session"]

Array = np.ndarray[Any, Any]

_ALONE = 1 << 22  # products of a step that one thread has done before several have met
_KEPT = 8  # sessions of a model that wait for the next call
_PIECES = (512, 64, 8, 1)  # tokens of a prompt that are read at once: few programs serve them all


class Way(NamedTuple):
    """How the next token is chosen, as far as it needs a program of its own.

    Attributes:
        kind:         "greedy", "sample" or "beams".
        top_k, top_p: whether they are given.
        stops:        how many tokens end a text.
    """

    kind: str
    top_k: bool = False
    top_p: bool = False
    stops: int = 0


class Session:
    """The state of a model, for a number of texts, and what moves it on.

    Args:
        model: has the methods start, prefill and step.
        start: a state from `model.start`.
        way:   how tokens are chosen.

    Attributes:
        cells:     the leaves of the state.
        numbers:   further cells by name: logits of the next token, options, what has ended.
        generator: draws the tokens.
        read:      compiled: tokens (rows, time) -> logits after them; the state moves on.
        write:     compiled: draws a token of each text and reads it -> (rows,).
        advance:   compiled: tokens, and the rows of the state that they follow ->
                   log-probabilities after them.
    """

    def __init__(self, model: Any, start: Any, way: Way) -> None:
        leaves, self._structure = tree.flatten(start)
        self._model, self._way = weakref.ref(model), way
        self._attributes = _attributes(model)
        self.cells = [leaf.detach() for leaf in leaves]
        self.numbers: dict[str, Tensor] = {}
        self.generator = Generator()
        rows = next((leaf.shape[0] for leaf in leaves if leaf.ndim), 1)
        threads = 1 if rows * _parameters(model) < _ALONE else None
        options: dict[str, Any] = {"threads": threads, "verbose": False}
        self.read = compile(self._read, **options)
        self.write = compile(self._write, **options)
        self.advance = compile(self._advance, **options)

    def is_for(self, model: Any) -> bool:
        """Whether the model is as it was: programs look at its layers, not at itself."""
        return bool(self._attributes == _attributes(model))

    def begin(self, start: Any, texts: Array) -> Tensor:
        """Read texts from a state on; returns the logits after them."""
        for cell, leaf in zip(self.cells, tree.flatten(start)[0], strict=True):
            cell.assign(leaf)
        at, time = 0, texts.shape[1]
        while at < time:
            size = next(size for size in _PIECES if size <= time - at)
            logits: Tensor = self.read(asarray(texts[:, at : at + size]))
            at += size
        return logits

    def hold(self, name: str, value: Any) -> None:
        """Put numbers into the cell of this name."""
        given = asarray(value)
        if name in self.numbers:
            self.numbers[name].assign(given)
        else:
            self.numbers[name] = given.detach()

    # -- what is compiled ------------------------------------------------------------------------

    def _moved(self, method: str, tokens: Tensor, leaves: Sequence[Tensor]) -> Tensor:
        """Read tokens from a state on; the cells hold the state after them."""
        state = tree.unflatten(self._structure, list(leaves))
        logits, state = getattr(self._model(), method)(tokens, state)
        for cell, leaf in zip(self.cells, tree.flatten(state)[0], strict=True):
            cell.assign(leaf)
        made: Tensor = logits
        return made

    def _read(self, tokens: Tensor) -> Tensor:
        return self._moved("prefill", tokens, self.cells)

    def _write(self, _: Tensor) -> Tensor:
        token = self._chosen()
        if self._way.stops:
            ended, last, stops = (self.numbers[name] for name in ("ended", "last", "stops"))
            token = where(ended, last, token)
            ends = any(equal(reshape(token, (-1, 1)), stops), axis=-1)
            ended.assign(logical_or(ended, ends))
            last.assign(token)
        self.numbers["logits"].assign(self._moved("step", token, self.cells))
        return token

    def _chosen(self) -> Tensor:
        logits = self.numbers["logits"]
        if self._way.kind == "greedy":
            found: Tensor = argmax(logits, axis=-1)
            return found
        wanted = ["temperature", *(name for name in ("top_k", "top_p") if getattr(self._way, name))]
        options = {name: self.numbers[name] for name in wanted}
        return sampled(logits, generator=self.generator, **options)

    def _advance(self, tokens: Tensor, rows: Tensor) -> Tensor:
        leaves = [take(cell, rows, axis=0) if cell.ndim else cell for cell in self.cells]
        return log_softmax(self._moved("step", tokens, leaves), -1)


_idle: weakref.WeakKeyDictionary[Any, dict[Any, Session]] = weakref.WeakKeyDictionary()


@contextmanager
def session(model: Any, start: Any, way: Way) -> Iterator[Session]:
    """A session of the model for such a state, nobody else's meanwhile; kept for the next time."""
    known = _idle.setdefault(model, {})
    leaves, _ = tree.flatten(start)
    key = (way, *((leaf.shape, leaf.dtype) for leaf in leaves))
    found = known.pop(key, None)
    if found is None or not found.is_for(model):
        found = Session(model, start, way)
    yield found
    known[key] = found
    for old in list(known)[:-_KEPT]:
        known.pop(old, None)


def _parameters(model: Any) -> int:
    """How many there are."""
    return sum(each.size for each in model.parameters()) if hasattr(model, "parameters") else 0


def _attributes(model: Any) -> Any:
    look = getattr(model, "_attributes", None)
    return look() if look is not None else None

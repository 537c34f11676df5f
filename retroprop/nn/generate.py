"""`generate`: a language model goes on with texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.array.creation import asarray
from retroprop.core.rng import Generator, default_generator
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from retroprop.nn.functional.softmax import log_softmax
from retroprop.nn.session import Way, session

__all__ = ["generate"]

Array = np.ndarray[Any, Any]

_LEAST_ROOM = 64  # tokens: shorter texts share their programs
_MANY, _SOME, _FEW = 256, 32, 8  # tokens in a call: alone, with a stop, with somebody who listens


def generate(
    model: Any,
    prompt: Any,
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    greedy: bool = False,
    beams: int = 1,
    length_penalty: float = 1.0,
    stop: int | Sequence[int] | None = None,
    generator: Generator | None = None,
    stream: Callable[[Any], Any] | None = None,
) -> Tensor:
    """Go on with texts, token by token.

    The first call compiles what later calls for as many texts, of about the same length, run. The
    model is in evaluation mode meanwhile.

    Args:
        model:          has the methods start, prefill and step, as `TransformerLM` does.
        prompt:         the texts so far, integers (batch, time); or (time,), one text.
        max_new_tokens: how many more, at most.
        temperature:    divides the logits: below 1 for what is likely, above 1 for variety.
        top_k:          draw from the k most likely tokens only.
        top_p:          draw from the most likely tokens only, as few as have this probability
                        together (after top_k).
        greedy:         take the most likely token instead of drawing one.
        beams:          above 1, keep so many beginnings of a text and return the most likely one.
        length_penalty: of beams: log-probabilities are divided by (new tokens)^length_penalty, so
                        more of it favours longer texts.
        stop:           a token, or several, that ends a text.
        generator:      of the random numbers; the default one if None. Same state, same tokens.
        stream:         is called with each new token: a number for one text given as (time,), else
                        a Tensor (batch,).

    Returns:
        The prompt and what follows, (batch, time + new) or (time + new,). It ends where all texts
        have ended; until then those that have repeat their last token.

    Raises:
        ArgumentError: an option outside its range, more tokens than the model was made for.
        ShapeError, DTypeError, IndexRangeError: a prompt that is empty, or holds no tokens.

    Numerics: tokens whose logits, divided by the temperature, differ by less than 2^-25 count as
        equally likely for top_k and top_p, and stay together. Drawn as by `random.categorical`.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import nn
        >>> model = nn.TransformerLM(96, 32, heads=4, layers=2, length=64)
        >>> seeded = rp.random.Generator(0)
        >>> nn.generate(model, [1, 2, 3], 10, top_k=5, generator=seeded).shape
        (13,)

    Source: top_p: Holtzman et al. 2019, arXiv:1904.09751; top_k: Fan et al. 2018, arXiv:1805.04833;
        length_penalty: Wu et al. 2016, arXiv:1609.08144, in its simplest form.
    """
    texts, is_one = _texts(model, prompt)
    stops = _stops(model, stop)
    _check(max_new_tokens, temperature, top_k, top_p, beams)
    if max_new_tokens == 0:
        return asarray(texts[0] if is_one else texts)
    room = _room(model, texts.shape[1], max_new_tokens)
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    with no_grad(), _evaluating(model):
        if beams > 1:
            _check_beams(options, greedy=greedy, streams=stream is not None)
            search = _Beams(model, texts, beams, room, length_penalty, stops)
            found = search.run(max_new_tokens)
        else:
            given = {} if greedy else {k: v for k, v in options.items() if v is not None}
            tell = _teller(stream, is_one=is_one)
            found = _written(model, texts, max_new_tokens, room, given, stops, generator, tell)
    whole = np.concatenate([texts, found], axis=1)
    return asarray(whole[0] if is_one else whole)


def _written(
    model: Any,
    texts: Array,
    count: int,
    room: int,
    options: dict[str, Any],
    stops: Array,
    generator: Generator | None,
    tell: Callable[[Array], Any] | None,
) -> Array:
    """New tokens, drawn or taken: (batch, new)."""
    kind, source = "sample" if options else "greedy", generator or default_generator()
    way = Way(kind, "top_k" in options, "top_p" in options, len(stops))
    batch = len(texts)
    start = model.start(batch, room)
    with session(model, start, way) as at:
        logits = at.begin(start, texts)
        for name, number in options.items():
            at.hold(name, np.asarray(number, logits.dtype))
        at.hold("stops", stops)
        at.hold("ended", np.zeros(batch, bool))
        at.hold("last", np.zeros(batch, np.int64))
        at.hold("logits", logits)
        at.generator.state.assign(source.state)
        lines, ended, left = [], np.zeros(batch, bool), count
        while left and not ended.all():
            size = min(left, _FEW if tell is not None else _SOME if len(stops) else _MANY)
            made = at.write.many(np.arange(size)).numpy()
            left -= size
            for line in made:
                if ended.all():
                    break
                ended |= np.isin(line, stops) if len(stops) else False
                lines.append(line)
                if tell is not None:
                    tell(line)
        source.state.assign(at.generator.state)
    return np.stack(lines, axis=1)


class _Beams:
    """A search for the most likely continuations.

    A text is a row; `beams` rows in a row are the best unfinished beginnings of one.
    """

    def __init__(
        self, model: Any, texts: Array, beams: int, room: int, penalty: float, stops: Array
    ) -> None:
        self.model, self.texts, self.beams = model, np.repeat(texts, beams, axis=0), beams
        self.batch, self.penalty, self.stops = len(texts), penalty, stops
        self.start = model.start(self.batch * beams, room)
        self.best = [(-np.inf, np.zeros(0, np.int64))] * self.batch  # finished: score, tokens

    def run(self, count: int) -> Array:
        """The best new tokens of each text, (batch, new)."""
        beams, batch = self.beams, self.batch
        scores = np.full((batch, beams), -np.inf)
        scores[:, 0] = 0.0  # all beams are the same at first
        made = np.zeros((batch, beams, 0), np.int64)
        with session(self.model, self.start, Way("beams")) as at:
            logs = log_softmax(at.begin(self.start, self.texts), -1)
            for length in range(1, count + 1):
                table = scores[:, :, None] + logs.numpy().reshape(batch, beams, -1)
                scores, parents, tokens = self._chosen(table, made, length)
                made = np.take_along_axis(made, parents[:, :, None], axis=1)
                made = np.concatenate([made, tokens[:, :, None]], axis=2)
                if length == count or self._is_settled(scores[:, 0], length, count):
                    break
                rows = parents + beams * np.arange(batch)[:, None]
                logs = at.advance(asarray(tokens.reshape(-1)), asarray(rows.reshape(-1)))
        for number in range(batch):
            self._finish(number, scores[number, 0], made[number, 0], made.shape[2])
        return self._padded()

    def _chosen(self, table: Array, made: Array, length: int) -> tuple[Array, Array, Array]:
        """The best unfinished rows: scores, what they follow, and their tokens."""
        tokens, shape = table.shape[2], (self.batch, self.beams)
        scores, parents, chosen = (
            np.full(shape, -np.inf),
            np.zeros(shape, int),
            np.zeros(shape, int),
        )
        flat = table.reshape(self.batch, -1)
        most = min(self.beams * (1 + len(self.stops)), flat.shape[1])
        order = np.argsort(-flat, axis=1, kind="stable")[:, :most]
        for number, candidates in enumerate(order):
            kept = 0
            for candidate in candidates:
                parent, token = divmod(int(candidate), tokens)
                score = flat[number, candidate]
                if token in self.stops:
                    self._finish(number, score, np.append(made[number, parent], token), length)
                elif kept < self.beams:
                    scores[number, kept], parents[number, kept] = score, parent
                    chosen[number, kept] = token
                    kept += 1
        return scores, parents, chosen

    def _finish(self, number: int, score: float, tokens: Array, length: int) -> None:
        value = score / length**self.penalty
        if value > self.best[number][0]:
            self.best[number] = (value, tokens)

    def _is_settled(self, alive: Array, length: int, count: int) -> bool:
        """Whether no unfinished row can become better than what is finished."""
        hopes = np.maximum(alive / length**self.penalty, alive / count**self.penalty)
        return all(best >= hope for (best, _), hope in zip(self.best, hopes, strict=True))

    def _padded(self) -> Array:
        longest = max(len(tokens) for _, tokens in self.best)
        return np.stack([
            np.concatenate([tokens, np.repeat(tokens[-1:], longest - len(tokens))])
            for _, tokens in self.best
        ])  # fmt: skip


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """All of the model in evaluation mode; as it was, after that."""
    modules = list(model.modules()) if hasattr(model, "modules") else []
    modes = [module.training for module in modules]
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def _teller(stream: Callable[[Any], Any] | None, *, is_one: bool) -> Callable[[Array], Any] | None:
    if stream is None:
        return None
    return lambda line: stream(int(line[0]) if is_one else asarray(line))


# -- what it is given ----------------------------------------------------------------------------


def _texts(model: Any, prompt: Any) -> tuple[Array, bool]:
    """The prompts as (batch, time), and whether it is one without the axis of the batch."""
    given = asarray(prompt)
    if given.ndim not in {1, 2}:
        raise ShapeError(
            f"generate: the prompt must be (batch, time) or (time,), it is {given.shape}"
        )
    if given.size == 0:
        raise ShapeError(
            f"generate: the prompt {given.shape} has no tokens",
            fix="begin with a token that stands for the beginning, such as a line break",
        )
    if not dtypes.is_integer(given.dtype):
        raise DTypeError(f"generate: tokens must be integers, the prompt is {given.dtype}")
    array = given.numpy().astype(np.int64)
    _check_tokens(model, array, "the prompt")
    return np.atleast_2d(array), array.ndim == 1


def _stops(model: Any, stop: Any) -> Array:
    stops = np.zeros(0, np.int64) if stop is None else np.atleast_1d(np.asarray(stop))
    if stops.ndim > 1 or stops.dtype.kind not in "iu":
        raise ArgumentError(f"generate: stop must be a token or several, it is {stop!r}")
    _check_tokens(model, stops, "stop")
    return stops.astype(np.int64)


def _check_tokens(model: Any, array: Array, where: str) -> None:
    count = getattr(model, "tokens", None)
    wrong = array[(array < 0) | (array >= (np.inf if count is None else count))]
    if wrong.size:
        known = "tokens are not negative" if count is None else f"the model knows 0..{count - 1}"
        raise IndexRangeError(f"generate: {where} holds token {wrong[0]}, {known}")


def _check(count: int, temperature: float, top_k: Any, top_p: Any, beams: int) -> None:
    _check_count("max_new_tokens", count, 0)
    _check_count("beams", beams, 1)
    if top_k is not None:
        _check_count("top_k", top_k, 1)
    if not 0 < temperature < np.inf:
        raise ArgumentError(
            f"generate: temperature must be above 0, it is {temperature!r}",
            fix="use greedy=True for the most likely token",
        )
    if top_p is not None and not 0 < top_p <= 1:
        raise ArgumentError(f"generate: top_p is a probability above 0, up to 1; it is {top_p!r}")


def _check_count(name: str, count: Any, least: int) -> None:
    if not hasattr(count, "__index__") or count.__index__() < least:
        raise ArgumentError(
            f"generate: {name} must be a whole number, at least {least}; it is {count!r}"
        )


def _check_beams(options: dict[str, Any], *, greedy: bool, streams: bool) -> None:
    wrong = [name for name, value in options.items() if value not in {None, 1.0}]
    wrong += ["greedy"] * greedy + ["stream"] * streams
    if wrong:
        raise ArgumentError(
            f"generate: beams search for the most likely text, {wrong[0]} does not go with that",
            fix=f"leave out {wrong[0]}, or beams",
        )


def _room(model: Any, time: int, count: int) -> int:
    """Tokens that the state is made for: powers of two, so that few programs are needed."""
    total, limit = time + count, getattr(model, "length", None)
    if limit is not None and total > limit:
        fix = f"ask for {limit - time} at most" if time < limit else "give it the end of the prompt"
        raise ArgumentError(
            f"generate: {time} tokens and {count} new ones, the model was made for {limit}", fix=fix
        )
    room = max(_LEAST_ROOM, 1 << (total - 1).bit_length())
    return room if limit is None else min(room, limit)

"""The task: learn how a text goes on, then write such text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from retroprop import nn
from retroprop.data.dataset import Dataset
from retroprop.data.stream import Stream
from retroprop.errors import ArgumentError, CheckpointError, DataError, unknown
from retroprop.tasks.generation import corpus as texts
from retroprop.tasks.generation.corpus import Corpus
from retroprop.tasks.generation.scoring import bits, compressed, ngrams, surprise
from retroprop.tasks.generation.showing import Seen, fields
from retroprop.tasks.generation.tokens import learned, restored
from retroprop.tasks.generation.writing import Allowed, told, written
from retroprop.tasks.options import COMMON, Option, flag, maybe, whole
from retroprop.tasks.task import Part, Parts, Task
from retroprop.train.trainer import Trainer

__all__ = ["Generation", "Stretch", "Texts"]

Array = np.ndarray[Any, Any]

_RECURRENT = ("lstm", "gru", "rnn")
_SAMPLES = (0.5, 0.8, 1.0)  # temperatures
_WRITTEN = 400  # tokens of a sample
_STEPS, _EPOCHS = 2000, 40  # how long to train: so many steps, at most so many passes
_SHORT = 300_000  # characters: shorter texts have a preset of their own


class Texts:
    """What `read` gives: the texts, and notes."""

    def __init__(self, corpus: Corpus, notes: list[str]) -> None:
        self.corpus, self.notes = corpus, notes


class Stretch(Part):
    """A part of the text; as long as it has windows, or texts where none were cut.

    Attributes:
        corpus:  its characters.
        windows: how many examples it makes, or None.
    """

    def __init__(self, corpus: Corpus, windows: int | None = None, notes: Any = ()) -> None:
        super().__init__(corpus, None, [name for name, _ in corpus.documents], notes)
        self.corpus, self.windows = corpus, windows

    def __len__(self) -> int:
        return len(self.ids) if self.windows is None else self.windows


class Generation(Task):
    """Predict the next character, or sub-word, of a text.

    Attributes:
        tokens: characters or sub-words, learned from the training part.
    """

    name = "generation"
    about: ClassVar[str] = "learn how a text goes on, and write: a text file or a folder of them"
    presets: ClassVar[str] = "generation"
    OPTIONS: ClassVar[dict[str, Option]] = {
        "model": Option(str, "lstm", None, None, "lstm, gru, rnn or transformer"),
        "tokens": Option(str, "characters", None, None, "characters, or subwords"),
        "vocabulary": Option(whole, 2000, 264, 65_000, "sub-words: how many"),
        "window": Option(whole, 64, 4, 2**16, "tokens that are read at once"),
        "hidden": Option(
            whole, 256, 1, 2**14, "units of a recurrent layer, width of a transformer"
        ),
        "embed": Option(whole, 64, 1, 2**14, "recurrent: numbers for each token"),
        "layers": Option(whole, 2, 1, 128, "how many"),
        "heads": Option(whole, 4, 1, 256, "transformer: heads of the attention"),
        "dropout": Option(float, 0.0, 0, 0.95, "share of units dropped in training"),
        **{name: option for name, option in COMMON.items() if name != "label_smoothing"},
        "limit": Option(maybe(whole), None, 2, None, "use at most this many characters"),
    }
    PREDICT: ClassVar[dict[str, Option]] = {
        "lines": Option(flag, False, None, None, "a row for each line instead of each text"),
    }

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.tokens: Any = None
        self._train: Corpus | None = None
        self._test: Stretch | None = None
        self._writer: tuple[Any, Allowed] | None = None

    # -- data ------------------------------------------------------------------------------------

    @classmethod
    def claims(cls, source: Any, target: str | None) -> str:
        """Running text, and no column to predict."""
        return texts.claimed(source) if target is None else ""

    @classmethod
    def read(cls, source: Any, given: dict[str, Any], target: str | None = None) -> Texts:
        """The texts of a source, one after the other."""
        if target is not None:
            raise ArgumentError(f"a text has no column {target!r}", fix="leave --target out")
        corpus, notes = texts.read(source, given.get("limit"))
        count = len(corpus.documents)
        among = f" in {count} texts" if count > 1 else ""
        return Texts(corpus, [f"{len(corpus):,} characters{among}", *notes])

    @classmethod
    def preset(cls, data: Texts) -> str:
        """By the length of the text."""
        return "short" if len(data.corpus) < _SHORT else "default"

    @classmethod
    def adapted(cls, data: Texts, options: dict[str, Any]) -> dict[str, Any]:
        """What a transformer has otherwise; as many passes as some steps take."""
        own: dict[str, Any] = {}
        if options["model"] == "transformer":
            own = {"hidden": 128, "layers": 4, "window": 128, "batch_size": 16, "lr": 0.002}
        at_once = {**options, **own}
        kept = len(data.corpus) * (1 - options["test_fraction"]) * (1 - options["validation"])
        if options["tokens"] != "characters":
            kept /= 3
        steps = kept / (at_once["window"] * at_once["batch_size"])
        return {**own, "epochs": min(max(1, round(_STEPS / max(steps, 1))), _EPOCHS)}

    def split(self, data: Texts) -> Parts:
        """In the order of the text: training, validation, test."""
        whole, length = data.corpus, len(data.corpus)
        end = length - round(length * self.options["test_fraction"])
        middle = end - round(end * self.options["validation"])
        spans = ((0, middle), (middle, end), (end, length))
        train, held, test = (self._stretch(whole, span) for span in spans)
        if train is None or test is None:
            raise ArgumentError("nothing is left to train or to test on")
        self._test = test
        return Parts(train, held, test)

    def _stretch(self, whole: Corpus, span: tuple[int, int]) -> Stretch | None:
        start, stop = span
        window = self.options["window"]
        if stop == start:
            return None
        if stop - start <= window:
            raise DataError(
                f"the text is too short: a part of it has {stop - start} characters, less than "
                f"a window of {window} and one more",
                fix=f"give a longer text, or a smaller window than window={window}",
            )
        return Stretch(whole.cut(start, stop), (stop - start - 1) // window)

    def learn(self, train: Stretch) -> None:
        """Which characters or sub-words there are."""
        options = self.options
        self._train = train.corpus
        size, seed = options["vocabulary"], options["seed"]
        self.tokens = learned(options["tokens"], train.corpus, size, seed)
        if self._test is not None:  # in sub-words it has fewer windows than in characters
            count = sum(len(piece) for piece in self.tokens.of_corpus(self._test.corpus))
            self._test.windows = max(1, (count - 1) // options["window"])

    def to_dict(self) -> dict[str, Any]:
        """The tokens, and how long the training part is."""
        length = None if self._train is None else len(self._train)
        return {"tokens": self.tokens.to_dict(), "characters": length}

    def restore(self, record: dict[str, Any]) -> None:
        """Take the tokens back."""
        if not isinstance(record.get("tokens"), dict):
            raise CheckpointError("preprocess.json is damaged: it names no tokens")
        self.tokens = restored(record["tokens"])

    def examples(self, part: Stretch) -> Dataset:
        """Windows of tokens, and the same one token on."""
        row, window = texts.gathered(self.tokens.of_corpus(part.corpus)), self.options["window"]
        count = (len(row) - 1) // window
        if count < 1:
            raise DataError(
                f"the text is too short: a part of it has {len(row)} {self.tokens.noun}, less "
                f"than a window of {window} and one more",
                fix=f"give a longer text, or a smaller window than window={window}",
            )
        part.windows = count
        if isinstance(row, np.memmap):
            return Dataset(_stream(row, window, count, 0), _stream(row, window, count, 1))
        size = count * window
        x, y = row[:size].reshape(count, window), row[1 : size + 1].reshape(count, window)
        return Dataset(x, y)

    def open(self, source: Any, *, with_target: bool = False) -> Stretch:
        """New texts; says which of their characters are unknown."""
        corpus, notes = texts.read(source)
        strange = "".join({*filter(None, map(self._strange, corpus.pieces()))})
        if strange:
            notes.append(f"never seen in training: {_named(strange)}; they count as one unknown")
        return Stretch(corpus, None, notes)

    def _strange(self, codes: Array) -> str:
        found: str = self.tokens.strangers(texts.string_of(np.unique(codes)))
        return found

    # -- training --------------------------------------------------------------------------------

    def build(self) -> nn.Module:
        """A recurrent network, or a transformer."""
        options, count = self.options, len(self.tokens)
        kind, hidden, layers = options["model"], options["hidden"], options["layers"]
        if kind in _RECURRENT:
            return nn.RecurrentLM(
                count, options["embed"], hidden, layers, kind=kind, dropout=options["dropout"]
            )
        if kind != "transformer":
            raise unknown("model", kind, (*_RECURRENT, "transformer"))
        return nn.TransformerLM(
            count, hidden, options["heads"], layers, options["window"], dropout=options["dropout"]
        )

    def loss(self) -> Any:
        """Bits per token."""
        return bits

    # -- what came of it -------------------------------------------------------------------------

    def headline(self) -> str:
        """What is learned."""
        return f"how a text of {len(self.tokens)} {self.tokens.noun} goes on"

    def measure(self, trainer: Trainer, part: Stretch) -> tuple[dict[str, float], Seen]:
        """Bits per character, beside counting and packing, and what the model writes."""
        row = texts.gathered(self.tokens.of_corpus(part.corpus))
        found = self._surprise(trainer.model, [row])[0]
        others = {}
        if self._train is not None:
            counted = ngrams(self._train.codes, part.corpus.codes)
            others = dict(zip(("unigram", "bigram", "trigram"), counted, strict=True))
        others |= compressed(part.corpus)
        samples = [
            (each, self.generate(trainer.model, length=_WRITTEN, temperature=each, seed=k))
            for k, each in enumerate(_SAMPLES)
        ]
        name = self.options["model"]
        decode = self.tokens.decode
        seen = Seen(found, row, len(part.corpus), decode, others, samples, name)
        scores = {"loss": float(found.mean()), "bits_per_character": seen.per_character}
        return {**scores, **{f"{name}_bits": value for name, value in others.items()}}, seen

    def _surprise(self, model: nn.Module, rows: list[Array]) -> list[Array]:
        return surprise(model, rows, self.options["window"], self._first)

    @property
    def _first(self) -> int:
        """The token before a text: a line break, if there are any."""
        found = self.tokens.encode("\n")
        return int(found[0])

    def summary(self, result: dict[str, Any]) -> str:
        """Bits per character, beside the best that costs nothing."""
        own = f"test {result['test_bits_per_character']:.3f} bits per character"
        beside = [
            f"{name} {result[f'test_{name}_bits']:.2f}"
            for name in ("trigram", "xz")
            if f"test_{name}_bits" in result
        ]
        return f"{own} ({', '.join(beside)})" if beside else own

    def report(self, part: Stretch, seen: Seen) -> dict[str, Any]:
        """Samples, comparison, surprising passages."""
        return fields(seen)

    def title(self) -> str:
        """What the page is called."""
        return "text"

    def predict(self, trainer: Trainer, part: Stretch, options: dict[str, Any]) -> dict[str, Any]:
        """For each text, or each of its lines: characters and bits per character.

        The line break at the end of a text does not count.
        """
        corpus = part.corpus.by_line() if options["lines"] else part.corpus
        part.ids = [name for name, _ in corpus.documents]
        kept = [corpus.string(*span).removesuffix("\n") for span in corpus.spans()]
        if options["lines"]:  # blank lines follow some
            kept = [text.rstrip("\n") for text in kept]
        costs = self._surprise(trainer.model, [self.tokens.encode(text) for text in kept])
        totals = [float(cost.sum(dtype=np.float64)) for cost in costs]
        pairs = list(zip(totals, kept, strict=True))
        answer: dict[str, Any] = {"characters": [len(text) for text in kept]}
        answer["bits_per_character"] = [bits / max(1, len(text)) for bits, text in pairs]
        if options["lines"]:
            answer["text"] = kept
        return answer

    def generate(
        self,
        model: Any,
        prompt: str = "",
        length: int = 200,
        *,
        temperature: float = 0.8,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        say: Callable[[str], Any] | None = None,
        note: Callable[[str], Any] | None = None,
    ) -> str:
        """What the model writes after a prompt.

        Args:
            model:       of the run, with its weights.
            prompt:      the beginning; nothing: the beginning of a line.
            length:      how many tokens more.
            temperature: below 1 for what is likely, above 1 for variety; 0 for the most likely.
            top_k, top_p: as for `nn.generate`.
            seed:        same seed, same text.
            say:         is called with the new characters, as they come.
            note:        is called with what there is to say about the prompt.

        Raises:
            ArgumentError: no character of the prompt is known, or an option out of range.
        """
        known = self._known(prompt, note)
        begun = [int(k) for k in self.tokens.encode(known)] or [self._first]
        if self._writer is None or self._writer[0] is not model:
            self._writer = model, Allowed(model, len(self.tokens), self.tokens.banned)
        tell = None if say is None else told(self.tokens.decode, say)
        made = written(
            self._writer[1], begun, length,
            temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, tell=tell,
        )  # fmt: skip
        found: str = self.tokens.decode(made)
        return found

    def _known(self, prompt: str, note: Callable[[str], Any] | None) -> str:
        """The prompt without characters that the model has never seen."""
        prompt = prompt.replace("\r\n", "\n")
        strange = self.tokens.strangers(prompt)
        known = "".join(c for c in prompt if c not in strange)
        if strange and not known:
            raise ArgumentError(
                f"the model has never seen any character of the prompt: {_named(strange)}",
                fix="write the prompt in the script of the text that it was trained on",
            )
        if strange and note is not None:
            note(f"the model has never seen {_named(strange)}: left out of what it reads")
        return known


def _named(characters: str) -> str:
    """Some characters, the first ten of them.

    Example:
        >>> _named("ñ€")
        "'ñ' '€'"
    """
    shown = " ".join(repr(each) for each in characters[:10])
    rest = len(characters) - 10
    return f"{shown} and {rest} more" if rest > 0 else shown


def _stream(row: Array, window: int, count: int, shift: int) -> Stream:
    """Windows of a row of tokens that is on disk."""

    def read(number: int) -> Array:
        start = number * window + shift
        return np.asarray(row[start : start + window])

    return Stream(read, count)

"""Translation: pairs of sentences in, a network that turns one language into another out."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from retroprop import nn
from retroprop.data.dataset import Dataset
from retroprop.data.split import split
from retroprop.data.subwords import Subwords
from retroprop.errors import ArgumentError, CheckpointError, DataError, unknown
from retroprop.tasks.options import COMMON, Option, flag, maybe, whole
from retroprop.tasks.task import Part, Parts, Task
from retroprop.tasks.translation import show
from retroprop.tasks.translation.network import Recurrent, Transformer, translation_loss
from retroprop.tasks.translation.pack import packed
from retroprop.tasks.translation.read import Pairs, looks_like_pairs, read_lines, read_pairs
from retroprop.tasks.translation.scores import Seen, bleu, measured, scorer
from retroprop.tasks.translation.search import Translator
from retroprop.train.trainer import Trainer

__all__ = ["Translation"]

Array = np.ndarray[Any, Any]

_MODELS = ("transformer", "gru")
_TEST = 1000  # pairs for the test, and as many to validate, where there are many
_SHARE = 0.1  # of the pairs, where there are few
_FEW_SUBWORDS = 200
_ROOM = 2  # a row holds so many texts of the longest kind


class Translation(Task):
    """Translate sentences of one language into another.

    Attributes:
        words: the sub-words of both languages.
        sides: what the languages are called.
        ratio: sub-words of a target for each of its source, in the training part.
    """

    name = "translation"
    about: ClassVar[str] = "translate sentences: a table of two columns, a sentence and its meaning"
    presets: ClassVar[str] = "translation"
    OPTIONS: ClassVar[dict[str, Option]] = {
        "model": Option(str, "transformer", None, None, "transformer, or gru (recurrent layers)"),
        "reverse": Option(flag, False, None, None, "translate from the second column to the first"),
        "columns": Option(maybe(str), None, None, None, "names of the two columns, e.g. en,es"),
        "subwords": Option(whole, 4000, 16, 2**16, "pieces of words that spell both languages"),
        "longest": Option(whole, 24, 4, 256, "sub-words of a sentence; longer ones are left out"),
        "width": Option(whole, 128, 2, 2**12, "features of a sub-word"),
        "layers": Option(whole, 2, 1, 24, "layers that read, and as many that write"),
        "heads": Option(whole, 4, 1, 64, "transformer: heads of each attention"),
        "inner": Option(whole, 512, 1, 2**14, "transformer: features inside each layer"),
        "dropout": Option(float, 0.1, 0, 0.9, "share of features dropped in training"),
        **COMMON,
    }
    PREDICT: ClassVar[dict[str, Option]] = {
        "beam": Option(whole, 4, 1, 64, "beginnings kept in the search; 1 takes the likeliest"),
        "length_penalty": Option(float, 0.6, 0, 5, "how much long translations are favoured"),
        "attention": Option(maybe(str), None, None, None, "an SVG file: who attends to what"),
    }

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        if options["model"] not in _MODELS:
            raise unknown("model", options["model"], _MODELS)
        self.words: Any = None
        self.sides = ("source", "target")
        self.ratio = 1.0
        self.too_long = ""
        self._notes: list[str] = []
        self._work: Translator | None = None

    # -- data ------------------------------------------------------------------------------------

    @classmethod
    def claims(cls, source: Any, target: str | None) -> str:
        """Two columns of sentences that go together."""
        return looks_like_pairs(source, target)

    @classmethod
    def read(cls, source: Any, given: dict[str, Any], target: str | None = None) -> Pairs:
        """Pairs of sentences, without repeats; `limit` of them, drawn at random."""
        pairs = read_pairs(
            source,
            columns=given.get("columns"),
            target=target,
            reverse=bool(given.get("reverse")),
        )
        most = given.get("limit")
        if most is not None and most < len(pairs):
            order = np.random.default_rng(given.get("seed", 0)).permutation(len(pairs))
            pairs = replace(pairs.take(order[:most]), notes=pairs.notes)
        return pairs

    @classmethod
    def adapted(cls, data: Pairs, options: dict[str, Any]) -> dict[str, Any]:
        """A thousand pairs for the test, or a tenth; sub-words by pairs and kinds of letters."""
        share = min(_SHARE, _TEST / len(data))
        letters = len(set().union(*data.sources, *data.targets))
        size = min(options["subwords"], max(_FEW_SUBWORDS, len(data)))
        return {
            "test_fraction": share,
            "validation": min(_SHARE, share / (1 - share)),
            "subwords": max(size, 2 * letters),
        }

    def split(self, data: Pairs) -> Parts:
        """All pairs that share a sentence, on either side, are in one part."""
        share, held = self.options["test_fraction"], self.options["validation"]
        held *= 1 - share
        fractions = [1 - share - held, held, share] if held else [1 - share, share]
        groups = _groups(data.sources, data.targets)
        parts = split(len(data), fractions, self.options["seed"], groups=groups)
        self.sides, self._notes = data.names, data.notes
        made = [_part(data.take(chosen)) for chosen in parts]
        return Parts(made[0], made[1] if held else None, made[-1])

    def learn(self, train: Part) -> None:
        """The sub-words of both languages."""
        size, seed = self.options["subwords"], self.options["seed"]
        self.words = Subwords.learn([*train.x, *train.y], size, seed)
        scorer()  # rather now than after the training
        counts = [[len(self.words.encode(text)) for text in side] for side in (train.x, train.y)]
        long = int((np.max(counts, axis=0) > self.longest).sum())
        if long:
            self.too_long = (
                f"{long:,} pairs of more than {self.longest} sub-words left out of the training"
            )
            self._notes.append(f"{self.too_long}: see longest=")
        self.ratio = sum(counts[1]) / max(1, sum(counts[0]))

    def to_dict(self) -> dict[str, Any]:
        """Sub-words, names of the languages."""
        return {"subwords": self.words.to_dict(), "sides": list(self.sides), "ratio": self.ratio}

    def restore(self, record: dict[str, Any]) -> None:
        """Take them back."""
        try:
            self.words = Subwords.from_dict(record["subwords"])
            one, other = record["sides"]
            self.sides, self.ratio = (str(one), str(other)), float(record["ratio"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"preprocess.json is damaged: {error!r}") from None

    @property
    def longest(self) -> int:
        """The most sub-words of a sentence, without its end."""
        return int(self.options["longest"])

    def examples(self, part: Part) -> Dataset:
        """Rows of sub-words; for a transformer several sentences share one."""
        pairs = [
            (self.words.encode(one), self.words.encode(other))
            for one, other in zip(part.x, part.y, strict=True)
        ]
        fits = [pair for pair in pairs if max(map(len, pair)) <= self.longest]
        if not fits:
            raise DataError(
                f"no pair of sentences has at most {self.longest} sub-words",
                fix="set longest= to more",
            )
        alone = self.options["model"] == "gru"
        room = (self.longest + 1) * (1 if alone else _ROOM)
        return Dataset(*packed(fits, room, alone=alone))

    def open(self, source: Any, *, with_target: bool = False) -> Part:
        """Sentences to translate, or pairs with their reference."""
        reverse = bool(self.options["reverse"])
        if with_target:
            columns = self.options["columns"]
            pairs = read_pairs(source, columns=columns, reverse=reverse, fewest=1)
            return _part(pairs)
        texts, ids, notes = read_lines(source, self.sides[0], int(reverse))
        empty = sum(not text for text in texts)
        if empty == len(texts):
            raise DataError("there is no sentence to translate")
        if empty:
            notes = [*notes, f"{empty:,} empty line{'s' * (empty > 1)} stayed empty"]
        return Part(texts, None, ids, notes)

    # -- training --------------------------------------------------------------------------------

    def build(self) -> nn.Module:
        """A transformer, or recurrent layers with attention."""
        options = self.options
        tokens, width, layers = len(self.words), options["width"], options["layers"]
        if options["model"] == "gru":
            return Recurrent(tokens, width, layers, options["dropout"])
        sizes = (options["heads"], layers, options["inner"], self.longest + 1)
        return Transformer(tokens, width, *sizes, options["dropout"])

    def loss(self) -> Any:
        """Cross-entropy of each next sub-word, padding aside."""
        smoothing = self.options["label_smoothing"]
        return functools.partial(translation_loss, label_smoothing=smoothing)

    # -- what came of it -------------------------------------------------------------------------

    def headline(self) -> str:
        """From what into what."""
        left = f" ({self.too_long})" if self.too_long else ""
        return (
            f"translation from {self.sides[0]} to {self.sides[1]}, {len(self.words):,} "
            f"sub-words{left}"
        )

    def title(self) -> str:
        """From what into what."""
        return f"translation {self.sides[0]} to {self.sides[1]}"

    def translator(self, model: nn.Module) -> Translator:
        """A trained network at work; it is compiled once."""
        model.eval()
        if self._work is None or self._work.model is not model:
            self._work = Translator(model, self.words, self.longest)
        return self._work

    def measure(self, trainer: Trainer, part: Part) -> tuple[dict[str, float], Seen]:
        """BLEU and chrF of the translations of all pairs; loss and accuracy of the sub-words."""
        return measured(self, trainer, part)

    def summary(self, result: dict[str, Any]) -> str:
        """BLEU, chrF, and how many sub-words were guessed right."""
        return (
            f"test BLEU {result['test_bleu']:.1f}, chrF {result['test_chrf']:.1f}, next sub-word "
            f"right in {result['test_accuracy']:.1%}"
        )

    def report(self, part: Part, seen: Seen) -> dict[str, Any]:
        """Examples with their references, attention, and scores by length."""
        score = bleu(seen.translations, part.y)
        exact = sum(a == b for a, b in zip(seen.translations, part.y, strict=True))
        runs = (
            f"BLEU of {len(part):,} translations from {self.sides[0]} to {self.sides[1]}: the "
            "share of runs of one to four words that stand in the reference too, 100 at most."
        )
        other = (
            f"{exact:,} of {len(part):,} are the reference word for word. There is one reference "
            "for each sentence, and a right translation in other words counts as wrong."
        )
        return {
            "said": (f"{score:.1f}", [runs, other]),
            "sections": show.sections(part, seen, self.sides),
        }

    def predict(self, trainer: Trainer, part: Part, options: dict[str, Any]) -> dict[str, Any]:
        """Translations; a picture of the attention when it was asked for."""
        translator = self.translator(trainer.model)
        picture = options["attention"]
        if picture is not None:
            _check_picture(Path(picture), part.x)
        beam, penalty = options["beam"], options["length_penalty"]
        made, cut = translator.translate(part.x, beam=beam, length_penalty=penalty)
        if cut:
            many = f"{len(cut):,} texts" if len(cut) > 1 else "1 text"
            where = ", ".join(str(part.ids[k]) for k in cut[:5]) + ", ..." * (len(cut) > 5)
            part.notes.append(
                f"{many} had more than {self.longest} sub-words and w"
                f"{'ere' if len(cut) > 1 else 'as'} translated in parts: {where}"
            )
        if picture is not None:
            seen = show.attended(translator, part.x[0], made[0])
            drawn = show.attention_picture(*seen, standalone=True)
            Path(picture).write_text(drawn, encoding="utf-8")
        return {"source": part.x, "translation": made}

    def write(self, answer: dict[str, Any], out: Path) -> None:
        """Translations: as a table for .csv, else one a line, as the sources stand."""
        if out.suffix.lower() == ".csv":
            super().write(answer, out)
            return
        lines = "".join(f"{line}\n" for line in answer["translation"])
        out.write_text(lines, encoding="utf-8")


def _check_picture(path: Path, texts: Sequence[str]) -> None:
    if len(texts) != 1 or not texts[0]:
        raise ArgumentError(
            f"attention={path} draws one sentence; there are {sum(map(bool, texts))}",
            fix="give one sentence instead of a file",
        )
    if path.suffix.lower() != ".svg":
        raise ArgumentError(f"attention={path} is a picture in SVG", fix="attention=picture.svg")
    if path.exists():
        raise ArgumentError(f"{path} exists", fix="choose another attention=")


def _part(pairs: Pairs) -> Part:
    ids = [f"{pairs.unit} {line}" for line in pairs.lines]
    return Part(pairs.sources, pairs.targets, ids, pairs.notes)


def _groups(sources: Sequence[str], targets: Sequence[str]) -> Array:
    """A number for each pair, the same for those that share a sentence, directly or by others."""
    parent: dict[tuple[int, str], tuple[int, str]] = {}

    def root(key: tuple[int, str]) -> tuple[int, str]:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for one, other in zip(sources, targets, strict=True):
        parent[root((1, other))] = root((0, one))
    numbers: dict[tuple[int, str], int] = {}
    return np.array([numbers.setdefault(root((0, one)), len(numbers)) for one in sources])

"""Sentiment and any other classes of texts: sentences in, a class and the words that say so out."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from retroprop import nn
from retroprop.data.dataset import Dataset, take
from retroprop.data.decode import is_folder
from retroprop.data.split import split
from retroprop.errors import CheckpointError, DataError, unknown
from retroprop.tasks.classes import ClassTask, class_scores, softmax
from retroprop.tasks.options import COMMON, Option, maybe, presets, sizes, whole
from retroprop.tasks.task import Part, Parts
from retroprop.tasks.text import choose, show
from retroprop.tasks.text.clean import cleaned, indices, limited, uneven
from retroprop.tasks.text.reasons import of_bag, of_others, told
from retroprop.tasks.text.source import Found, claim, labelled, unlabelled
from retroprop.tasks.text.words import Ngrams, Sentences, cut
from retroprop.train.trainer import Trainer

__all__ = ["Text"]

Array = np.ndarray[Any, Any]

_FEW, _MANY = 200, 20_000  # texts below which models are not tried, and above which rows are many
_LEAST_STEPS, _MOST_EPOCHS = 500, 60  # of a training on few texts
_BY_THE_MODEL = "; by the model"


def _by_the_model(name: str, read: Any = None) -> Option:
    """A common option whose default follows from the model."""
    option = COMMON[name]
    help = option.help + _BY_THE_MODEL
    return Option(maybe(read or option.read), None, option.low, option.high, help)


class Text(ClassTask):
    """Tell classes of texts apart: sentiment, topic, language, intent.

    Attributes:
        coder:   how texts become numbers.
        classes: their names, in order of class index.
        prior:   share of each class in training, which answers for an empty text.

    Example:
        >>> texts = ["a good film", "so good", "good food", "bad film", "so bad", "a bad meal"] * 2
        >>> texts = [f"{text} {number}" for number, text in enumerate(texts)]
        >>> data = Text.read((texts, ([1] * 3 + [0] * 3) * 2), {})
        >>> len(data), data.classes
        (12, ['0', '1'])
    """

    name = "text"
    about: ClassVar[str] = "classes of texts, such as sentiment: a table or folders of .txt files"
    presets: ClassVar[str] = "text"
    OPTIONS: ClassVar[dict[str, Option]] = {
        "model": Option(
            str, "auto", None, None, "bag (of n-grams), gru, lstm, transformer; auto tries"
        ),
        "text": Option(maybe(str), None, None, None, "tables: the column with the texts"),
        "words": Option(whole, 2, 1, 5, "bag: the longest n-gram of words"),
        "letters": Option(sizes, [2, 5], 0, 10, "bag: n-grams of letters, shortest,longest; 0,0"),
        "vocabulary": Option(maybe(whole), None, 2, 2**22, "n-grams, or words, that are known"),
        "rarest": Option(maybe(whole), None, 1, None, "in how many texts a known one must be"),
        "length": Option(whole, 128, 2, 4096, "words of a text that are read; not for bag"),
        "width": Option(whole, 64, 4, 2048, "features of a word; not for bag"),
        "hidden": Option(whole, 64, 1, 2048, "gru, lstm: features of the state"),
        "heads": Option(whole, 4, 1, 64, "transformer: heads of attention"),
        "layers": Option(whole, 1, 1, 24, "transformer: layers"),
        "dropout": Option(maybe(float), None, 0, 0.95, "share dropped in training"),
        "word_dropout": Option(float, 0.1, 0, 0.9, "share of words made unknown; not for bag"),
        **COMMON,
        **{
            name: _by_the_model(name)
            for name in ("epochs", "batch_size", "lr", "weight_decay", "label_smoothing")
        },
        "validation": _by_the_model("validation"),
    }
    PREDICT: ClassVar[dict[str, Option]] = {
        "because": Option(whole, 3, 0, 50, "how many of the words that decided are named; 0: none"),
    }

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.coder: Any = None
        self.classes: list[str] = []
        self.prior: list[float] = []
        self.column, self.target = "text", "label"
        self._tried = ""

    # -- data ------------------------------------------------------------------------------------

    @classmethod
    def claims(cls, source: Any, target: str | None) -> str:
        """A table with one column of running text and a few classes, or folders of .txt files."""
        return claim(source, target)

    @classmethod
    def read(cls, source: Any, given: dict[str, Any], target: str | None = None) -> Found:
        """Texts with their classes; see `tasks.text.source`."""
        found = cleaned(labelled(source, given.get("text"), target))
        found = limited(found, given.get("limit"), given.get("seed", 0))
        found.classes = sorted(set(found.labels))
        said = uneven(found)
        if said and given.get("class_weight", "balanced") == "balanced":
            said += "; each counts as much as the others (class_weight=none changes that)"
        found.notes += [said] if said else []
        return found

    @classmethod
    def adapted(cls, data: Found, options: dict[str, Any]) -> dict[str, Any]:
        """Uneven classes count the same."""
        return {"class_weight": "balanced"} if uneven(data) else {}

    def split(self, data: Found) -> Parts:
        """The parts of the source; the model is chosen by its training part."""
        self.classes, self.column, self.target = data.classes, data.column, data.target
        y = indices(data, data.classes)
        whole_part = Part(np.array(data.texts, object), y, np.array(data.ids, object))
        places = {
            name: [k for k, part in enumerate(data.parts) if part == name]
            for name in ("test", "validation")
        }
        rest = [k for k, part in enumerate(data.parts) if part not in places]
        if not places["test"]:
            rest, places["test"] = self._cut(rest, y, self.options["test_fraction"])
        self._decide([data.texts[k] for k in rest], y[rest], data.notes)
        if not places["validation"] and self.options["validation"]:
            rest, places["validation"] = self._cut(rest, y, self.options["validation"])
        held = places["validation"]
        return Parts(
            _some(whole_part, rest), _some(whole_part, held) if held else None,
            _some(whole_part, places["test"]),
        )  # fmt: skip

    def _cut(self, rest: list[int], y: Array, fraction: float) -> tuple[list[int], list[int]]:
        shares = (1 - fraction, fraction)
        parts = split(len(rest), shares, self.options["seed"], stratify=y[rest])
        return [rest[k] for k in parts[0]], [rest[k] for k in parts[1]]

    def _decide(self, texts: list[str], y: Array, notes: list[str]) -> None:
        """Choose the model, and take from its preset whatever nobody gave."""
        name = self.options["model"]
        if name not in ("auto", *choose.MODELS):
            raise unknown("model", name, ("auto", *choose.MODELS))
        if name == "auto":
            name = choose.TRIED[0]
            if len(texts) >= _FEW:
                each = {model: self._settled(model, len(texts)) for model in choose.TRIED}
                scores = choose.trials([cut(text) for text in texts], y, len(self.classes), each)
                name = choose.best_of(scores, len(texts))
                self._tried = ", ".join(f"{model} {score:.3f}" for model, score in scores.items())
                notes.append(
                    f"model={name}, chosen by accuracy on a quarter of the training part after "
                    f"short trainings: {self._tried}"
                )
        self.options.update(self._settled(name, len(texts)))

    def _settled(self, model: str, texts: int) -> dict[str, Any]:
        """All options with this model; what is still open is as its preset says."""
        rows = presets(Text)
        usual = {**rows[model], **(rows["many"] if texts > _MANY else {}), "model": model}
        steps = math.ceil(texts / (self.options["batch_size"] or usual["batch_size"]))
        least = min(_MOST_EPOCHS, math.ceil(_LEAST_STEPS / max(steps, 1)))
        usual["epochs"] = max(usual["epochs"], least)
        filled = {name: usual.get(name) for name, v in self.options.items() if v is None}
        return {**self.options, **filled, "model": model}

    def learn(self, train: Part) -> None:
        """The n-grams or words there are, and the shares of the classes."""
        self.coder = choose.encoder(self.options).fit([cut(text) for text in train.x])
        counts = np.bincount(train.y, minlength=len(self.classes))
        self.prior = (counts / counts.sum()).tolist()

    def to_dict(self) -> dict[str, Any]:
        """Classes and vocabulary."""
        return {
            "column": self.column,
            "target": self.target,
            "classes": self.classes,
            "prior": self.prior,
            "coder": self.coder.to_dict(),
        }

    def restore(self, record: dict[str, Any]) -> None:
        """Take classes and vocabulary back."""
        try:
            self.column, self.target = str(record["column"]), str(record["target"])
            self.classes = [str(name) for name in record["classes"]]
            self.prior = [float(share) for share in record["prior"]]
            kind = {each.kind: each for each in (Ngrams, Sentences)}[record["coder"]["kind"]]
            self.coder = kind.from_dict(record["coder"])
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise CheckpointError(f"preprocess.json is damaged: {error!r}") from None

    def examples(self, part: Part) -> Dataset:
        """Numbers of n-grams or words, and class indices."""
        return Dataset(choose.encoded(self.coder, [cut(text) for text in part.x]), part.y)

    def open(self, source: Any, *, with_target: bool = False) -> Part:
        """New texts; with the target those without text or class are left out."""
        if not with_target:
            found = unlabelled(source, self.column)
            bare = sum(not cut(text) for text in found.texts)
            if bare:
                what = "1 text is empty" if bare == 1 else f"{bare} texts are empty"
                found.notes.append(f"{what}: the answer is the most common class")
            return Part(np.array(found.texts, object), None, found.ids, found.notes)
        found = labelled(source, *self._columns(source))
        if "test" in found.parts:
            found = found.take(k for k, part in enumerate(found.parts) if part == "test")
        kept = [k for k, text in enumerate(found.texts) if text.strip() and found.labels[k]]
        if len(kept) < len(found):
            missing = len(found) - len(kept)
            found.notes.append(f"{missing} rows without text or class are left out")
            found = found.take(kept)
        if not len(found):
            raise DataError("no texts with a class", file=found.source)
        y = indices(found, self.classes)
        return Part(np.array(found.texts, object), y, found.ids, found.notes)

    def _columns(self, source: Any) -> tuple[str | None, str | None]:
        """What the columns are called, where the source has columns."""
        is_table = not isinstance(source, tuple) and not is_folder(source)
        return (self.column, self.target) if is_table else (None, None)

    # -- training --------------------------------------------------------------------------------

    @property
    def class_names(self) -> list[str]:
        """The classes."""
        return self.classes

    def build(self) -> nn.Module:
        """The network of the model."""
        return choose.network(self.options, self.coder, len(self.classes))

    # -- what came of it -------------------------------------------------------------------------

    def headline(self) -> str:
        """How many classes; and the scores of the models that were tried."""
        said = f"{len(self.classes)} classes of texts"
        if self._tried:
            said += f" (models tried: {self._tried}; {self.options['model']} is taken)"
        return said

    def title(self) -> str:
        """The target."""
        return self.target

    def measure(self, trainer: Trainer, part: Part) -> tuple[dict[str, float], Any]:
        """Loss, accuracy, F1; and what the report shows of single texts."""
        ready = self.examples(part)
        outputs = trainer.predict(ready.x)
        chosen = show.chosen(softmax(outputs), part.y)
        every = sorted({k for group in chosen.values() for k in group})
        why = self._reasons(trainer, [part.x[k] for k in every], outputs[every].argmax(axis=1))
        shares = dict(zip(every, why, strict=True))
        strong = show.strong(trainer.model, self.coder, self.classes, part.x)
        seen = show.Seen(outputs, chosen, shares, strong)
        return class_scores(trainer, ready, outputs), seen

    def _reasons(self, trainer: Trainer, texts: list[str], answers: Array) -> list[Array]:
        """What each word of each text gave to its answer."""
        words = [cut(text) for text in texts]
        if not words:
            return []
        if isinstance(self.coder, Ngrams):
            model: Any = trainer.model
            return of_bag(model, self.coder, words, answers)
        return of_others(trainer.predict, self.coder, words, answers)

    def summary(self, result: dict[str, Any]) -> str:
        """The final numbers in words."""
        return f"test accuracy {result['test_accuracy']:.4f} (F1 {result['test_f1']:.4f})"

    def report(self, part: Part, seen: Any) -> dict[str, Any]:
        """The pages of a classification, and sentences with the words that decided."""
        return {
            "task": "classification",
            "target": self.target,
            "class_names": self.classes,
            "probabilities": softmax(seen.outputs),
            "y_true": part.y,
            "rows": [{self.column: text} for text in part.x],
            "sources": [f"row {item}" if isinstance(item, int) else str(item) for item in part.ids],
            "sections": show.sections(part, seen, self.classes, softmax(seen.outputs)),
        }

    def predict(self, trainer: Trainer, part: Part, options: dict[str, Any]) -> dict[str, Any]:
        """The class with its probability, and the words that moved the decision most."""
        chances = softmax(trainer.predict(self.examples(Part(part.x)).x))
        words = [cut(text) for text in part.x]
        bare = [k for k, each in enumerate(words) if not each]
        chances[bare] = self.prior
        chosen = chances.argmax(axis=1)
        answer: dict[str, Any] = {
            "prediction": [self.classes[k] for k in chosen],
            "probability": chances[np.arange(len(chosen)), chosen].tolist(),
        }
        most = options.get("because", 0)
        if most:
            shares = self._in_batches(trainer, list(part.x), chosen)
            answer["because"] = [
                told(each, share, most) for each, share in zip(words, shares, strict=True)
            ]
        return answer

    def _in_batches(self, trainer: Trainer, texts: list[str], answers: Array) -> list[Array]:
        """Leaving words out makes many texts of one: some at a time."""
        found = []
        for start in range(0, len(texts), 64):
            here = slice(start, start + 64)
            found += self._reasons(trainer, texts[here], answers[here])
        return found


def _some(part: Part, places: list[int]) -> Part:
    chosen = np.array(places, np.int64)
    return Part(take(part.x, chosen), take(part.y, chosen), take(part.ids, chosen))

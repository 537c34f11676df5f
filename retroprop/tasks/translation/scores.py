"""How good translations are: BLEU, chrF, and the accuracy of each next sub-word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop.data.dataset import take
from retroprop.data.subwords import PAD
from retroprop.errors import MissingDependencyError

__all__ = ["Seen", "bleu", "chrf", "chrf_of_each", "measured", "scorer"]

_ROWS = 64  # whose logits are held at once


class Seen(NamedTuple):
    """What was measured, example by example.

    Attributes:
        translations: of the sources.
        chrf:         of each one, from 0 to 100.
        translator:   who made them, to look at attention.
    """

    translations: list[str]
    chrf: list[float]
    translator: Any


def scorer() -> Any:
    """The package that counts.

    Raises:
        MissingDependencyError: sacrebleu is not installed.
    """
    try:
        import sacrebleu  # noqa: PLC0415  optional
    except ImportError as cause:
        raise MissingDependencyError("sacrebleu", "text", "scoring translations") from cause
    return sacrebleu


def bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """How many runs of one to four words stand in the references too, 0 to 100.

    Example:
        >>> round(bleu(["the cat sat on the mat"], ["the cat sat on the mat"]), 6)
        100.0

    Source: Papineni et al. 2002, doi:10.3115/1073083.1073135; as sacrebleu counts (Post 2018,
        arXiv:1804.08771).
    """
    return float(scorer().corpus_bleu(list(translations), [list(references)]).score)


def chrf(translations: Sequence[str], references: Sequence[str]) -> float:
    """How many runs of one to six letters stand in the references too, 0 to 100.

    Example:
        >>> chrf(["the cat"], ["the cat"])
        100.0

    Source: Popović 2015, doi:10.18653/v1/W15-3049.
    """
    return float(scorer().corpus_chrf(list(translations), [list(references)]).score)


def chrf_of_each(translations: Sequence[str], references: Sequence[str]) -> list[float]:
    """`chrf` of every single translation.

    Example:
        >>> chrf_of_each(["a cat", "xyz"], ["a cat", "bad"])
        [100.0, 0.0]
    """
    one = scorer().sentence_chrf
    return [
        float(one(made, [wanted]).score)
        for made, wanted in zip(translations, references, strict=True)
    ]


def measured(task: Any, trainer: Any, part: Any) -> tuple[dict[str, float], Seen]:
    """Scores of a part, and the translations that they were counted on."""
    scores = {}
    ready = task.examples(part)
    scores["loss"] = float(trainer.evaluate(ready.x, ready.y)["loss"])
    scores["accuracy"] = _accuracy(trainer, ready)
    translator = task.translator(trainer.model)
    translations, _ = translator.translate(part.x)
    scores["bleu"] = bleu(translations, part.y)
    scores["chrf"] = chrf(translations, part.y)
    return scores, Seen(translations, chrf_of_each(translations, part.y), translator)


def _accuracy(trainer: Any, ready: Any) -> float:
    """The share of sub-words that were the likeliest after those before them."""
    right = total = 0
    for at in range(0, len(ready), _ROWS):
        rows = np.arange(at, min(at + _ROWS, len(ready)))
        found = np.asarray(trainer.predict(take(ready.x, rows))).argmax(axis=-1)
        wanted = ready.y[rows]
        right += int(((found == wanted) & (wanted != PAD)).sum())
        total += int((wanted != PAD).sum())
    return right / max(1, total)

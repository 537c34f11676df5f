"""Which network a text is read by: made from options, and chosen by a trial of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop import nn, optim
from retroprop.core import rng
from retroprop.data.dataset import take
from retroprop.data.split import split
from retroprop.data.stream import Stream
from retroprop.errors import unknown
from retroprop.tasks.text.networks import Attention, Bag, Recurrent
from retroprop.tasks.text.words import Ngrams, Sentences, Word
from retroprop.train.trainer import Trainer

__all__ = ["MODELS", "TRIED", "best_of", "encoded", "encoder", "network", "trials"]

Array = np.ndarray[Any, Any]
Options = dict[str, Any]
MODELS = ("bag", "lstm", "gru", "transformer")
TRIED = ("bag", "gru", "transformer")
_MOST_TRIED = 3000  # texts that a trial uses
_HELD_OUT = 0.25
_MOST_EPOCHS = 8  # of a trial; a bag takes seconds and has all of its own
_HELD = 2**28  # numbers of encoded texts that are held; beyond they are made when taken


def encoder(options: Options) -> Any:
    """How texts become numbers for the model of the options, not yet fitted."""
    if options["model"] == "bag":
        low, high = (options["letters"] * 2)[:2]
        return Ngrams(options["words"], (low, high), options["vocabulary"], options["rarest"])
    return Sentences(options["vocabulary"], options["rarest"], options["length"])


def encoded(coder: Any, texts: Sequence[Sequence[Word]]) -> Any:
    """(texts, length) numbers; made when they are taken, where they would fill the memory."""
    if len(texts) * coder.length > _HELD:
        return Stream(lambda k: coder.encode(texts[k]), len(texts))
    return np.stack([coder.encode(words) for words in texts])


def network(options: Options, coder: Any, classes: int) -> nn.Module:
    """The network of the options, freshly initialised.

    Raises:
        ArgumentError: there is no such model.
    """
    model, dropout = options["model"], options["dropout"]
    if model == "bag":
        return Bag(coder.size, classes, dropout, coder.weights)
    sizes: dict[str, Any] = {
        "width": options["width"],
        "dropout": dropout,
        "word_dropout": options["word_dropout"],
    }
    if model in ("lstm", "gru"):
        return Recurrent(model, coder.size, classes, hidden=options["hidden"], **sizes)
    if model == "transformer":
        more = {"heads": options["heads"], "layers": options["layers"]}
        return Attention(coder.size, classes, coder.length, **more, **sizes)
    raise unknown("model", model, ("auto", *MODELS))


def trials(
    texts: Sequence[Sequence[Word]], labels: Array, classes: int, options: dict[str, Options]
) -> dict[str, float]:
    """The accuracy of each model on a quarter of the texts, after a short training on the others.

    Args:
        texts, labels: of the training part.
        options:       of each model that is tried, by name.
    """
    seed = next(iter(options.values()))["seed"]
    chosen = np.arange(len(labels))
    if len(labels) > _MOST_TRIED:
        share = _MOST_TRIED / len(labels)
        chosen = split(len(labels), (share, 1 - share), seed, stratify=labels)[0]
    inside, held = split(len(chosen), (1 - _HELD_OUT, _HELD_OUT), seed, stratify=labels[chosen])
    parts = [chosen[inside], chosen[held]]
    return {
        name: _trial(each, [[texts[k] for k in part] for part in parts], take(labels, parts[0]),
                     take(labels, parts[1]), classes)
        for name, each in options.items()
    }  # fmt: skip


def _trial(
    options: Options, parts: list[list[Any]], y: Array, y_held: Array, classes: int
) -> float:
    coder = encoder(options).fit(parts[0])
    x, x_held = (encoded(coder, part) for part in parts)
    rng.manual_seed(options["seed"])
    model = network(options, coder, classes)
    epochs = options["epochs"]
    if options["model"] != "bag":
        epochs = min(epochs, _MOST_EPOCHS)
    steps = max(2, epochs * -(-len(y) // options["batch_size"]))
    groups = optim.decay_groups(model, options["weight_decay"])
    optimizer = optim.AdamW(groups, lr=optim.schedule.one_cycle(options["lr"], steps))
    trainer = Trainer(
        model,
        loss=nn.CrossEntropyLoss(label_smoothing=options["label_smoothing"]),
        optimizer=optimizer,
        metrics=["accuracy"],
        clip_grad_norm=options["clip_grad_norm"],
        seed=options["seed"],
        health=False,
    )
    trainer.fit(x, y, epochs=epochs, batch_size=options["batch_size"], progress=False)
    return float(trainer.evaluate(x_held, y_held)["accuracy"])


def best_of(scores: dict[str, float], texts: int) -> str:
    """The model of the largest score; the first, the simplest, where that may be chance.

    Example:
        >>> best_of({"bag": 0.82, "gru": 0.83}, 400), best_of({"bag": 0.7, "gru": 0.83}, 400)
        ('bag', 'gru')
    """
    first, best = next(iter(scores)), max(scores, key=lambda name: scores[name])
    inside = min(max(scores[best], 1 / (texts + 2)), 1 - 1 / (texts + 2))
    noise = (inside * (1 - inside) / max(texts * _HELD_OUT, 1)) ** 0.5
    return best if scores[best] > scores[first] + noise else first

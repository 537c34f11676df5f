"""Networks that learn their examples by heart, and networks that cannot learn them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.progress import progress
from retroprop.nn.dropout import Dropout

__all__ = ["overfitting", "underfitting"]

_RISE = 1.5  # of the validation loss, over its best; less is a network that grows certain
_RISE_TOO = 1.15  # the same, where fewer of the validation examples are right than of the others
_MISSES = 0.15  # how many fewer, as a share
_GAP = 2.0  # times the training loss: what the validation loss is then
_LATER = 3  # epochs behind the best one, at least
_STILL = 0.9  # of the training loss at the best epoch: it went on falling
_EPOCHS = 6  # before a network is called too small
_FLAT = 0.05  # the fall of the training loss from a third of the epochs to the last
_HIGH = 0.5  # of the loss of chance: what a network that fits leaves behind it
_DROPPED = 0.5  # of the units: from here on dropout may be the cause
_ABOVE = 1.2  # times the training loss: a validation loss that speaks against it
_FEW = 0.1  # parameters for an example; below it the network may be the cause


def overfitting(history: History) -> Iterator[Finding]:
    """The validation loss rises while the training loss falls on.

    Source: Prechelt 1998, "Early stopping - but when?"; Srivastava et al. 2014, "Dropout".
    """
    records = [one for one in history.facts.get("epochs") or () if "val_loss" in one]
    if len(records) <= _LATER:
        return
    held = np.array([one["val_loss"] for one in records], float)
    seen = np.array([one["loss"] for one in records], float)
    best = int(np.nanargmin(held))
    now, loss = float(held[-_LATER:].min()), float(seen[-1])
    if len(held) - 1 - best < _LATER or not np.isfinite(held).all() or held[best] <= 0:
        return
    gap = _accuracy_gap(records[-1])
    rise = _RISE if gap is None else _RISE_TOO
    if now < rise * held[best] or now < _GAP * loss or loss > _STILL * seen[best]:
        return
    if gap is not None and gap < _MISSES:
        return  # only more certain where it is wrong anyway
    epoch = records[best].get("epoch", best + 1)
    yield Finding(
        "overfitting",
        f"the validation loss was {held[best]:.3g} at epoch {epoch} and is {held[-1]:.3g}, while "
        f"the training loss fell to {loss:.3g}",
        "the network learns single examples by heart",
        f"patience={_LATER} (EarlyStopping, which keeps epoch {epoch}), dropout=0.3, "
        "weight_decay=0.1, more data, or augment=",
        0.5,
        history.events[-1] if history.events else 0,
        ("val_loss",),
        ({"dropout": 0.3}, {"weight_decay": 0.1}, {"epochs": int(epoch)}),
        {"best": float(held[best]), "now": float(held[-1]), "loss": loss, "epoch": int(epoch)},
    )


def _accuracy_gap(record: dict[str, Any]) -> float | None:
    """How much better the network is on its own examples, where accuracy is measured."""
    own, held = record.get("accuracy"), record.get("val_accuracy")
    return None if own is None or held is None else float(own - held)


def underfitting(history: History) -> Iterator[Finding]:
    """The training loss has stopped high, and something keeps the network small.

    Noise in the targets looks the same from outside, so the rule asks for a cause: few parameters
    for the examples, or much dropout.

    Source: Goodfellow, Bengio, Courville 2016, "Deep Learning", section 5.2.
    """
    records = list(history.facts.get("epochs") or ())
    course = progress(history)
    if len(records) < _EPOCHS or course is None or course.chance is None:
        return
    seen = np.array([one["loss"] for one in records], float)
    third = len(seen) // 3
    before, now = float(seen[-2 * third : -third].mean()), float(seen[-third:].mean())
    if now < _HIGH * course.chance or before - now > _FLAT * before:
        return
    held = records[-1].get("val_loss")
    cause = _cause(history, len(records))
    if cause is None or (held is not None and held > _ABOVE * seen[-1]):
        return
    why, remedy, fixes = cause
    yield Finding(
        "underfitting",
        f"the training loss has stayed at {now:.3g} for {third} epochs, {now / course.chance:.0%} "
        "of what chance gives",
        why,
        remedy,
        0.4,
        history.events[-1] if history.events else 0,
        ("loss",),
        fixes,
        {"loss": now, "chance": course.chance},
    )


def _cause(history: History, epochs: int) -> tuple[str, str, tuple[dict[str, Any], ...]] | None:
    """What keeps the network from fitting: why, the remedy, the fixes."""
    model = history.facts.get("model")
    dropped = (
        max((m.p for m in model.modules() if isinstance(m, Dropout)), default=0) if model else 0
    )
    if dropped >= _DROPPED:
        return (
            f"dropout={dropped:g} leaves too few units at work",
            "dropout=0.1",
            ({"dropout": 0.1}, {"dropout": 0.0}),
        )
    narrow = _narrowest(history)
    if narrow is not None:
        return (
            f"{narrow[0]} has {narrow[1]} units for {narrow[2]} outputs, and no more comes through",
            f"at least {4 * narrow[2]} units in each layer (hidden={4 * narrow[2]})",
            ({"hidden": [4 * narrow[2]]}, {"hidden": [64]}),
        )
    size = sum(site.units for site in history.sites if site.kind == "parameter")
    examples = len(history.losses) / epochs * history.facts.get("batch_size", 1)
    if size > max(_FEW * examples, 64):
        return None
    return (
        f"the network has {size} parameters for about {examples:.0f} examples",
        "more units and layers (hidden=128,64), or inputs that say more",
        ({"hidden": [128, 64]}, {"hidden": [64]}),
    )


def _narrowest(history: History) -> tuple[str, int, int] | None:
    """The narrowest layer, its units and the outputs, where these are more than twice as many."""
    layers = [site for site in history.sites if site.kind == "layer"]
    thin = [(one.units, one.name) for one in layers[:-1] if 2 * one.units < layers[-1].units]
    return (min(thin)[1], min(thin)[0], layers[-1].units) if thin else None

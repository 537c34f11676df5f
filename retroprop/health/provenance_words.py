"""How a provenance is said: ranges, layers, causes in short, and what to do about them."""

from __future__ import annotations

import numpy as np

from retroprop import dtypes
from retroprop.health.provenance_search import Origin
from retroprop.health.provenance_trace import Event, Source, Summary

__all__ = ["SMALLER", "chain", "layer", "own", "range_of", "remedy", "title", "worst"]

SMALLER = "smaller numbers: inputs scaled to about 1, a lower lr, clip_grad_norm=1.0"
_LINKS = 4  # of a chain
_MOVING = frozenset({"view"})  # forms of ops that change no numbers
_POSITIVE = "rp.log(x + 1e-8); of probabilities, take log_softmax or cross_entropy of the logits"

_REMEDIES = {
    "log": f"keep its operand above 0: {_POSITIVE}",
    "log2": "keep its operand above 0: rp.log2(x + 1e-8)",
    "log10": "keep its operand above 0: rp.log10(x + 1e-8)",
    "log1p": "keep its operand above -1",
    "divide": "keep the divisor away from 0: x / (z + 1e-8)",
    "reciprocal": "keep its operand away from 0: 1 / (x + 1e-8)",
    "rsqrt": "keep its operand above 0: rp.rsqrt(x + 1e-8)",
    "sqrt": "keep its operand at 0 or above: rp.sqrt(rp.maximum(x, 0.0))",
    "exp": "subtract the maximum first, or use softmax, logsumexp or log_sigmoid",
    "expm1": "bound its operand first: rp.minimum(x, 80.0)",
    "cosh": "bound its operand first: rp.clip(x, -80.0, 80.0)",
    "sinh": "bound its operand first: rp.clip(x, -80.0, 80.0)",
    "power": "a negative base has no fractional power, and 0 no negative one: bound the base first",
    "acos": "keep its operand inside: rp.clip(x, -1 + 1e-6, 1 - 1e-6)",
    "asin": "keep its operand inside: rp.clip(x, -1 + 1e-6, 1 - 1e-6)",
    "atanh": "keep its operand inside: rp.clip(x, -1 + 1e-6, 1 - 1e-6)",
    "acosh": "keep its operand at 1 or above: rp.maximum(x, 1.0)",
    "standardize": "a spread of 0 cannot be divided by: add eps to the variance",
}
_REMEDIES_CALL = {
    "var": "one element has no variance with correction=1: more elements, or correction=0",
    "std": "its derivative is infinite where all is equal: rp.sqrt(rp.var(x) + 1e-12)",
}
_REMEDIES_BACKWARD = {
    "sqrt": "its derivative is infinite at 0: rp.sqrt(x + 1e-12)",
    "log": "its derivative is 1 / x: keep x away from 0, rp.log(x + 1e-8)",
    "divide": "its derivative is 1 / z: keep the divisor away from 0, x / (z + 1e-8)",
    "power": "its derivative is infinite at 0 for exponents below 1: (x + 1e-8) ** p",
    "acos": "its derivative is infinite at -1 and 1: rp.clip(x, -1 + 1e-6, 1 - 1e-6)",
    "asin": "its derivative is infinite at -1 and 1: rp.clip(x, -1 + 1e-6, 1 - 1e-6)",
}


def own(event: Event) -> Event:
    """The forward event that an event is, or is a part of the derivative of."""
    while event.about is not None and not event.about.op.is_python:
        event = event.about
    return event


def layer(event: Event) -> str:
    """The layer of an event as errors show it: path and repr; "" outside all layers."""
    modules = own(event).modules
    if not modules:
        return ""
    inner, root = modules[0], modules[-1]
    path = next((name for name, one in root.named_modules() if one is inner), "")
    shown = repr(inner).split("\n", 1)[0].rstrip("(")
    return f"layer {path}: {shown}" if path else shown


def range_of(one: Summary) -> str:
    """Shape, range and what is not finite: (64, 10) from 0 to 0.93, 3 of 640 not finite."""
    shape = f"{one.shape} " if one.shape else ""
    if np.isnan(one.low):
        body = f"all {one.worst}" if one.wrong else "empty"
    elif one.low == one.high:
        body = f"{_short(one.low)}" if not one.shape else f"all {_short(one.low)}"
    else:
        body = f"from {_short(one.low)} to {_short(one.high)}"
    if one.wrong and not np.isnan(one.low):
        size = int(np.prod(one.shape))
        body += f", {one.wrong} of {size} not finite"
    return shape + body


def _short(number: float) -> str:
    return f"{number:.4g}"


def worst(where: Origin) -> str:
    """What it is: "nan", "inf" or "-inf"."""
    if where.given is not None:
        return where.given.summary.worst
    found = next(one for one in where.event.made if one.wrong)
    return "nan" if where.kind == "nan" else found._replace(nan=0).worst or "nan"


def title(source: Source) -> str:
    """What an operand is, in a few words."""
    while source.event is not None and source.event.op.form in _MOVING and source.event.sources:
        source = source.event.sources[0]
    event, given = source.event, source.given
    if given is not None:
        if given.kind == "constant" or given.name.startswith("the "):
            return given.name or "a number in the code"
        return f"{given.kind} {given.name}".strip()
    assert event is not None
    first = own(event)
    place = layer(event).split(":")[0]
    inside = f" in {place}" if place.startswith("layer") else ""
    name = first.call or first.op.name
    if event.phase == "forward":
        return f"{name}{inside}"
    return f"the gradient behind {name}{inside}" if event.about else f"{event.op.name} of gradients"


def chain(where: Origin) -> tuple[str, ...]:
    """What led to it, nearest first: at each op its most extreme operand, up to what was given."""
    if where.given is not None:
        return ()
    links: list[str] = []
    if where.cause is not None:
        links.append(
            f"{title(Source(where.cause, 0, None))} was not finite before, outside the loss"
        )
    event: Event | None = where.event
    last = ""
    while event is not None and len(links) < _LINKS:
        telling = _telling(event, first=event is where.event)
        if telling is None:
            break
        name = title(telling)
        moved = telling.event is not None and telling.event.op.form in _MOVING
        if name != last and not moved:
            links.append(f"{name} {_plain(telling.summary)}")
            last = name
        event = telling.event
    return tuple(dict.fromkeys(links))


def _plain(one: Summary) -> str:
    if np.isnan(one.low):
        return f"all {one.worst}" if one.wrong else "empty"
    return _short(one.low) if one.low == one.high else f"{_short(one.low)} to {_short(one.high)}"


def _telling(event: Event, *, first: bool) -> Source | None:
    """The operand that says most: the divisor, or the one with the largest number."""
    floats = [s for s in event.sources if s.summary.dtype.kind in "fV" and s.summary.shape != ()]
    floats = floats or [s for s in event.sources if s.event is not None]
    if first and event.op.name == "divide" and len(event.sources) == 2:
        divided, divisor = event.sources
        low, high = divisor.summary.low, divisor.summary.high
        if low <= 0 <= high or 1 / min(abs(low), abs(high)) > _largest(divided):
            return divisor
    return max(floats, key=_largest, default=None)


def _largest(source: Source) -> float:
    one = source.summary
    if one.wrong or np.isnan(one.low):
        return np.inf
    return max(abs(one.low), abs(one.high))


def remedy(where: Origin) -> str:
    """What to change."""
    event, given, first = where.event, where.given, own(where.event)
    if given is not None and given.kind == "weight":
        return "start again from the last good state, with a lower learning rate"
    if given is not None and given.kind != "constant":
        return f"look at {given.name}: drop the samples that are not finite, or fill the gaps"
    if where.cause is not None and event.phase == "backward":
        inner = own(where.cause).op.name
        return (
            f"rp.where() keeps the values of a branch out, not its gradient: make the operand of "
            f"{inner} safe before, x = rp.where(fits, x, 1.0)"
        )
    if first.call in _REMEDIES_CALL:
        return _REMEDIES_CALL[first.call]
    if event.phase == "backward" and first.op.name in _REMEDIES_BACKWARD:
        return _REMEDIES_BACKWARD[first.op.name]
    if _is_masked(where):
        return "a row in which everything is masked has no softmax: leave at least one entry"
    if event.phase == "forward" and event.op.name in _REMEDIES:
        return _REMEDIES[event.op.name]
    return _against_size(event)


def _is_masked(where: Origin) -> bool:
    """Whether a NaN came of infinities that were put there on purpose."""
    return where.kind == "nan" and any(where.event.met_inf)


def _against_size(event: Event) -> str:
    dtype = event.made[0].dtype
    if not dtypes.is_floating(dtype):
        return ""
    if dtype.name == "float16":
        return "float16 ends at 65504: compute it in rp.float32"
    return SMALLER

"""What hyperparameters may be: one range per name, which means the same in every optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retroprop.errors import ArgumentError, unknown

__all__ = ["check", "check_names", "number"]

Range = tuple[Callable[[Any], bool], str]

# What people who come from elsewhere write, where spelling alone does not lead to our name.
_ALIASES = {
    "learning_rate": "lr",
    "epsilon": "eps",
    "wd": "weight_decay",
    "decay": "weight_decay",
    "beta": "betas",
    "beta1": "betas",
    "beta2": "betas",
    "beta_1": "betas",
    "beta_2": "betas",
    "clipnorm": "clip_grad_norm_(params, max_norm)",
}
# They choose among PyTorch's implementations of one algorithm and change no number.
_IMPLEMENTATION = {"capturable", "differentiable", "foreach", "fused"}


def is_real(value: Any) -> bool:
    """Whether it is a finite number, and no bool."""
    kinds = int | float | np.integer | np.floating
    return isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(float(value))


def _between(low: float, high: float, words: str) -> Range:
    return lambda v: is_real(v) and low <= v <= high, words


def _pair(test: Callable[[Any, Any], bool], words: str) -> Range:
    return (
        lambda v: isinstance(v, tuple) and len(v) == 2 and all(map(is_real, v)) and test(*v),
        f"a pair of numbers {words}",
    )


def _whole(low: int) -> Range:
    def test(v: Any) -> bool:
        return isinstance(v, int) and not isinstance(v, bool) and v >= low

    return test, f"a whole number of at least {low}"


def _one_of(*options: Any) -> Range:
    return lambda v: v in options, "one of " + ", ".join(map(repr, options))


_POSITIVE = _between(0.0, math.inf, "a finite number of at least 0")
_FRACTION = _between(0.0, 1.0, "a number from 0 to 1")
_FLAG: Range = (lambda v: isinstance(v, bool), "True or False")
_BELOW_ONE = _pair(lambda a, b: 0 <= a < 1 and 0 <= b < 1, "from 0 to below 1")

RANGES: dict[str, Range] = {
    "adamw_eps": _POSITIVE,
    "adamw_scale": _POSITIVE,
    "adjust_lr_fn": _one_of(None, "original", "match_rms_adamw"),
    "alpha": (lambda v: is_real(v) and 0 <= v < 1, "a number from 0 to below 1"),
    "amsgrad": _FLAG,
    "betas": _BELOW_ONE,
    "centered": _FLAG,
    "dampening": (is_real, "a finite number"),
    "decoupled_weight_decay": _FLAG,
    "eps": _POSITIVE,
    "etas": _pair(lambda a, b: 0 < a < 1 < b, "(below 1, above 1), the first above 0"),
    "history_size": _whole(1),
    "initial_accumulator_value": _POSITIVE,
    "line_search_fn": _one_of(None, "strong_wolfe"),
    "lr": _POSITIVE,
    "lr_decay": _POSITIVE,
    "max_eval": _whole(1),
    "max_iter": _whole(1),
    "maximize": _FLAG,
    "momentum": _FRACTION,
    "momentum_decay": _POSITIVE,
    "nesterov": _FLAG,
    "ns_coefficients": (
        lambda v: isinstance(v, tuple) and len(v) == 3 and all(map(is_real, v)),
        "three numbers",
    ),
    "ns_steps": _whole(1),
    "orthogonalise": (lambda v: v is None or isinstance(v, bool), "True, False or None"),
    "rho": _FRACTION,
    "step_sizes": _pair(lambda a, b: 0 <= a <= b, "(smallest, largest)"),
    "tolerance_change": _POSITIVE,
    "tolerance_grad": _POSITIVE,
    "weight_decay": _POSITIVE,
}


def check(owner: str, name: str, value: Any) -> Any:
    """The value of a hyperparameter, lists made tuples and NumPy numbers plain.

    Args:
        owner: whose it is, for the message.
        name:  a key of `RANGES`; a hyperparameter without an entry is taken as it is.

    Raises:
        ArgumentError: "Adam: eps is -1.0, it must be a finite number of at least 0".

    Example:
        >>> check("Adam", "betas", [0.9, 0.99])
        (0.9, 0.99)
    """
    value = tuple(value) if isinstance(value, list) else value
    value = value.item() if isinstance(value, np.generic) else value
    if name in RANGES:
        test, words = RANGES[name]
        if not test(value):
            raise ArgumentError(f"{owner}: {name} is {value!r}, it must be {words}")
    return value


def check_names(owner: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse options that an optimizer does not have, with the nearest one that it has."""
    for name in given:
        if name in known:
            continue
        if name in _IMPLEMENTATION:
            raise ArgumentError(
                f"{owner} has no option {name!r}",
                fix="leave it out: it chooses between PyTorch's implementations of the same update",
            )
        if name in _ALIASES:
            raise ArgumentError(
                f"unknown option {name!r} of {owner}; did you mean {_ALIASES[name]!r}?",
                fix="choose one of " + ", ".join(sorted(known)),
            )
        raise unknown(f"option of {owner}", name, known)


def number(owner: str, name: str, value: Any, *, low: float = 0.0, above: bool = False) -> float:
    """A finite number of at least (or above) `low`, for functions that are no optimizers.

    Raises:
        ArgumentError: "clip_grad_norm_: max_norm is -1, it must be a finite number above 0".
    """
    if not is_real(value) or value < low or (above and value == low):
        words = f"{'above' if above else 'of at least'} {low:g}"
        raise ArgumentError(f"{owner}: {name} is {value!r}, it must be a finite number {words}")
    return float(value)

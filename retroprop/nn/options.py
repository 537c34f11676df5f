"""Modules that are nothing but options and a function: activations and losses."""

from __future__ import annotations

from typing import Any

from retroprop.nn.module import Module

__all__ = ["Optioned"]


class Optioned(Module):
    """A module whose `repr` shows the arguments of its constructor that differ from the defaults.

    Each argument is an attribute of the same name. What is in `always_shown` is shown in any case.

    Example:
        >>> class Scaled(Optioned):
        ...     def __init__(self, factor=2.0, *, inplace=False):
        ...         self.factor, self.inplace = factor, inplace
        >>> Scaled(), Scaled(3.0, inplace=True)
        (Scaled(), Scaled(factor=3.0, inplace=True))
    """

    always_shown: tuple[str, ...] = ()

    def extra_repr(self) -> str:
        function: Any = type(self).__init__
        if not hasattr(function, "__code__"):  # object's own: there are no options
            return ""
        code, given = function.__code__, function.__defaults__ or ()
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        positional = code.co_varnames[1 : code.co_argcount]
        defaults = dict(zip(positional[len(positional) - len(given) :], given, strict=True))
        defaults.update(function.__kwdefaults__ or {})
        shown = []
        for name in names:
            value = getattr(self, name, None)
            usual = name in defaults and value is defaults[name]
            usual = usual or (name in defaults and _same(value, defaults[name]))
            if name in self.always_shown or not usual:
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)


def _same(value: Any, default: Any) -> bool:
    """Whether a plain option has its default; tensors never do."""
    plain = isinstance(value, bool | int | float | str | tuple)
    return plain and type(value) is type(default) and bool(value == default)

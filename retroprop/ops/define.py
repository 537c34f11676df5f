"""The op record and the decorators that make one from a NumPy function.

The function is the meaning: plain NumPy, never optimised, the oracle of every backend. Its
positional-only parameters are tensors (`*xs` takes any number), all others are static attributes.
The decorator adds the rest:

    partials / vjp   gradient rules, one per operand. A partial is the local derivative; the engine
                     multiplies it by the cotangent. A vjp computes the operand's cotangent itself.
                     Rules are written with ops and operators only, so they differentiate again,
                     and their parameter names state what the tape keeps: operands by name, `y`
                     (output; a tuple when there are several), `g` (cotangent, same structure as
                     y), `x_shape`, `x_dtype`, `y_shape`, attributes by name. A variadic op has one
                     rule for "xs", which also may ask for `index`, `xs` and `xs_shape`.
                     A vjp that is one function instead of a dict gives the cotangents of all
                     operands at once, as a tuple (None where an operand has none): for ops whose
                     rules share most of their work.
    shape            function of the operands' shapes and the attributes; elementwise broadcasts.
    result           dtype rule: None is the promotion of the operands, a dtype, or a function of
                     the dtypes.
    accepts          kinds of dtype it takes; with FLOATING, integers become the default float.
    roles            operands outside the promotion and their kind, such as indices and masks.
    lower            the same meaning for native code: a function of a scalar builder and operands
                     in registers (`backends/llvm/scalar.py`), one element or several; None where
                     the op has a kernel of its own, or runs through its reference. It is meant
                     for the kinds of dtype in `lowers`, all by default.
    samples, errors  what drives the conformance tests: inputs it must handle, misuse it must
                     explain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retroprop import dtypes, shapes
from retroprop.errors import DTypeError, NoGradientError, user_line
from retroprop.ir import Node

__all__ = [
    "ANY",
    "BOOLEAN",
    "COMPLEX",
    "DATA_DEPENDENT",
    "FLOATING",
    "INEXACT",
    "INTEGER",
    "NUMERIC",
    "PASS",
    "REAL",
    "NoGradient",
    "Op",
    "Rule",
    "elementwise",
    "primitive",
    "resolve",
]

Shape = tuple[int, ...]

BOOLEAN = frozenset({"bool"})
INTEGER = frozenset({"signed integer", "unsigned integer"})
FLOATING = frozenset({"real floating"})
COMPLEX = frozenset({"complex floating"})
INEXACT = FLOATING | COMPLEX
REAL = INTEGER | FLOATING
NUMERIC = REAL | COMPLEX
ANY = NUMERIC | BOOLEAN

DATA_DEPENDENT = "data-dependent"


class NoGradient:
    """Stands in place of a rule where no derivative exists, and says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


PASS = 1.0  # the partial of a sum: the cotangent passes through


class Rule:
    """One gradient rule: its function, and by its parameter names what it needs.

    Attributes:
        function:   the rule, or None where `scale` or `reason` says it all.
        scale:      a partial that is the same number everywhere, or None.
        is_partial: True when the engine multiplies by the cotangent.
        keeps:      operands and outputs that the tape has to hold for it.
        reason:     why there is no gradient, or None.
    """

    __slots__ = ("function", "is_partial", "keeps", "needs", "reason", "scale")

    def __init__(self, function: Any, *, is_partial: bool, operands: Sequence[str]) -> None:
        self.reason = function.reason if isinstance(function, NoGradient) else None
        self.scale = function if isinstance(function, float) else None
        self.function = function if callable(function) else None
        self.is_partial = is_partial
        code = function.__code__ if callable(function) else None
        self.needs = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
        self.keeps = frozenset(name for name in self.needs if name == "y" or name in operands)


class Op:
    """One operation: its meaning, its types, its gradient. Called on arrays or on Tensors alike.

    Attributes:
        name:       as in NumPy or the Array API.
        reference:  the NumPy function.
        form:       "elementwise", "reduce", "view", "contract", "scan", "loop" or
                    "opaque".
        operands:   names of the tensor operands; one name when variadic.
        attributes: defaults of the static attributes by name (`REQUIRED` where there is none).
        rules:      the gradient rules in the order of the operands.
        joint:      whether the rules are one function that answers for all operands.
    """

    REQUIRED = object()

    def __init__(
        self,
        reference: Callable[..., Any],
        *,
        form: str,
        rules: Any,
        partial_rules: bool = False,
        shape: Any = None,
        result: Any = None,
        accepts: frozenset[str] = ANY,
        roles: dict[str, frozenset[str]] | None = None,
        operator: str | None = None,
        method: bool = False,
        samples: Any = (),
        errors: Sequence[Any] = (),
        max_ulp: dict[str, float] | None = None,
        lower: Callable[..., Any] | None = None,
        lowers: frozenset[str] = ANY,
    ) -> None:
        self.name = self.__name__ = reference.__name__
        self.__doc__ = reference.__doc__
        self.reference = reference
        self.form = form
        self.shape = shape
        self.result = result
        self.accepts = accepts
        self.roles = roles or {}
        self.operator, self.method = operator, method
        self.samples, self.errors = samples, errors
        self.max_ulp = max_ulp or {}
        self.lower, self.lowers = lower, lowers
        self._read_signature()
        self.is_python = False  # a closure of this run: a trace runs it and records what it does
        self.joint = callable(rules)
        if callable(rules):
            rules = dict.fromkeys(self.operands, rules)
        self.rules = self._read_rules(rules, partial_rules)
        self._taken: dict[np.dtype[Any], bool] = {}
        self._kept: dict[tuple[bool, ...], frozenset[str]] = {}

    def _read_signature(self) -> None:
        code = self.reference.__code__
        self.variadic = bool(code.co_flags & 0x04)
        names = code.co_varnames
        positional, total = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
        self.operands = (names[total],) if self.variadic else names[: code.co_posonlyargcount]
        static = names[code.co_posonlyargcount : total]
        defaults = self.reference.__defaults__ or ()
        by_name = dict(zip(names[positional - len(defaults) : positional], defaults, strict=True))
        by_name.update(self.reference.__kwdefaults__ or {})
        self.attributes = {name: by_name.get(name, Op.REQUIRED) for name in static}
        self.arity = len(self.operands)
        self.takes_promotion = tuple(name not in self.roles for name in self.operands)

    def _read_rules(self, rules: dict[str, Any] | None, is_partial: bool) -> tuple[Rule, ...]:
        """Check the rules where they are written: a bad one fails at import."""
        if rules is None:
            rules = dict.fromkeys(self.operands, NoGradient("no derivative is defined"))
        missing = set(self.operands) - set(rules) - set(self.roles)
        surplus = set(rules) - set(self.operands)
        if missing or surplus:
            raise TypeError(f"{self.name}: rules missing for {missing}, unknown {surplus}")
        types = {f"{name}_{what}" for name in (*self.operands, "y") for what in ("shape", "dtype")}
        allowed = {"g", "y", "index", "wanted", *self.operands, *self.attributes, *types}
        made = []
        for name in self.operands:
            rule = rules.get(name, NoGradient(f"{name} is not differentiable"))
            if not callable(rule) and not isinstance(rule, float | NoGradient):
                raise TypeError(
                    f"{self.name}: rule for {name!r} is {rule!r}, neither a function, a float "
                    "nor NoGradient"
                )
            made.append(Rule(rule, is_partial=is_partial, operands=self.operands))
            asked = set(made[-1].needs) - allowed
            if asked:
                raise TypeError(
                    f"{self.name}: rule for {name!r} asks for {sorted(asked)}; "
                    f"it may ask for {sorted(allowed)}"
                )
        return tuple(made)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *arguments: Any, **attributes: Any) -> Any:
        """Apply to arrays (the reference runs) or Tensors (they run it and may tape it)."""
        operands = arguments
        if not self.variadic and len(arguments) > self.arity:
            operands, attributes = self.bind(arguments, attributes)
        for operand in operands:
            dispatch = getattr(operand, "__op__", None)
            if dispatch is not None:
                return dispatch(self, operands, attributes)
        return self.reference(*operands, **attributes)

    def bind(
        self, arguments: Sequence[Any], attributes: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Tell tensor operands from attributes that were given by position."""
        static = arguments[self.arity :]
        if len(static) > len(self.attributes):
            raise TypeError(
                f"{self.name}() takes {self.arity} tensors and {len(self.attributes)} attributes, "
                f"{len(arguments)} were given"
            )
        by_name = dict(zip(self.attributes, static, strict=False))
        return tuple(arguments[: self.arity]), {**by_name, **attributes}

    def complete(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """All attributes by name, defaults filled in; an unknown or missing one is a TypeError."""
        if not attributes:
            full = self.attributes
        else:
            full = {**self.attributes, **attributes}
            if len(full) > len(self.attributes):
                extra = sorted(set(attributes) - set(self.attributes))
                known = list(self.attributes)
                raise TypeError(f"{self.name}() got unexpected {extra}; it has {known}")
        for name, value in full.items():
            if value is Op.REQUIRED:
                raise TypeError(f"{self.name}() needs {name}=")
        return full

    def infer(
        self, operands: Sequence[Any], attributes: dict[str, Any]
    ) -> tuple[tuple[Shape, np.dtype[Any]], ...]:
        """(shape, dtype) of every output from the operands' types alone."""
        if self.shape is DATA_DEPENDENT:
            raise NoGradientError(f"{self.name}: the result's shape depends on the data")
        given = [operand.shape for operand in operands]
        if self.shape is None:
            outputs: Any = shapes.broadcast(*given, op=self.name)
        else:
            outputs = self.shape(*given, **attributes)
        types = self.result_dtype([operand.dtype for operand in operands], attributes)
        if isinstance(outputs, list):
            return tuple(zip(outputs, types, strict=True))
        return ((outputs, types),)

    def result_dtype(self, given: Sequence[np.dtype[Any]], attributes: dict[str, Any]) -> Any:
        """The dtype of the output, or a list of them when there are several."""
        if self.result is None:
            return self.common_dtype(given)
        return self.result(*given, **attributes) if callable(self.result) else self.result

    def takes(self, dtype: np.dtype[Any]) -> bool:
        """Whether operands that all have this dtype are taken as they are."""
        known = self._taken.get(dtype)
        if known is None:
            known = self._taken[dtype] = dtypes.kind(dtype) in self.accepts
        return known

    def common_dtype(self, given: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
        """The type in which the promoted operands meet, or a DTypeError that names the operand."""
        plain = given
        if self.roles:
            plain = [d for d, takes in zip(given, self.takes_promotion, strict=True) if takes]
        common = dtypes.promote(*plain)
        kind = dtypes.kind(common)
        if kind in self.accepts:
            return common
        if kind == "bool" and self.accepts >= INTEGER:
            return dtypes.default_int
        if kind in BOOLEAN | INTEGER and self.accepts >= FLOATING:
            return dtypes.default_float
        raise DTypeError(
            f"{self.name}: does not take {common}; it takes {', '.join(sorted(self.accepts))}",
            fix="convert with rp.astype(x, dtype)",
        )

    def kept_names(self, wanted: tuple[bool, ...]) -> frozenset[str]:
        """What the tape has to keep when the operands marked in `wanted` need a gradient."""
        kept = self._kept.get(wanted)
        if kept is None:
            rules = self.rules * len(wanted) if self.variadic else self.rules
            keeps = [rule.keeps for rule, want in zip(rules, wanted, strict=False) if want]
            kept = self._kept[wanted] = frozenset().union(*keeps)
        return kept

    def require_rule(self, index: int) -> Rule:
        """The gradient rule of an operand; a NoGradientError naming the op where there is none."""
        rule = self.rules[0 if self.variadic else index]
        if rule.reason is not None:
            raise NoGradientError(
                f"{self.name}: no gradient with respect to "
                f"{self.operands[0 if self.variadic else index]}: {rule.reason}",
                fix="detach() the operand, or give a rule with rp.custom_gradient",
                where=user_line(),
            )
        return rule


def resolve(node: Node, name: str, g: Any, index: int, lift: Callable[[Any, Any], Any]) -> Any:
    """The argument that a rule asks for by name.

    Args:
        lift: makes a kept array, and the Value it is of, into what the rules compute with.
    """
    op: Any = node.op
    kept: Any = node.kept
    if name == "g":
        return g
    if name == "y":
        lifted = tuple(map(lift, kept["y"], node.outputs))
        return lifted if len(lifted) > 1 else lifted[0]
    if name in op.operands:
        if op.variadic:
            return tuple(map(lift, kept[name], node.operands))
        return lift(kept[name], node.operands[op.operands.index(name)])
    if name == "index":
        return index
    if name == "wanted":
        return tuple(operand.requires_grad for operand in node.operands)
    if name in node.attributes:
        return node.attributes[name]
    owner, _, what = name.rpartition("_")
    if owner == "y":
        return getattr(node.outputs[0], what)
    if op.variadic:
        return tuple(getattr(operand, what) for operand in node.operands)
    return getattr(node.operands[op.operands.index(owner)], what)


def elementwise(
    *,
    partials: dict[str, Any] | None = None,
    vjp: Any = None,
    **record: Any,
) -> Callable[[Callable[..., Any]], Op]:
    """Make an elementwise op: operands broadcast, y[i] depends on the operands at i alone."""

    def make(reference: Callable[..., Any]) -> Op:
        rules = vjp if partials is None else partials
        is_partial = partials is not None
        return Op(reference, form="elementwise", rules=rules, partial_rules=is_partial, **record)

    return make


def primitive(
    *, form: str, shape: Any, vjp: Any = None, **record: Any
) -> Callable[[Callable[..., Any]], Op]:
    """Make an op of any other form, with its own shape rule."""

    def make(reference: Callable[..., Any]) -> Op:
        return Op(reference, form=form, rules=vjp, shape=shape, **record)

    return make

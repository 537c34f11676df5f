"""Reads the text of a graph back. Nothing in it is run: what is not in the grammar is an error.

graph     = "graph" "(" [value ":" type {"," ...}] ")"
node      = value ":" type {"," ...} "=" op "(" [argument {"," argument}] ")"
end       = "return" [operand {"," operand}]
argument  = operand | name "=" attribute
operand   = value | array
array     = number ":" dtype | "[" [number {"," number}] "]" ":" type
type      = dtype "[" [integer {"," integer}] "]"
attribute = number | string | "True" | "False" | "None" | dtype | array | "below"
          | "slice" "(" attribute "," attribute "," attribute ")"
          | "(" [attribute {"," attribute}] ")" | "[" ... "]"

An attribute that is "below" is a graph: the lines after that of its node which are indented deeper.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from retroprop import dtypes, shapes
from retroprop.errors import GraphError, RetropropError, nearest
from retroprop.ir.graph import Graph, Node, Record, Value
from retroprop.ir.verify import check_outputs

__all__ = ["parse"]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<value>   %\d+ )
    | (?P<complex> \( [-+.\w]+ j \) )
    | (?P<number>  -? (?: inf | nan | \d+ (?:\.\d*)? (?:e[-+]?\d+)? ) \b )
    | (?P<string>  ' (?:[^'\\]|\\.)* ' | " (?:[^"\\]|\\.)* " )
    | (?P<name>    [A-Za-z_]\w* )
    | (?P<sign>    \.\.\. | [][():=,] )
    )""",
    re.VERBOSE,
)
_BELOW = object()
_WORDS = {"True": True, "False": False, "None": None, "below": _BELOW}
_DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "bfloat16 float16 float32 float64 complex64 complex128".split()
)
# What an op may raise over operands or attributes that are not what it takes.
_MISFITS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_DIGITS = 40
_DEEPEST = 32  # brackets within brackets, graphs within graphs; nothing comes near


def parse(text: str, catalog: Mapping[str, Record]) -> Graph:
    r"""The graph that prints as this text: what `to_text` undoes.

    Args:
        catalog: the op records by name.

    Raises:
        GraphError: naming the line, what was expected there, and what stands there.

    Example:
        >>> from retroprop.ops import catalog
        >>> text = "graph(%0: float32[2])\n  %1: float32[2] = exp(%0)\n  return %1"
        >>> str(parse(text, catalog)) == text
        True
    """
    lines = [(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()]
    return _graph(lines, catalog, 0)


def _graph(lines: list[tuple[int, str]], catalog: Mapping[str, Record], depth: int) -> Graph:
    """The graph that some lines describe, inside so many others."""
    if depth > _DEEPEST:
        raise GraphError(f"line {lines[0][0]}: graphs are more than {_DEEPEST} deep")
    known: dict[str, Value] = {}
    number, first = lines[0] if lines else (1, "")
    head = _Line(number, first, known)
    head.expect("graph")
    inputs = head.listed("(", ")", head.target)
    head.end()
    head.define(inputs)
    nodes = [
        _node(_Line(line_number, line, known), catalog, below, depth)
        for line_number, line, below in _blocks(lines[1:-1])
    ]
    last = _Line(*lines[-1], known) if lines[1:] else _Line(number + 1, "", known)
    last.expect("return")
    outputs = [] if last.kind == "end" else last.separated(last.operand)
    last.end()
    return Graph([value for value, _ in inputs], nodes, outputs)


def _blocks(lines: list[tuple[int, str]]) -> list[tuple[int, str, list[tuple[int, str]]]]:
    """Lines of nodes, each with the lines after it that are indented deeper."""
    blocks: list[tuple[int, str, list[tuple[int, str]]]] = []
    for number, line in lines:
        if blocks and _indent(line) > _indent(blocks[0][1]):
            blocks[-1][2].append((number, line))
        else:
            blocks.append((number, line, []))
    return blocks


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _node(
    line: _Line, catalog: Mapping[str, Record], below: list[tuple[int, str]], depth: int
) -> Node:
    """The node that one line describes, and the graph below it; its outputs become known."""
    declared = line.declared()
    line.expect("=")
    name = line.take("name", "the name of an op")
    if name not in catalog:
        match = nearest(name, catalog)
        hint = f"; did you mean {match!r}?" if match else ""
        raise GraphError(f"line {line.number}: there is no op {name!r}{hint}")
    arguments = line.listed("(", ")", line.argument)
    line.end()
    op = catalog[name]
    operands = tuple([item for key, item in arguments if key is None])
    if not op.variadic and len(operands) != op.arity:
        raise GraphError(
            f"line {line.number}: {name} takes {op.arity} operands, {len(operands)} are given"
        )
    try:
        given = {k: v for k, v in arguments if k is not None}
        bodies = {k: _graph(below, catalog, depth + 1) for k, v in given.items() if v is _BELOW}
        node = Node(op, operands, op.complete({**given, **bodies}))
        for index, (value, _) in enumerate(declared):
            value.node, value.index = node, index
        node.outputs = [value for value, _ in declared]
        check_outputs(node)
    except (*_MISFITS, RetropropError) as problem:
        what = problem.what if isinstance(problem, RetropropError) else problem
        raise GraphError(f"line {line.number}: {what}") from None
    line.define(declared)
    return node


class _Line:
    """One line being read from left to right, a token ahead."""

    def __init__(self, number: int, text: str, known: dict[str, Value]) -> None:
        self.number = number
        self.text = text
        self.known = known
        self.at = 0
        self.kind = self.word = ""
        self.depth = 0
        self._next()

    def _next(self) -> None:
        found = _TOKEN.match(self.text, self.at)
        if found is not None:
            self.kind, self.at = str(found.lastgroup), found.end()
            self.word = found[self.kind]
        else:
            self.word = self.text[self.at :].strip()
            self.kind, self.at = "unknown" if self.word else "end", len(self.text)

    def fail(self, expected: str) -> NoReturn:
        """Say what should stand here."""
        actual = f"{self.word!r} stands there" if self.word else "the line ends"
        raise GraphError(f"line {self.number}: expected {expected}, but {actual}")

    def take(self, kind: str, what: str) -> str:
        """The next word, which has to be of a kind."""
        word = self.word
        if self.kind != kind:
            self.fail(what)
        self._next()
        return word

    def skip(self, word: str) -> bool:
        """Go past a word if it comes next."""
        there = self.word == word and self.kind != "string"
        if there:
            self._next()
        return there

    def expect(self, word: str) -> None:
        """Go past a word that has to come next."""
        if not self.skip(word):
            self.fail(f'"{word}"')

    def end(self) -> None:
        """The line has to end here."""
        if self.kind != "end":
            self.fail("the end of the line")

    def separated(self, item: Callable[[], Any]) -> list[Any]:
        """One item or more, with commas between."""
        items = [item()]
        while self.skip(","):
            items.append(item())
        return items

    def listed(self, opening: str, closing: str, item: Callable[[], Any]) -> list[Any]:
        """Items with commas between in brackets; a last comma may follow."""
        self.expect(opening)
        self.depth += 1
        if self.depth > _DEEPEST:
            raise GraphError(f"line {self.number}: brackets are more than {_DEEPEST} deep")
        items: list[Any] = []
        while not self.skip(closing):
            if items:
                self.expect(",")
                if self.skip(closing):
                    break
            items.append(item())
        self.depth -= 1
        return items

    def declared(self) -> list[tuple[Value, str]]:
        """New values with their types, and their names."""
        return self.separated(self.target)

    def target(self) -> tuple[Value, str]:
        """A new value with its type, and its name."""
        name = self.take("value", "a value such as %0")
        self.expect(":")
        dtype = self.dtype()
        return Value(self.shape(), dtype), name

    def define(self, declared: list[tuple[Value, str]]) -> None:
        """From here on, values are known by their names."""
        for value, name in declared:
            if name in self.known:
                raise GraphError(f"line {self.number}: {name} is computed a second time")
            self.known[name] = value

    def dtype(self) -> np.dtype[Any]:
        """The name of a dtype."""
        if self.word not in _DTYPES:
            self.fail("a dtype such as float32")
        return dtypes.canonical(self.take("name", "a dtype"))

    def shape(self) -> tuple[int, ...]:
        """Sizes in brackets."""
        return tuple(self.listed("[", "]", self.size))

    def size(self) -> int:
        """One size of a shape."""
        if not self.word.isdecimal():
            self.fail("a size")
        return int(self.take("number", "a size"))

    def argument(self) -> tuple[str | None, Any]:
        """An operand, or an attribute with its name."""
        if self.kind != "name" or self.word in _WORDS:
            return None, self.operand()
        name = self.take("name", "an operand or attribute")
        self.expect("=")
        return name, self.attribute()

    def operand(self) -> Value:
        """A value computed before, or a constant."""
        if self.kind == "value":
            if self.word not in self.known:
                raise GraphError(f"line {self.number}: {self.word} is read before it is computed")
            return self.known[self.take("value", "a value")]
        array = self.attribute()
        if not isinstance(array, np.ndarray):
            self.fail('":" and the type of the constant')
        return Value(array.shape, array.dtype, constant=array)

    def attribute(self) -> Any:
        """Any attribute; an array where a type follows."""
        if self.skip("slice"):
            parts = self.listed("(", ")", self.attribute)
            return slice(*parts) if len(parts) == 3 else self.fail("slice(start, stop, step)")
        if self.word == "(" and self.kind == "sign":
            return tuple(self.listed("(", ")", self.attribute))
        if self.word == "[" and self.kind == "sign":
            items = self.listed("[", "]", self.attribute)
            return self.array(items) if self.skip(":") else items
        number = self.plain()
        if not self.skip(":"):
            return number
        return self._filled(number, self.dtype())

    def plain(self) -> Any:
        """A number, string, word or dtype."""
        kind, word = self.kind, self.word
        if word in _WORDS and kind == "name":
            self._next()
            return _WORDS[word]
        if kind == "name":
            return self.dtype()
        if word == "..." and kind == "sign":
            raise GraphError(
                f"line {self.number}: the numbers of a large constant were left out of the text"
            )
        if kind not in {"number", "complex", "string"}:
            self.fail("a value, a number or an attribute")
        self._next()
        if kind == "string":
            return ast.literal_eval(word)
        if kind == "complex":
            return complex(word)
        if not word.lstrip("-").isdecimal():
            return float(word)
        return int(word) if len(word) <= _DIGITS else self.fail("a shorter number")

    def array(self, numbers: list[Any]) -> np.ndarray[Any, Any]:
        """Numbers in row-major order, with the type that follows."""
        dtype, shape = self.dtype(), self.shape()
        if len(numbers) != shapes.size(shape):
            raise GraphError(
                f"line {self.number}: a constant of shape {shape} is given {len(numbers)} numbers"
            )
        return self._filled(numbers, dtype).reshape(shape)

    def _filled(self, numbers: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        try:
            return np.asarray(numbers, dtype)
        except (OverflowError, TypeError, ValueError):
            raise GraphError(f"line {self.number}: {numbers} does not fit in {dtype}") from None

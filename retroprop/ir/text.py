"""Graphs as text: one line per node, values numbered in order of appearance.

`ir.parse` reads it back, so what is written here is exact: numbers in as few digits as tell them
apart, infinities and NaN by name, slices and types in words. A graph that is an attribute, the body
of a loop, follows the line of its node, indented, with numbers of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.ir.graph import Graph, Value

__all__ = ["MOST", "to_text"]

MOST = 1000  # elements of a constant that are written out


def to_text(graph: Graph) -> str:
    """A graph as readable text.

    graph(%0: float32[2, 3])
      %1: float32[2] = sum(%0, axis=1, keepdims=False)
      return %1
    """
    names: dict[Value, str] = {}

    def name(value: Value) -> str:
        if value.constant is not None:
            return _array(value.constant)
        return names.setdefault(value, f"%{len(names)}")

    heads = ", ".join(f"{name(value)}: {_type(value)}" for value in graph.inputs)
    lines = [f"graph({heads})"]
    for node in graph.nodes:
        arguments = [name(operand) for operand in node.operands]
        arguments += [f"{key}={_attribute(item)}" for key, item in node.attributes.items()]
        targets = ", ".join(f"{name(output)}: {_type(output)}" for output in node.outputs)
        lines.append(f"  {targets} = {node.op.name}({', '.join(arguments)})")
        for item in node.attributes.values():
            if isinstance(item, Graph):
                lines += [f"    {line}" for line in to_text(item).splitlines()]
    lines.append(f"  return {', '.join(name(value) for value in graph.outputs)}".rstrip())
    return "\n".join(lines)


def _type(value: Any) -> str:
    return f"{value.dtype.name}[{', '.join(map(str, value.shape))}]"


def _array(array: Any) -> str:
    """2.0:float32 for a single number, [1, 2]:int64[2] for others, in row-major order."""
    if array.shape == ():
        return f"{_number(array[()])}:{array.dtype.name}"
    if array.size > MOST:
        return f"[...]:{_type(array)}"
    return f"[{', '.join(map(_number, array.reshape(-1)))}]:{_type(array)}"


def _number(number: Any) -> str:
    """One element of an array."""
    if number.dtype.kind in "biu":
        return repr(number.item())
    if number.dtype.kind == "c":
        return _complex(complex(number))
    short = float(str(number))  # "0.1" instead of 0.10000000149011612, where that is enough
    same = number.dtype.type(short) == number
    return repr(short if same else float(number))


def _complex(number: complex) -> str:
    return f"({number.real!r}{number.imag:+}j)"


def _attribute(item: Any) -> str:
    if isinstance(item, np.dtype):
        return item.name
    if isinstance(item, Graph):
        return "below"
    if isinstance(item, np.ndarray):
        return _array(item)
    if isinstance(item, np.generic):
        return _attribute(item.item())
    if isinstance(item, complex):
        return _complex(item)
    if isinstance(item, slice):
        return f"slice({', '.join(map(_attribute, (item.start, item.stop, item.step)))})"
    if isinstance(item, list):
        return f"[{', '.join(map(_attribute, item))}]"
    if isinstance(item, tuple):
        return f"({', '.join(map(_attribute, item))}{',' * (len(item) == 1)})"
    return repr(item)

"""Graphs as text: one line per node, values numbered in order of appearance."""

from __future__ import annotations

from typing import Any

from retroprop.ir.graph import Graph, Value

__all__ = ["to_text"]


def to_text(graph: Graph) -> str:
    """A graph as readable text.

    graph(%0: float32[2, 3])
      %1: float32[2] = sum(%0, axis=1, keepdims=False)
      return %1
    """
    names: dict[Value, str] = {}

    def name(value: Value) -> str:
        if value.constant is not None:
            return _literal(value)
        return names.setdefault(value, f"%{len(names)}")

    heads = ", ".join(f"{name(value)}: {_type(value)}" for value in graph.inputs)
    lines = [f"graph({heads})"]
    for node in graph.nodes:
        arguments = [name(operand) for operand in node.operands]
        arguments += [f"{key}={_attribute(item)}" for key, item in node.attributes.items()]
        targets = ", ".join(f"{name(output)}: {_type(output)}" for output in node.outputs)
        lines.append(f"  {targets} = {node.op.name}({', '.join(arguments)})")
    lines.append(f"  return {', '.join(name(value) for value in graph.outputs)}")
    return "\n".join(lines)


def _type(value: Value) -> str:
    return f"{value.dtype.name}[{', '.join(map(str, value.shape))}]"


def _literal(value: Value) -> str:
    return f"{value.constant.item()!r}:{value.dtype.name}"


def _attribute(item: Any) -> str:
    return item.name if hasattr(item, "itemsize") and hasattr(item, "name") else repr(item)

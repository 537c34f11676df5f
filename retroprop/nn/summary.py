"""What a model is made of: shapes, parameters and multiply-adds, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop import tree
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError
from retroprop.nn.embedding import Embedding, EmbeddingBag
from retroprop.nn.module import Module
from retroprop.nn.parameter import Parameter

__all__ = ["LayerRow", "Summary", "summary"]

Shape = tuple[int, ...]


class LayerRow(NamedTuple):
    """One call of one layer.

    Attributes:
        path:          dotted name in the model; "" is the model itself.
        kind:          name of the class.
        output_shape:  shape of the output, or a list of them when there are several.
        parameters:    numbers the layer trains or keeps as parameters; 0 when it was listed before.
        multiply_adds: multiplications, each with its addition, in this call.
    """

    path: str
    kind: str
    output_shape: Any
    parameters: int
    multiply_adds: int


class Summary(NamedTuple):
    """The layers of a model in the order of their calls, and totals. `print` it for a table.

    Attributes:
        rows:                 one for each call of a layer.
        input_shape:          what the model was called with.
        parameters:           of the whole model, shared ones once.
        trainable_parameters: those that require a gradient.
        buffers:              numbers in buffers.
        multiply_adds:        of all layers; functions called between layers are not counted.
        bytes:                of parameters and buffers.
    """

    rows: list[LayerRow]
    input_shape: Any
    parameters: int
    trainable_parameters: int
    buffers: int
    multiply_adds: int
    bytes: int

    def __str__(self) -> str:
        head = ("layer", "type", "output shape", "parameters", "multiply-adds")
        cells: list[tuple[str, ...]] = [head]
        for row in self.rows:
            counts = (f"{n:,}" if n else "-" for n in (row.parameters, row.multiply_adds))
            cells.append((row.path or "(model)", row.kind, str(row.output_shape), *counts))
        widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
        lines = [
            "  ".join(
                cell.rjust(width) if i > 2 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in cells
        ]
        rule = "-" * max(map(len, lines))
        frozen = self.parameters - self.trainable_parameters
        total = f"parameters: {self.parameters:,}" + (f" ({frozen:,} frozen)" if frozen else "")
        total += f"; buffers: {self.buffers:,}" if self.buffers else ""
        total += f"; {_memory(self.bytes)}; multiply-adds: {self.multiply_adds:,}"
        ends = f"input {self.input_shape}"
        return "\n".join([lines[0], rule, *lines[1:], rule, ends, total])


def _memory(count: int) -> str:
    """A number of bytes in the unit that suits it."""
    for exponent, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count >= 1 << exponent:
            return f"{count / (1 << exponent):.1f} {unit}"
    return f"{count} bytes"


def summary(model: Module, input_shape: Any, dtype: Any = None) -> Summary:
    """Run a model once on zeros and tell what each layer made of them.

    The model runs in evaluation mode and without recording: nothing in it changes.

    Args:
        model:       what to look at.
        input_shape: shape of the input with its batch axis, or a list of shapes for several inputs.
        dtype:       of the inputs; int64 where the first layer is an embedding, else that of the
                     first parameter.

    Returns:
        The table, which prints as text: output shapes, parameters, and the multiply-adds of linear,
        convolutional, recurrent and attention layers, for the whole batch.

    Example:
        >>> from retroprop import nn
        >>> model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
        >>> print(summary(model, (1, 784)))
        layer  type    output shape  parameters  multiply-adds
        ------------------------------------------------------
        0      Linear  (1, 256)         200,960        200,704
        1      ReLU    (1, 256)               -              -
        2      Linear  (1, 10)            2,570          2,560
        ------------------------------------------------------
        input (1, 784)
        parameters: 203,530; 795.0 KiB; multiply-adds: 203,264
    """
    shapes = _shapes(input_shape)
    kind = _input_dtype(model) if dtype is None else dtype
    rows = _run(model, [Tensor(np.zeros(shape), kind) for shape in shapes])
    parameters, buffers = list(model.parameters()), list(model.buffers())
    return Summary(
        rows=rows,
        input_shape=shapes[0] if len(shapes) == 1 else shapes,
        parameters=sum(one.size for one in parameters),
        trainable_parameters=sum(one.size for one in parameters if one.requires_grad),
        buffers=sum(one.size for one in buffers),
        multiply_adds=sum(row.multiply_adds for row in rows),
        bytes=sum(one.size * one.dtype.itemsize for one in [*parameters, *buffers]),
    )


def _shapes(given: Any) -> list[Shape]:
    """One shape or several, as a list."""
    if isinstance(given, Sequence) and given and all(isinstance(n, int) for n in given):
        return [tuple(given)]
    if isinstance(given, Sequence) and given and all(isinstance(n, list | tuple) for n in given):
        return [tuple(shape) for shape in given]
    raise ArgumentError(
        f"summary: {given!r} is no shape", fix="write (batch, features), or a list of shapes"
    )


def _input_dtype(model: Module) -> Any:
    """The dtype that the model's first layer takes."""
    leaves = [module for module in model.modules() if next(module.children(), None) is None]
    if leaves and isinstance(leaves[0], Embedding | EmbeddingBag):
        return "int64"
    first = next((one for one in model.parameters()), None)
    return "float32" if first is None else first.dtype


def _run(model: Module, inputs: list[Tensor]) -> list[LayerRow]:
    """Call the model with a hook on every layer that has something to tell."""
    rows: list[LayerRow] = []
    seen: set[int] = set()
    modes = [(module, module.training) for module in model.modules()]
    handles = []
    for path, module in model.named_modules():
        own = [one for one in vars(module).values() if isinstance(one, Parameter)]
        if own or next(module.children(), None) is None:
            hook = _row_maker(path, own, rows, seen)
            handles.append(module.register_forward_hook(hook, with_kwargs=True))
    try:
        with no_grad():
            model.eval()(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    return rows


def _row_maker(path: str, own: list[Parameter], rows: list[LayerRow], seen: set[int]) -> Any:
    def note(module: Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        new = [one for one in own if id(one) not in seen]
        seen.update(map(id, new))
        leaves = [leaf for leaf in tree.flatten(output)[0] if isinstance(leaf, Tensor)]
        shapes = [leaf.shape for leaf in leaves]
        rows.append(
            LayerRow(
                path,
                type(module).__name__,
                shapes[0] if len(shapes) == 1 else shapes,
                sum(one.size for one in new),
                module.multiply_adds((*args, *kwargs.values()), output),
            )
        )

    return note

"""Functions of functions: gradients, products with Jacobians, Jacobians, Hessians.

All of them run the one gradient engine. They compose with each other and with `backward()`: when a
result may be differentiated again (an argument, or anything the function reads from outside,
requires a gradient) it is computed with a tape of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retroprop import dtypes, tree
from retroprop.core.tape import enable_grad, is_grad_enabled
from retroprop.core.tensor import Tensor, pull_back
from retroprop.errors import ArgumentError, DTypeError, ShapeError
from retroprop.ir.graph import nodes_before
from retroprop.ops.movement import concatenate, reshape

__all__ = ["grad", "hessian", "jacobian", "jvp", "value_and_grad", "vjp"]

Argnums = int | tuple[int, ...]


class _Traced:
    """One run of a function with respect to some of its arguments."""

    def __init__(
        self, function: Callable[..., Any], arguments: Sequence[Any], wrt: Argnums
    ) -> None:
        self.single = isinstance(wrt, int)
        numbers = (wrt,) if isinstance(wrt, int) else tuple(wrt)
        for number in numbers:
            if not -len(arguments) <= number < len(arguments):
                raise ArgumentError(
                    f"argument {number} was asked for, the function got {len(arguments)}"
                )
        prepared = list(arguments)
        self.leaves: list[Tensor] = []
        self.structures = []
        outer = is_grad_enabled()
        with enable_grad():
            for number in numbers:
                leaves, structure = tree.flatten(arguments[number])
                tracked = [_track(leaf) for leaf in leaves]
                self.leaves += tracked
                self.structures.append((structure, len(tracked)))
                prepared[number] = tree.unflatten(structure, list(tracked))
            self.output = function(*prepared)
        self.values = [leaf.value for leaf in self.leaves]
        self._outer = outer

    def differentiable(self, outputs: Sequence[Tensor]) -> bool:
        """Whether something outside may want to differentiate the result again."""
        if not self._outer:
            return False
        own = set(self.values)
        nodes = nodes_before([output.value for output in outputs])
        seen = (operand for node in nodes for operand in node.operands)
        return any(v.requires_grad and v.node is None and v not in own for v in seen)

    def pull(
        self, outputs: Sequence[Tensor], seeds: Sequence[Any], *, retain: bool, tape: bool
    ) -> list[Tensor]:
        """Cotangents of the leaves, zeros where nothing arrives."""
        live = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o.requires_grad]
        found: dict[Any, Any] = {}
        if live:
            roots, given = zip(*live, strict=True)
            given = given if tape else tuple(seed._array for seed in given)
            found = pull_back(roots, given, self.values, retain=retain or tape, tape=tape)
        result: list[Tensor] = []
        for leaf, value in zip(self.leaves, self.values, strict=True):
            cotangent: Any = found.get(value)
            if cotangent is None:
                cotangent = np.zeros(leaf.shape, leaf.dtype)
            known = isinstance(cotangent, Tensor)
            result.append(cotangent if known else Tensor._wrap(cotangent))
        return result

    def pack(self, leaves: Sequence[Any]) -> Any:
        """Results in the structure of the arguments."""
        packed, start = [], 0
        for structure, count in self.structures:
            packed.append(tree.unflatten(structure, list(leaves[start : start + count])))
            start += count
        return packed[0] if self.single else tuple(packed)


def _track(leaf: Any) -> Tensor:
    """A Tensor of the same numbers with a place of its own on the tape."""
    tensor = leaf if isinstance(leaf, Tensor) else Tensor(leaf)
    if not dtypes.is_floating(tensor.dtype):
        raise DTypeError(
            f"gradients are taken with respect to floating tensors, this one is {tensor.dtype}",
            fix="convert it with rp.astype(x, rp.float32)",
        )
    if tensor.requires_grad:
        return tensor.clone()
    return tensor.detach().requires_grad_()


def _scalar(output: Any, name: str) -> Tensor:
    if not isinstance(output, Tensor) or output.size != 1:
        given = f"shape {output.shape}" if isinstance(output, Tensor) else type(output).__name__
        raise ShapeError(
            f"{name}: the function must return a tensor with one element, it returned {given}",
            fix="reduce it (loss.mean()), or use rp.jacobian or rp.vjp",
        )
    return output


def value_and_grad(
    function: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns (value, gradient) of a scalar function.

    Args:
        function: takes Tensors or nested lists, tuples and dicts of them; returns one element.
        argnums:  which arguments to differentiate with respect to.
        has_aux:  the function returns (value, anything); so does the new one: ((value, aux),
                  gradient).

    Example:
        >>> import retroprop as rp
        >>> value, gradient = value_and_grad(lambda x: (x * x).sum())(rp.asarray([1.0, 2.0]))
        >>> value.item(), gradient.tolist()
        (5.0, [2.0, 4.0])
    """

    @functools.wraps(function)
    def transformed(*arguments: Any) -> Any:
        traced = _Traced(function, arguments, argnums)
        output, aux = traced.output if has_aux else (traced.output, None)
        output = _scalar(output, "grad")
        tape = traced.differentiable([output])
        seed = Tensor(np.ones(output.shape, output.dtype))
        gradient = traced.pack(traced.pull([output], [seed], retain=False, tape=tape))
        value = output if tape else output.detach()
        return ((value, aux), gradient) if has_aux else (value, gradient)

    return transformed


def grad(
    function: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the gradient of a scalar function.

    Example:
        >>> import retroprop as rp
        >>> grad(grad(lambda x: x * x * x))(rp.tensor(2.0)).item()
        12.0
    """
    both = value_and_grad(function, argnums, has_aux=has_aux)

    @functools.wraps(function)
    def transformed(*arguments: Any) -> Any:
        value, gradient = both(*arguments)
        return (gradient, value[1]) if has_aux else gradient

    return transformed


def vjp(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The value of a function, and the function that pulls a cotangent back to its arguments.

    Returns:
        (y, pull), where pull(g) with g like y gives a tuple of cotangents, one per argument.

    Example:
        >>> import retroprop as rp
        >>> y, pull = vjp(lambda x: x * x, rp.asarray([1.0, 2.0]))
        >>> pull(rp.asarray([1.0, 10.0]))[0].tolist()
        [2.0, 40.0]
    """
    traced = _Traced(function, primals, tuple(range(len(primals))))
    outputs, structure = tree.flatten(traced.output)
    tape = traced.differentiable(outputs)

    def pull(cotangent: Any) -> Any:
        given, _ = tree.flatten(cotangent)
        seeds = [_like(seed, out, "vjp") for seed, out in zip(given, outputs, strict=True)]
        taped = tape or any(seed.requires_grad for seed in seeds)
        return traced.pack(traced.pull(outputs, seeds, retain=True, tape=taped))

    shown = outputs if tape else [output.detach() for output in outputs]
    return tree.unflatten(structure, shown), pull


def _like(given: Any, output: Tensor, name: str) -> Tensor:
    seed = given if isinstance(given, Tensor) else Tensor(given, output.dtype)
    if seed.shape != output.shape:
        raise ShapeError(f"{name}: got a direction of shape {seed.shape} for {output.shape}")
    return seed.astype(output.dtype)


def jvp(
    function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """The value of a function, and its derivative along a direction.

    The pull-back is linear in its cotangent u, so its own pull-back is the push-forward: two
    reverse passes need no forward rules.

    Args:
        function: from Tensors to Tensors.
        primals:  the arguments.
        tangents: directions of the same shapes.

    Example:
        >>> import retroprop as rp
        >>> y, t = jvp(lambda x: x * x, [rp.asarray([1.0, 3.0])], [rp.asarray([1.0, 10.0])])
        >>> t.tolist()
        [2.0, 60.0]

    Source: J. Townsend 2017, "A new trick for calculating Jacobian vector products".
    """
    if len(primals) != len(tangents):
        raise ArgumentError(f"jvp: {len(primals)} primals, {len(tangents)} tangents")
    traced = _Traced(function, primals, tuple(range(len(primals))))
    outputs, structure = tree.flatten(traced.output)
    flat, _ = tree.flatten(tuple(tangents))
    directions = [_like(t, leaf, "jvp") for t, leaf in zip(flat, traced.leaves, strict=True)]
    with enable_grad():
        probes = [Tensor(np.zeros(o.shape, o.dtype), requires_grad=True) for o in outputs]
        pulled = traced.pull(outputs, probes, retain=True, tape=True)
    live = [(p, t) for p, t in zip(pulled, directions, strict=True) if p.requires_grad]
    tape = traced.differentiable(outputs) or any(t.requires_grad for t in directions)
    found: dict[Any, Any] = {}
    if live:
        roots, seeds = zip(*live, strict=True)
        given = seeds if tape else tuple(seed._array for seed in seeds)
        wrt = [probe.value for probe in probes]
        found = pull_back(roots, given, wrt, retain=tape, tape=tape)
    pushed = [found.get(p.value, np.zeros(p.shape, p.dtype)) for p in probes]
    results = [t if isinstance(t, Tensor) else Tensor._wrap(t) for t in pushed]
    shown = outputs if tape else [output.detach() for output in outputs]
    return tree.unflatten(structure, shown), tree.unflatten(structure, results)


def jacobian(function: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that returns the Jacobian: shape of the output followed by shape of the argument.

    Example:
        >>> import retroprop as rp
        >>> jacobian(lambda x: x * x)(rp.asarray([1.0, 2.0])).tolist()
        [[2.0, 0.0], [0.0, 4.0]]
    """

    @functools.wraps(function)
    def transformed(*arguments: Any) -> Any:
        traced = _Traced(function, arguments, argnums)
        output = traced.output
        if not isinstance(output, Tensor):
            raise DTypeError("jacobian: the function must return one tensor")
        tape = traced.differentiable([output])
        rows = []
        for position in range(output.size):
            basis = np.zeros(output.size, output.dtype)
            basis[position] = 1
            seed = Tensor(basis.reshape(output.shape))
            rows.append(traced.pull([output], [seed], retain=True, tape=tape))
        columns = []
        for number, leaf in enumerate(traced.leaves):
            columns.append(_stack([row[number] for row in rows], output.shape, leaf))
        return traced.pack(columns)

    return transformed


def _stack(rows: Sequence[Tensor], lead: tuple[int, ...], leaf: Tensor) -> Tensor:
    if not rows:
        return Tensor(np.zeros((*lead, *leaf.shape), leaf.dtype))
    flat = [reshape(row, (1, *leaf.shape)) for row in rows]
    return reshape(concatenate(*flat, axis=0), (*lead, *leaf.shape))


def hessian(function: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """A function that returns the matrix of second derivatives of a scalar function.

    Example:
        >>> import retroprop as rp
        >>> hessian(lambda x: x[0] * x[0] * x[1])(rp.asarray([3.0, 5.0])).tolist()
        [[10.0, 6.0], [6.0, 0.0]]
    """
    return jacobian(grad(function, argnums), argnums)

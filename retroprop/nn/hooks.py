"""Hooks of modules: functions that see, and may replace, inputs, outputs and gradients."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from retroprop import tree
from retroprop.core import recording
from retroprop.core.convert import as_array
from retroprop.core.tape import execute
from retroprop.core.tensor import Tensor
from retroprop.ops.define import ANY, DATA_DEPENDENT, Op

__all__ = ["Handle", "Hooks"]

_numbers = itertools.count()
Hook = Callable[..., Any]


class Handle:
    """What registering a hook returns: `remove()`, or the end of `with handle:`, takes it away."""

    def __init__(self, hooks: dict[int, Hook], hook: Hook, *, prepend: bool) -> None:
        self._hooks = hooks
        self._key = next(_numbers)
        others = dict(hooks)
        if prepend:
            hooks.clear()
        hooks[self._key] = hook
        if prepend:
            hooks.update(others)
        recording.changed()

    def remove(self) -> None:
        """Take the hook away; doing it twice does no harm."""
        self._hooks.pop(self._key, None)
        recording.changed()

    def __call__(self) -> None:
        self.remove()

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Hooks:
    """The hooks of one module, by kind, each in the order in which they are called."""

    def __init__(self) -> None:
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}
        self.backward: dict[int, Hook] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Hooks:
        copied = Hooks()
        for mine, theirs in zip(vars(copied).values(), vars(self).values(), strict=True):
            mine.update(theirs)
        return copied

    def call(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the module's `forward` between its hooks."""
        for hook in tuple(self.before.values()):
            answer = hook(module, args, kwargs)
            if answer is not None:
                args, kwargs = answer
        watch = _Watch(module, tuple(self.backward.values())) if self.backward else None
        if watch is not None:
            args = watch.inputs(args)
        output = module.forward(*args, **kwargs)
        if watch is not None:
            output = watch.outputs(output)
        for hook in tuple(self.after.values()):
            answer = hook(module, args, kwargs, output)
            output = output if answer is None else answer
        return output


class _Watch:
    """Calls the backward hooks of one call of a module, all gradients at its border at hand."""

    def __init__(self, module: Any, hooks: Sequence[Hook]) -> None:
        self.module = module
        self.hooks = hooks
        self.given = _Border([])
        self.made = _Border([])
        self.grad_output: tuple[Any, ...] = ()

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.given = _Border(list(args))
        return tuple(self.given.pass_through("module_input", self._at_input))

    def outputs(self, output: Any) -> Any:
        leaves, structure = tree.flatten(output)
        self.made = _Border(leaves)
        return tree.unflatten(structure, self.made.pass_through("module_output", self._at_output))

    def _at_output(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        self.grad_output = self.made.spread(gradients)
        if not self.given.slots:
            self._run(self.given.spread(()))
        return gradients

    def _at_input(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        answers = self._run(self.given.spread(gradients))
        taped = isinstance(gradients[0], Tensor)
        left = (answers[i] for i in self.given.slots)
        return tuple(one if taped or one is None else as_array(one) for one in left)

    def _run(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.hooks:
            answer = hook(self.module, grad_input, self.grad_output)
            if answer is not None:
                grad_input = answer if isinstance(answer, tuple) else (answer,)
        return grad_input


class _Border:
    """What crosses into or out of a module, and where among it the tensors with a gradient are."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items
        self.slots = [i for i, x in enumerate(items) if isinstance(x, Tensor) and x.requires_grad]

    def pass_through(self, name: str, see: Hook) -> list[Any]:
        """The items; those with a gradient as one node of the tape, whose gradients `see` sees."""
        if not self.slots:
            return self.items

        def reference(*xs: Any) -> Any:
            return xs

        def pull(g: Any) -> tuple[Any, ...]:
            return see(g if isinstance(g, tuple) else (g,))

        reference.__name__ = name
        op = Op(reference, form="opaque", rules=pull, shape=DATA_DEPENDENT, roles={"xs": ANY})
        op.is_python = True
        items = list(self.items)
        for i, passed in zip(
            self.slots, execute(op, [items[i] for i in self.slots], {}, Tensor), strict=True
        ):
            items[i] = passed
        return items

    def spread(self, gradients: Sequence[Any]) -> tuple[Any, ...]:
        """The gradients at their places, as Tensors; None where there is none."""
        arrived = dict(zip(self.slots, gradients, strict=True)) if gradients else {}
        return tuple(_as_tensor(arrived.get(i)) for i in range(len(self.items)))


def _as_tensor(gradient: Any) -> Any:
    return gradient if gradient is None or isinstance(gradient, Tensor) else Tensor(gradient)

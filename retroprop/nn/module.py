"""The base of all layers and models: its attributes are the registry, in the order they were set.

A Parameter, Buffer or Module that is an attribute is found by walking `vars(module)`; nothing is recorded
on assignment, so there is nothing to forget and nothing to keep in step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, RetropropError, nearest
from retroprop.nn.hooks import Handle, Hooks
from retroprop.nn.parameter import Buffer, Parameter
from retroprop.nn.state import IncompatibleKeys, load

__all__ = ["Module"]


class Module:
    """Base class of layers and models: set parameters and layers as attributes, write `forward`.

    Attributes:
        training: True in training, False in evaluation; `train()` and `eval()` set it for all layers.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import nn
        >>> class Scale(nn.Module):
        ...     def __init__(self):
        ...         self.factor = nn.Parameter([2.0])
        ...
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> Scale()(rp.asarray([1.0, 3.0])).tolist()
        [2.0, 6.0]
    """

    training: bool = True
    _hooks: Hooks | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; a subclass writes it, users call the module itself."""
        raise ArgumentError(
            f"{type(self).__name__} has no forward()", fix="define forward(self, x) in the class"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            _refuse_hidden(self)
            if self._hooks is None:
                return self.forward(*args, **kwargs)
            return self._hooks.call(self, args, kwargs)
        except RetropropError as error:
            error.modules.append(self)
            raise

    # -- what it is made of ----------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one, each once, with their names."""
        seen = set()
        for name, value in vars(self).items():
            if isinstance(value, Module) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, prefix: str = "", *, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, depth first, with their dotted paths."""
        yield from _walk(self, prefix, set() if remove_duplicate else None)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, *, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters of this module and those below it, with their dotted names.

        Args:
            prefix:           goes before every name.
            recurse:          False leaves out the modules below.
            remove_duplicate: False names a shared parameter at each of its places.

        Raises:
            ArgumentError: modules or parameters lie in a plain list, where they would be missed.
        """
        yield from self._named_cells(Parameter, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and those below it, each once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, *, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Buffer]]:
        """The buffers of this module and those below it, with their dotted names."""
        yield from self._named_cells(Buffer, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Buffer]:
        """The buffers of this module and those below it, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named_cells(
        self, kind: type[Any], prefix: str, recurse: bool, unique: bool
    ) -> Iterator[tuple[str, Any]]:
        seen = set()
        modules = _walk(self, prefix, set() if unique else None) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in vars(module).items():
                if isinstance(value, kind) and not (unique and id(value) in seen):
                    seen.add(id(value))
                    yield _joined(path, name), value

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path; "" is this one."""
        return self if target == "" else self._get(target, Module, "module")  # type: ignore[no-any-return]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        return self._get(target, Parameter, "parameter")  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Buffer:
        """The buffer at a dotted path."""
        return self._get(target, Buffer, "buffer")  # type: ignore[no-any-return]

    def _get(self, target: str, kind: type[Any], word: str) -> Any:
        found: Any = self
        for name in target.split("."):
            found = vars(found).get(name) if isinstance(found, Module) else None
        if not isinstance(found, kind):
            named = self.named_modules if kind is Module else None
            options = dict(named() if named else self._named_cells(kind, "", True, False))
            close = nearest(target, [option for option in options if option])
            raise ArgumentError(
                f"{type(self).__name__} has no {word} {target!r}",
                fix=f"did you mean {close!r}?" if close else f"list them with named_{word}s()",
            )
        return found

    # -- registering by name ---------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """The same as `setattr`, for a name that is computed."""
        self._register(name, param, Parameter)

    def register_module(self, name: str, module: Module | None) -> None:
        """The same as `setattr`, for a name that is computed."""
        self._register(name, module, Module)

    add_module = register_module

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Keep a tensor beside the parameters; a plain tensor or array becomes a `Buffer`.

        Args:
            persistent: False keeps it out of the `state_dict`.
        """
        if tensor is not None and not isinstance(tensor, Buffer):
            tensor = Buffer(tensor, persistent=persistent)
        self._register(name, tensor, Buffer)

    def _register(self, name: str, value: Any, kind: type[Any]) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise ArgumentError(f'{name!r} is no name for an attribute: no dots, not ""')
        before = getattr(self, name, None)
        if before is not None and not isinstance(before, kind):
            raise ArgumentError(f"{type(self).__name__} has an attribute {name!r} already")
        if value is not None and not isinstance(value, kind):
            raise ArgumentError(
                f"{name!r} must be a {kind.__name__}, got {type(value).__name__}",
                fix=f"wrap it: nn.{kind.__name__}(...)" if kind is Parameter else None,
            )
        setattr(self, name, value)

    # -- state -----------------------------------------------------------------------------------

    def state_dict(self, *, prefix: str = "") -> dict[str, Tensor]:
        """All parameters and persistent buffers by name, under the keys that PyTorch uses.

        The tensors are snapshots: training on does not change them.

        Example:
            >>> from retroprop import nn
            >>> list(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).state_dict())[:3]
            ['0.weight', '0.bias', '1.weight']
        """
        return {name: cell.detach() for name, cell in self._state_cells(prefix)}

    def _state_cells(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        for path, module in _walk(self, prefix.removesuffix("."), None):
            for kind in (Parameter, Buffer):
                for name, value in vars(module).items():
                    if isinstance(value, kind) and getattr(value, "persistent", True):
                        yield _joined(path, name), value

    def load_state_dict(self, state_dict: dict[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Put numbers into the parameters and buffers, by name; all of them or, on an error, none.

        Args:
            state_dict: tensors or NumPy arrays by name.
            strict:     False leaves what is missing as it is, and ignores what is unexpected.

        Returns:
            (missing_keys, unexpected_keys).

        Raises:
            CheckpointError: names that are missing or unexpected (if strict), or shapes that differ.

        Example:
            >>> from retroprop import nn
            >>> nn.Linear(1, 1).load_state_dict({"weight": [[1.0]]}, strict=False)
            IncompatibleKeys(missing_keys=['bias'], unexpected_keys=[])
        """
        return load(type(self).__name__, dict(self._state_cells()), state_dict, strict)

    # -- changing all of it ----------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Put this module and all below it in training mode; returns itself."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Put this module and all below it in evaluation mode; returns itself."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for gradients of all parameters, or freeze them; returns itself."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call fn on all modules below this one, then on itself; returns itself."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self, dtype: Any) -> Self:
        """Hold all floating numbers in another floating type; "cpu" changes nothing. Returns itself."""
        if dtype != "cpu":
            for kind in (Parameter, Buffer):
                for _, cell in self._named_cells(kind, "", True, True):
                    cell.retype(dtype)
        return self

    def float(self) -> Self:
        """Hold all floating numbers as float32; returns itself."""
        return self.to("float32")

    def double(self) -> Self:
        """Hold all floating numbers as float64; returns itself."""
        return self.to("float64")

    # -- hooks -----------------------------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call hook(module, args) before `forward`; what it returns replaces the arguments.

        Args:
            prepend:     call it before the hooks that are there.
            with_kwargs: call hook(module, args, kwargs); it returns (args, kwargs) or None.

        Returns:
            A handle with `remove()`.
        """

        def run(module: Any, args: Any, kwargs: Any) -> Any:
            if with_kwargs:
                return hook(module, args, kwargs)
            answer = hook(module, args)
            if answer is None:
                return None
            return (answer if isinstance(answer, tuple) else (answer,)), kwargs

        return Handle(self._own_hooks().before, run, prepend=prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call hook(module, args, output) after `forward`; what it returns replaces the output.

        Args:
            prepend:     call it before the hooks that are there.
            with_kwargs: call hook(module, args, kwargs, output).

        Returns:
            A handle with `remove()`.
        """

        def run(module: Any, args: Any, kwargs: Any, output: Any) -> Any:
            given = (args, kwargs) if with_kwargs else (args,)
            return hook(module, *given, output)

        return Handle(self._own_hooks().after, run, prepend=prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False
    ) -> Handle:
        """Call hook(module, grad_input, grad_output) in each backward pass.

        Both are tuples of gradients: of the positional arguments, and of the tensors in the output
        (None where there is none). A tuple that the hook returns replaces grad_input.

        Returns:
            A handle with `remove()`.
        """
        return Handle(self._own_hooks().backward, hook, prepend=prepend)

    def _own_hooks(self) -> Hooks:
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks

    # -- how it reads ----------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """The arguments of the layer as text, as `repr` shows them."""
        return ""

    def __repr__(self) -> str:
        name, extra = type(self).__name__, self.extra_repr()
        children = [(key, child) for key, child in vars(self).items() if isinstance(child, Module)]
        if not children:
            return f"{name}({extra})"
        lines = [f"({key}): {child!r}".replace("\n", "\n  ") for key, child in children]
        return f"{name}(\n  " + "\n  ".join(([extra] if extra else []) + lines) + "\n)"


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _walk(module: Module, path: str, seen: set[int] | None) -> Iterator[tuple[str, Module]]:
    """A module and all below it with their paths; each once, unless `seen` is None."""
    if seen is not None:
        if id(module) in seen:
            return
        seen.add(id(module))
    _refuse_hidden(module)
    yield path, module
    for name, value in vars(module).items():
        if isinstance(value, Module):
            yield from _walk(value, _joined(path, name), seen)


_PLAIN = (list, tuple, dict)


def _refuse_hidden(module: Module) -> None:
    """Raise where a plain container holds modules or parameters that no walk would find."""
    for name, value in vars(module).items():
        if type(value) in _PLAIN and value:
            held = value.values() if isinstance(value, dict) else value
            inside = [one for one in held if isinstance(one, Module | Parameter)]
            if inside:
                _refuse(module, name, value, inside)


def _refuse(module: Module, name: str, container: Any, inside: list[Any]) -> None:
    """Raise unless all that is inside a plain container is an attribute elsewhere below the module."""
    known: set[int] = set()
    left = [module]
    while left:
        found = [v for v in vars(left.pop()).values() if isinstance(v, Module | Parameter)]
        left += [one for one in found if isinstance(one, Module) and id(one) not in known]
        known.update(map(id, found))
    if known.issuperset(map(id, inside)):
        return
    kind = "Dict" if isinstance(container, dict) else "List"
    word = "Module" if isinstance(inside[0], Module) else "Parameter"
    raise ArgumentError(
        f"{type(module).__name__}.{name} is a plain {type(container).__name__} with a {word} in it: "
        "it would not be trained or saved",
        fix=f"write nn.{word}{kind}(...); to keep it out on purpose, hold it in a function",
    )

"""What a module is made of: the parameters, buffers and modules among its attributes, by name.

Attributes are the registry, in the order they were set: `vars(module)` is walked each time. Nothing
is recorded on assignment, so there is nothing to forget and nothing to keep in step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from retroprop.errors import ArgumentError, nearest
from retroprop.nn.parameter import Buffer, Parameter

if TYPE_CHECKING:
    from retroprop.nn.module import Module

__all__ = ["Registry", "joined", "refuse_hidden", "walk"]


class Registry:
    """A node of the tree of modules: the part of `Module` that finds and names things."""

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one, each once, with their names."""
        seen = set()
        for name, value in vars(self).items():
            if isinstance(value, Registry) and id(value) not in seen:
                seen.add(id(value))
                yield name, value  # type: ignore[misc]  # every Registry is a Module

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, prefix: str = "", *, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """The module itself and all below it, depth first, with their dotted paths."""
        yield from walk(self, prefix, set() if remove_duplicate else None)

    def modules(self) -> Iterator[Module]:
        """The module itself and all below it, each once."""
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
        """Parameters, or buffers, with their dotted names."""
        seen = set()
        modules = walk(self, prefix, set() if unique else None) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in vars(module).items():
                if isinstance(value, kind) and not (unique and id(value) in seen):
                    seen.add(id(value))
                    yield joined(path, name), value

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path; "" is this one."""
        found: Any = self if target == "" else self._get(target, Registry, "module")
        return found

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        return self._get(target, Parameter, "parameter")

    def get_buffer(self, target: str) -> Buffer:
        """The buffer at a dotted path."""
        return self._get(target, Buffer, "buffer")

    def _get(self, target: str, kind: type[Any], word: str) -> Any:
        found: Any = self
        for name in target.split("."):
            found = vars(found).get(name) if isinstance(found, Registry) else None
        if not isinstance(found, kind):
            named = self.named_modules if kind is Registry else None
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
        self._register(name, module, Registry)

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
                f"{name!r} must be a {_word(kind)}, got {type(value).__name__}",
                fix="wrap it: nn.Parameter(...)" if kind is Parameter else None,
            )
        setattr(self, name, value)


def _word(kind: type[Any]) -> str:
    return "Module" if kind is Registry else kind.__name__


def joined(path: str, name: str) -> str:
    """A name below a path; "" is the path of the root."""
    return f"{path}.{name}" if path else name


def walk(module: Registry, path: str, seen: set[int] | None) -> Iterator[tuple[str, Any]]:
    """A module and all below it with their paths; each once, unless `seen` is None."""
    if seen is not None:
        if id(module) in seen:
            return
        seen.add(id(module))
    refuse_hidden(module)
    yield path, module
    for name, value in vars(module).items():
        if isinstance(value, Registry):
            yield from walk(value, joined(path, name), seen)


_PLAIN = (list, tuple, dict)


def refuse_hidden(module: Registry) -> None:
    """Raise where a plain container holds modules or parameters that no walk would find."""
    for name, value in vars(module).items():
        if type(value) in _PLAIN and value:
            held = value.values() if isinstance(value, dict) else value
            inside = [one for one in held if isinstance(one, Registry | Parameter)]
            if inside:
                _refuse(module, name, value, inside)


def _refuse(module: Registry, name: str, container: Any, inside: list[Any]) -> None:
    """Raise unless what is inside a plain container is also an attribute below the module."""
    known: set[int] = set()
    left = [module]
    while left:
        found = [v for v in vars(left.pop()).values() if isinstance(v, Registry | Parameter)]
        left += [one for one in found if isinstance(one, Registry) and id(one) not in known]
        known.update(map(id, found))
    if known.issuperset(map(id, inside)):
        return
    kind = "Dict" if isinstance(container, dict) else "List"
    word = "Module" if isinstance(inside[0], Registry) else "Parameter"
    raise ArgumentError(
        f"{type(module).__name__}.{name} is a plain {type(container).__name__} with a {word} in "
        "it: it would not be trained or saved",
        fix=f"write nn.{word}{kind}(...); to keep it out on purpose, hold it in a function",
    )

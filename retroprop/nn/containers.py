"""Modules that hold modules: in sequence, in a list, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from retroprop.errors import ArgumentError, IndexRangeError, nearest
from retroprop.nn.module import Module
from retroprop.nn.parameter import Parameter

__all__ = ["Identity", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


class Identity(Module):
    """Returns what it is given; takes and ignores any arguments.

    Example:
        >>> Identity()(3)
        3
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return x


class _Numbered(Module):
    """Items under the attributes "0", "1", ...: what `Sequential` and the lists have in common."""

    _kind: type[Any] = Module

    def __init__(self, items: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(() if items is None else items)

    def _items(self) -> list[Any]:
        return [value for key, value in vars(self).items() if isinstance(value, self._kind)]

    def _replace(self, items: Iterable[Any]) -> None:
        """Number the items anew from 0."""
        kept = list(items)
        for key in [key for key, value in vars(self).items() if isinstance(value, self._kind)]:
            delattr(self, key)
        for number, item in enumerate(kept):
            setattr(self, str(number), item)

    def _checked(self, item: Any) -> Any:
        if not isinstance(item, self._kind):
            raise ArgumentError(
                f"{type(self).__name__} holds {self._kind.__name__}s, got {item!r}",
                fix=_hint(item),
            )
        return item

    def _at(self, index: int) -> str:
        keys = [key for key, value in vars(self).items() if isinstance(value, self._kind)]
        if not -len(keys) <= index < len(keys):
            raise IndexRangeError(
                f"{type(self).__name__}: index {index} is out of range for {len(keys)} items"
            )
        return keys[index]

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items())

    def __contains__(self, item: object) -> bool:
        return any(one is item for one in self._items())

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._like(self._items()[index])
        return getattr(self, self._at(index))

    def _like(self, items: list[Any]) -> Any:
        return type(self)(items)

    def __setitem__(self, index: int, item: Any) -> None:
        setattr(self, self._at(index), self._checked(item))

    def __delitem__(self, index: int | slice) -> None:
        items = self._items()
        del items[index]
        self._replace(items)

    def append(self, item: Any) -> Self:
        """Add an item at the end; returns itself."""
        setattr(self, str(len(self)), self._checked(item))
        return self

    def extend(self, items: Iterable[Any]) -> Self:
        """Add items at the end; returns itself."""
        for item in list(items):
            self.append(item)
        return self

    def insert(self, index: int, item: Any) -> None:
        """Put an item before the one at index."""
        items = self._items()
        items.insert(index, self._checked(item))
        self._replace(items)

    def pop(self, index: int = -1) -> Any:
        """Take an item out and return it."""
        item = self[index]
        del self[index]
        return item


def _hint(item: Any) -> str | None:
    """What was probably meant by something that is no module."""
    if isinstance(item, type):
        return "pass an instance, not the class"
    if isinstance(item, list | tuple):
        return "pass its items: nn.Sequential(*layers)"
    return "wrap a function in a Module" if callable(item) else None


class Sequential(_Numbered):
    """Modules one after the other: each gets what the one before returned.

    Args:
        modules: the modules, or one dict of them by name.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import nn
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.Identity(), nn.Linear(8, 2))
        >>> model(rp.zeros((3, 4))).shape, len(model[:2])
        ((3, 2), 2)
    """

    def __init__(self, *modules: Any) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            super().__init__()
            for name, module in modules[0].items():
                self.register_module(name, self._checked(module))
        else:
            super().__init__(modules)

    def forward(self, x: Any) -> Any:
        for module in self._items():
            x = module(x)
        return x

    def _like(self, items: list[Any]) -> Any:
        names = {id(item): key for key, item in vars(self).items() if isinstance(item, Module)}
        if any(not name.isdigit() for name in names.values()):
            return Sequential({names[id(item)]: item for item in items})
        return Sequential(*items)

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *other)


class ModuleList(_Numbered):
    """A list whose modules are part of the module that holds it.

    Example:
        >>> from retroprop import nn
        >>> layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        >>> len(layers), len(list(layers.parameters()))
        (3, 6)
    """

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise ArgumentError(
            "a ModuleList is not called", fix="loop over it, or use nn.Sequential(*modules)"
        )


class ParameterList(_Numbered):
    """A list whose parameters are part of the module that holds it; tensors become parameters.

    Example:
        >>> len(list(ParameterList([Parameter([1.0]), [2.0]]).parameters()))
        2
    """

    _kind = Parameter

    def _checked(self, item: Any) -> Any:
        return item if isinstance(item, Parameter) else Parameter(item)

    def extra_repr(self) -> str:
        return ", ".join(repr(item.shape) for item in self)


class _Named(Module):
    """Items under attributes of their own names."""

    _kind: type[Any] = Module

    def __init__(self, items: Any = None) -> None:
        super().__init__()
        self.update(items or {})

    def _table(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if isinstance(value, self._kind)}

    def __len__(self) -> int:
        return len(self._table())

    def __iter__(self) -> Iterator[str]:
        return iter(self._table())

    def __contains__(self, key: object) -> bool:
        return key in self._table()

    def __getitem__(self, key: str) -> Any:
        table = self._table()
        if key not in table:
            close = nearest(key, table)
            raise IndexRangeError(
                f"{type(self).__name__} has no {key!r}",
                fix=f"did you mean {close!r}?" if close else f"it has {list(table)}",
            )
        return table[key]

    def __setitem__(self, key: str, item: Any) -> None:
        if hasattr(type(self), key):
            raise ArgumentError(
                f"{key!r} is a method of {type(self).__name__}", fix="choose another key"
            )
        self._register(key, item, self._kind)

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._table().keys()

    def values(self) -> Iterable[Any]:
        """The items."""
        return self._table().values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """(name, item) pairs."""
        return self._table().items()

    def update(self, items: Any) -> None:
        """Add the items of a dict, or of (name, item) pairs."""
        for key, item in items.items() if hasattr(items, "items") else items:
            self[key] = item

    def pop(self, key: str) -> Any:
        """Take an item out and return it."""
        item = self[key]
        del self[key]
        return item

    def clear(self) -> None:
        """Take all items out."""
        for key in list(self._table()):
            delattr(self, key)


class ModuleDict(_Named):
    """A dict whose modules are part of the module that holds it; its order is that of insertion.

    Example:
        >>> from retroprop import nn
        >>> heads = nn.ModuleDict({"price": nn.Linear(8, 1), "kind": nn.Linear(8, 3)})
        >>> list(heads), heads["kind"].out_features
        (['price', 'kind'], 3)
    """

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise ArgumentError("a ModuleDict is not called", fix="call one of its modules by name")


class ParameterDict(_Named):
    """A dict whose parameters are part of the module that holds it; tensors become parameters.

    Example:
        >>> [name for name, _ in ParameterDict({"a": [1.0]}).named_parameters()]
        ['a']
    """

    _kind = Parameter

    def __setitem__(self, key: str, item: Any) -> None:
        super().__setitem__(key, item if isinstance(item, Parameter) else Parameter(item))

    def extra_repr(self) -> str:
        return ", ".join(f"{key}: {item.shape}" for key, item in self.items())

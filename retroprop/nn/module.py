"""The base of all layers and models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

from retroprop.array.creation import check_device, zeros_like
from retroprop.core import recording
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, RetropropError
from retroprop.nn.hooks import Handle, Hooks
from retroprop.nn.parameter import Buffer, Parameter
from retroprop.nn.registry import Registry, joined, refuse_hidden, walk
from retroprop.nn.state import IncompatibleKeys, load

__all__ = ["Module"]

_DEVICES = ("cpu", "cuda", "meta", "mps", "xpu")  # as PyTorch names them


_PLAIN = (bool, int, float, str)
_OWN = frozenset({"_training", "_hooks"})


class _Held:
    """The attributes of a module, equal as long as each is the same object or an equal number."""

    __slots__ = ("items",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, items: dict[str, Any]) -> None:
        self.items = items

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Held) or self.items.keys() != other.items.keys():
            return False
        theirs = other.items
        return all(_is_same(value, theirs[name]) for name, value in self.items.items())


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and type(one) in _PLAIN and one == other)


class Module(Registry):
    """Base class of layers and models: set parameters and layers as attributes, write `forward`.

    Attributes:
        training: True in training, False in evaluation; set by `train()` and `eval()`.

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

    _training: bool = True
    _hooks: Hooks | None = None

    @property
    def training(self) -> bool:
        """True in training, False in evaluation."""
        if recording.active and (recorder := recording.current()) is not None:
            name = f"{type(self).__name__}.training"
            recorder.guard(("training", id(self)), lambda: self._training, name)
        return self._training

    @training.setter
    def training(self, mode: bool) -> None:
        if mode != self._training:
            self._training = mode

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        recording.changed()

    def _attributes(self) -> tuple[Any, ...]:
        """What a compiled function that calls it relies on, besides `training`."""
        hooks = () if self._hooks is None else tuple(map(tuple, vars(self._hooks).values()))
        return hooks, _Held({k: v for k, v in vars(self).items() if k not in _OWN})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; a subclass writes it, users call the module itself."""
        raise ArgumentError(
            f"{type(self).__name__} has no forward()", fix="define forward(self, x) in the class"
        )

    def multiply_adds(self, args: tuple[Any, ...], output: Any) -> int:
        """Multiplications, each with its addition, that a call takes; for `nn.summary`.

        Layers whose cost lies in matrix products count these; other work is 0, and that of layers
        inside is theirs to tell.

        Args:
            args:   the positional arguments of the call.
            output: what it returned.
        """
        return 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            refuse_hidden(self)
            if recording.active and (recorder := recording.current()) is not None:
                recorder.guard(id(self), self._attributes, f"an attribute of {type(self).__name__}")
            if self._hooks is None:
                return self.forward(*args, **kwargs)
            return self._hooks.call(self, args, kwargs)
        except RetropropError as error:
            error.modules.append(self)
            raise

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
        for path, module in walk(self, prefix.removesuffix("."), None):
            for kind in (Parameter, Buffer):
                for name, value in vars(module).items():
                    if isinstance(value, kind) and getattr(value, "persistent", True):
                        yield joined(path, name), value

    def load_state_dict(
        self, state_dict: dict[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Put numbers into the parameters and buffers, by name; all of them or, on an error, none.

        Args:
            state_dict: tensors or NumPy arrays by name.
            strict:     False leaves what is missing as it is, and ignores what is unexpected.
            assign:     accepted as in PyTorch; here the cells always stay and take the numbers.

        Returns:
            (missing_keys, unexpected_keys).

        Raises:
            CheckpointError: names missing or unexpected (if strict), or shapes that differ.

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

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or (set_to_none=False) make them zeros."""
        for parameter in self.parameters():
            keep = not set_to_none and parameter.grad is not None
            parameter.grad = zeros_like(parameter.detach()) if keep else None

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call fn on all modules below this one, then on itself; returns itself."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self, *targets: Any, dtype: Any = None, device: Any = None) -> Self:
        """Hold all floating numbers in another type; "cpu" changes nothing. Returns itself.

        Args:
            targets: by position, a dtype, a device or both.
            dtype:   a floating type.
            device:  "cpu".

        Raises:
            ArgumentError: another device.
        """
        for target in targets:
            if isinstance(target, str) and target.partition(":")[0] in _DEVICES:
                device = target
            else:
                dtype = target
        check_device(device)
        if dtype is not None:
            for kind in (Parameter, Buffer):
                for _, cell in self._named_cells(kind, "", True, True):
                    cell.retype(dtype)
        return self

    def cpu(self) -> Self:
        """Change nothing: modules live on the CPU. Returns itself."""
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

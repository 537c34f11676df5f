"""How parameters start: initialisers by name, and `auto_`, which chooses for a whole model.

nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
nn.init.auto_(model)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from retroprop import ops
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import DTypeError, unknown
from retroprop.nn.containers import Sequential
from retroprop.nn.fill import (
    calculate_gain,
    constant_,
    dirac_,
    eye_,
    fans,
    glorot_normal_,
    glorot_uniform_,
    he_normal_,
    he_uniform_,
    kaiming_normal_,
    kaiming_uniform_,
    lecun_normal_,
    lecun_uniform_,
    normal_,
    ones_,
    orthogonal_,
    sparse_,
    trunc_normal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
from retroprop.nn.module import Module
from retroprop.nn.parameter import Parameter

__all__ = [
    "auto_",
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "fans",
    "get",
    "glorot_normal_",
    "glorot_uniform_",
    "he_normal_",
    "he_uniform_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "lecun_normal_",
    "lecun_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_M = TypeVar("_M", bound=Module)


def get(name: str | Callable[..., Any]) -> Callable[..., Any]:
    """The initialiser of a name, with or without the underscore; a function is returned as it is.

    Raises:
        ArgumentError: there is none of that name; names the nearest.

    Example:
        >>> get("he_normal") is kaiming_normal_
        True
    """
    if callable(name):
        return name
    known = {each.removesuffix("_"): each for each in __all__ if each.endswith("_")}
    plain = str(name).removesuffix("_")
    if plain not in known:
        raise unknown("initialiser", name, known)
    found: Callable[..., Any] = globals()[known[plain]]
    return found


class _Rule(NamedTuple):
    """How the weights before an activation start."""

    family: str
    slope: float = 0.0  # negative slope of the activation, for "he"


_HE = ("relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "celu", "gelu", "silu", "mish")
_XAVIER = ("linear", "identity", "tanh", "sigmoid", "softsign", "hardtanh", "hardsigmoid")
_FAMILIES = {
    **dict.fromkeys((*_HE, "hardswish", "softplus"), "he"),
    **dict.fromkeys(_XAVIER, "xavier"),
    "selu": "lecun",
}
_LINEAR = _Rule("xavier")


def auto_(module: _M, activation: Any = None, *, generator: Any = None) -> _M:
    """Start all weights of a model as the activation that follows each of them asks for.

        relu and its relatives (elu, gelu, silu, ...)    kaiming_normal_, fan in
        selu                                             lecun_normal_
        tanh, sigmoid and the like; no activation        xavier_uniform_
        recurrent weights; their input weights           orthogonal_ by gate; xavier_uniform_
        embeddings                                       normal_, std 0.02; padding row zeros
        projections of attention                         xavier_uniform_

    Biases start at 0, the forget gates of an LSTM at 1; norm layers stay as they are. In a
    `Sequential` the activation is the next one, past norms, pooling and dropout; its last layer has
    none. In a module with a `forward` of its own nobody can see what follows: there `activation`
    decides, or the one family of activations that the model uses, or else the relu.

    Args:
        module:     a model or a layer; changed in place.
        activation: what follows a layer where it cannot be seen: a name such as "relu", or an
                    activation module.
        generator:  random generator; the default one when None.

    Returns:
        The module.

    Example:
        >>> from retroprop import nn
        >>> model = auto_(nn.Sequential(nn.Linear(1000, 100), nn.ReLU(), nn.Linear(100, 1)))
        >>> bool(abs(model[0].weight.numpy().std() - (2 / 1000) ** 0.5) < 0.001)
        True

    Source: the papers named by each initialiser; forget gates: Jozefowicz, Zaremba, Sutskever 2015.
    """
    if not isinstance(module, Module):
        raise DTypeError(
            f"auto_ starts a module, got {type(module).__name__}",
            fix="for one tensor use kaiming_normal_, xavier_uniform_, ...",
        )
    unseen = _common(module) if activation is None else _rule(activation)
    alone = unseen if activation is not None else _LINEAR
    for layer, rule in _plan(module, unseen, _LINEAR if _inside(module) else alone):
        _start(layer, rule, generator)
    return module


def _rule(activation: Any) -> _Rule:
    """The rule for a name or an activation module."""
    family = getattr(activation, "initialiser", None)
    if family is not None:
        slope = getattr(activation, "negative_slope", 0.0)
        return _Rule(family, slope if isinstance(slope, float) else 0.0)
    if activation not in _FAMILIES:
        raise unknown("activation", activation, _FAMILIES)
    return _Rule(_FAMILIES[activation], 0.01 if activation == "leaky_relu" else 0.0)


def _common(module: Module) -> _Rule:
    """The rule that all activations of a model share, or that of the relu."""
    rules = {_rule(each) for each in module.modules() if hasattr(each, "initialiser")}
    return rules.pop() if len(rules) == 1 else _Rule("he")


def _inside(module: Module) -> list[Module]:
    return list(module.children())


def _plan(module: Module, unseen: _Rule, last: _Rule) -> Iterator[tuple[Module, _Rule]]:
    """Every module that has weights of its own, with the rule for them."""
    if isinstance(module, Sequential):
        line = list(_line(module))
        for place, item in enumerate(line):
            after = _following(line[place + 1 :], unseen, last)
            yield from _plan(item, unseen, after)
        return
    children = _inside(module)
    yield module, unseen if children else last
    projects = any(name.endswith("proj_weight") for name, _ in _own(module))
    for child in children:  # what attention holds has no activation behind it
        yield from _plan(child, unseen, _LINEAR if projects else unseen)


def _line(module: Module) -> Iterator[Module]:
    """The modules of nested Sequentials in the order in which they run."""
    if isinstance(module, Sequential):
        for child in module:
            yield from _line(child)
    else:
        yield module


def _following(rest: list[Module], unseen: _Rule, last: _Rule) -> _Rule:
    """What comes after a layer: an activation, another layer, something unknown, or the end."""
    for item in rest:
        if hasattr(item, "initialiser"):
            return _rule(item)
        if _inside(item):
            return unseen
        if any(value.ndim > 1 for _, value in _own(item)):
            return _LINEAR
    return last


def _own(layer: Module) -> list[tuple[str, Parameter]]:
    return [(name, value) for name, value in vars(layer).items() if isinstance(value, Parameter)]


def _start(layer: Module, rule: _Rule, generator: Any) -> None:
    """Fill the weights and biases that a layer itself holds."""
    if hasattr(layer, "num_embeddings"):
        _start_embedding(layer, generator)
        return
    own = _own(layer)
    recurrent = any(name.startswith("weight_hh") for name, _ in own)
    weighted = any(value.ndim > 1 for _, value in own)
    for name, value in own:
        if recurrent:
            _start_recurrent(name, value, layer, generator)
        elif value.ndim > 1 and name == "weight":
            _start_weight(value, rule, "fan_out" if _is_transposed(layer) else "fan_in", generator)
        elif value.ndim > 1 and name.endswith("proj_weight"):
            xavier_uniform_(value, generator=generator)
        elif weighted and value.ndim == 1 and name.endswith("bias"):
            zeros_(value)


def _is_transposed(layer: Module) -> bool:
    """Whether the weight lies as (in, out, *window)."""
    return hasattr(layer, "output_padding")


def _start_weight(weight: Tensor, rule: _Rule, mode: str, generator: Any) -> None:
    if rule.family == "he":
        kaiming_normal_(weight, rule.slope, mode, generator=generator)
    elif rule.family == "lecun":
        kaiming_normal_(weight, mode=mode, nonlinearity="linear", generator=generator)
    elif rule.family == "xavier":
        xavier_uniform_(weight, generator=generator)
    else:
        raise unknown("family of initialisers", rule.family, ("he", "lecun", "xavier"))


def _start_embedding(layer: Any, generator: Any) -> None:
    normal_(layer.weight, 0.0, 0.02, generator)
    padding = getattr(layer, "padding_idx", None)
    if padding is not None:
        with no_grad():
            rows = ops.equal(Tensor(list(range(layer.num_embeddings))), padding)
            layer.weight.assign(ops.where(ops.reshape(rows, (-1, 1)), 0.0, layer.weight))


def _start_recurrent(name: str, value: Parameter, layer: Any, generator: Any) -> None:
    """Weights gate by gate; (gates * hidden, ...) lie one below the other."""
    past = (each for key, each in _own(layer) if key.startswith("weight_hh"))
    hidden = getattr(layer, "hidden_size", None) or next(past).shape[1]
    gates = value.shape[0] // hidden
    if name.startswith("weight_hr"):  # the projection of an LSTM, which has no gates
        xavier_uniform_(value, generator=generator)
    elif value.ndim > 1:
        fill = orthogonal_ if name.startswith("weight_hh") else xavier_uniform_
        parts = [Tensor(value.numpy()[i * hidden : (i + 1) * hidden]) for i in range(gates)]
        filled = [fill(part, generator=generator) for part in parts]
        with no_grad():
            value.assign(ops.concatenate(*filled, axis=0))
    else:
        forget = gates == 4 and name.startswith("bias_ih")
        levels = [1.0 if forget and gate == 1 else 0.0 for gate in range(gates)]
        with no_grad():
            value.assign(Tensor([level for level in levels for _ in range(hidden)], value.dtype))

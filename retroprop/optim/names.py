"""Optimizers by name, for configurations and the command line."""

from __future__ import annotations

from retroprop.errors import unknown
from retroprop.optim.adadelta import Adadelta
from retroprop.optim.adagrad import Adagrad
from retroprop.optim.adam import Adam
from retroprop.optim.adamax import Adamax
from retroprop.optim.adamw import AdamW
from retroprop.optim.lamb import LAMB
from retroprop.optim.lbfgs import LBFGS
from retroprop.optim.lion import Lion
from retroprop.optim.muon import Muon
from retroprop.optim.nadam import NAdam
from retroprop.optim.optimizer import Optimizer
from retroprop.optim.radam import RAdam
from retroprop.optim.rmsprop import RMSprop
from retroprop.optim.rprop import Rprop
from retroprop.optim.sgd import SGD

__all__ = ["get", "names"]

_ALL = (
    Adadelta, Adagrad, Adam, AdamW, Adamax, LAMB, LBFGS, Lion, Muon, NAdam, RAdam, RMSprop, Rprop,
    SGD,
)  # fmt: skip
_BY_NAME: dict[str, type[Optimizer]] = {cls.__name__.lower(): cls for cls in _ALL}


def names() -> list[str]:
    """The names that `get` knows, sorted.

    Example:
        >>> names()[:3]
        ['adadelta', 'adagrad', 'adam']
    """
    return sorted(_BY_NAME)


def get(name: str | type[Optimizer]) -> type[Optimizer]:
    """The optimizer class of a name, in any case; a class is returned as it is.

    Raises:
        ArgumentError: no optimizer has that name; the nearest is suggested.

    Example:
        >>> get("adamw").__name__
        'AdamW'
    """
    if isinstance(name, type) and issubclass(name, Optimizer):
        return name
    found = _BY_NAME.get(str(name).lower())
    if found is None:
        raise unknown("optimizer", name, _BY_NAME)
    return found

"""The whole state of a training run in one safetensors file, written in one step.

Tensors carry the names `model.*`, `optimizer.*`, `ema.*` and `random.state`; everything else
(epoch, position within it, history, hyperparameters) is JSON in the header.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.core import rng
from retroprop.core.tensor import Tensor
from retroprop.errors import CheckpointError, RetropropError
from retroprop.interop import weights as files

if TYPE_CHECKING:
    from retroprop.train.trainer import Trainer

__all__ = ["Snapshot", "resume", "save"]

State = dict[str, Any]


class Snapshot:
    """The state of a trainer at one moment, in memory: later steps do not change it.

    Args:
        trainer: whose state is taken.
    """

    def __init__(self, trainer: Trainer) -> None:
        weights = trainer.model.state_dict()
        tensors: State = {f"model.{name}": value for name, value in weights.items()}
        tensors["random.state"] = rng.default_generator().get_state()
        state: State = {"format": 1}
        for name, part in _parts(trainer).items():
            state[name] = _take_tensors(part.state_dict(), name, tensors)
        state.update((name, copy.copy(getattr(trainer, name))) for name in _PROGRESS)
        self._state = state
        self._arrays = {name: np.array(_array(item)) for name, item in tensors.items()}

    def write(self, path: str | Path) -> None:
        """Write everything that `resume` needs, in one step."""
        files.save(self._arrays, path, {"trainer": json.dumps(self._state)})


# How far a trainer is, and with what it goes on.
_PROGRESS = {
    "epoch": int, "step": int, "seed": int, "first_epoch": int, "position": dict, "history": list,
}  # fmt: skip


def _of_kind(item: Any, kind: Any) -> Any:
    if not isinstance(item, kind) or (kind is int and item < 0):
        raise ValueError(f"{item!r}")
    return item


def _check_numbers(progress: State, trainer: Trainer) -> None:
    """Whether position and history hold the numbers that a training goes on from."""
    position, history = progress["position"], progress["history"]
    numbers = [position[key] for key, value in trainer.position.items() if _is_number(value)]
    numbers += [record[key] for record in history for key in ("epoch", "loss")]
    if not all(map(_is_number, numbers)) or progress["first_epoch"] > progress["epoch"]:
        raise ValueError("position or history")
    if len(history) != progress["epoch"]:
        raise ValueError("history")


def _is_number(item: Any) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)


def _array(item: Any) -> Any:
    return item.detach().numpy() if isinstance(item, Tensor) else item


def save(trainer: Trainer, path: str | Path) -> None:
    """Write everything that `resume` needs."""
    Snapshot(trainer).write(path)


def resume(trainer: Trainer, path: str | Path) -> None:
    """Put a trainer into a saved state.

    Raises:
        CheckpointError: the file is damaged, holds only weights, or fits another model.
    """
    tensors, text = files.load_with_metadata(path)
    if "trainer" not in text:
        raise CheckpointError(
            f"{path} holds weights, not the state of a training run",
            fix="resume from last.safetensors, or use model.load_state_dict(rp.load(path))",
        )
    try:
        state = json.loads(text["trainer"])
        weights = {
            k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")
        }
        parts = {name: _put_tensors(state[name], tensors) for name in _parts(trainer)}
        random_state = tensors["random.state"]
        progress = {key: _of_kind(state[key], kind) for key, kind in _PROGRESS.items()}
        _check_numbers(progress, trainer)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: the saved state lacks or garbles {error}") from None
    trainer.model.load_state_dict(weights)
    try:
        for name, part in _parts(trainer).items():
            part.load_state_dict(parts[name])
        rng.default_generator().set_state(random_state)
    except RetropropError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: the saved state does not fit: {error!r}") from None
    trainer.__dict__.update(progress)


def _parts(trainer: Trainer) -> dict[str, Any]:
    parts = {"optimizer": trainer.optimizer, "ema": trainer.ema}
    return {name: part for name, part in parts.items() if part is not None}


def _take_tensors(tree: Any, path: str, tensors: State) -> Any:
    """The tree as JSON, its arrays moved to `tensors` under their paths."""
    if isinstance(tree, Tensor | np.ndarray):
        tensors[path] = tree
        return {"$tensor": path}
    if isinstance(tree, dict):
        return {"$items": [[k, _take_tensors(v, f"{path}.{k}", tensors)] for k, v in tree.items()]}
    if isinstance(tree, list | tuple):
        return [_take_tensors(item, f"{path}.{i}", tensors) for i, item in enumerate(tree)]
    return tree


def _put_tensors(tree: Any, tensors: State) -> Any:
    """The opposite of `_take_tensors`; keys that were integers come back as integers."""
    if isinstance(tree, dict):
        if "$tensor" in tree:
            return tensors[tree["$tensor"]]
        return {key: _put_tensors(item, tensors) for key, item in tree["$items"]}
    if isinstance(tree, list):
        return [_put_tensors(item, tensors) for item in tree]
    return tree

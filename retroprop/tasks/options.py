"""The options of a run: what each means, how it is read, and sets of defaults.

An option is one row of a table; the command line, files of options, `config.json` and Python all
read it. A task has the rows of COMMON and its own. A value is, in this order, what the user gave,
what the task makes of the size of the data, the preset (a file in `tasks/presets`), the default of
its row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from retroprop.errors import ArgumentError, DataError, unknown

if TYPE_CHECKING:
    from retroprop.tasks.task import Task

__all__ = [
    "COMMON",
    "Option",
    "checked",
    "flag",
    "maybe",
    "parse",
    "presets",
    "read_file",
    "resolve",
    "sizes",
    "whole",
]

Config = dict[str, Any]
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
Table = Mapping[str, "Option"]


class Option(NamedTuple):
    """One option: how to read it, the least and largest value, what it does.

    Example:
        >>> Option(whole, 4, 1, 64, "heads of attention").read("8")
        8
    """

    read: Callable[[Any], Any]
    default: Any
    low: float | None
    high: float | None
    help: str


def whole(value: Any) -> int:
    """A whole number.

    Example:
        >>> whole("1e3")
        1000
    """
    number = float(value)
    if number != int(number):
        raise ValueError(value)
    return int(number)


def flag(value: Any) -> bool:
    """Yes or no.

    Example:
        >>> flag("yes"), flag(False)
        (True, False)
    """
    return FLAGS[str(value).lower()]


def sizes(value: Any) -> list[int]:
    """A list of whole numbers.

    Example:
        >>> sizes("64,32"), sizes(8)
        ([64, 32], [8])
    """
    if isinstance(value, str):
        value = [
            part for part in value.replace("[", "").replace("]", "").split(",") if part.strip()
        ]
    return [whole(part) for part in (value if isinstance(value, list | tuple) else [value])]


def maybe(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A reader that also takes none.

    Example:
        >>> maybe(whole)("none"), maybe(whole)("3")
        (None, 3)
    """
    return lambda value: None if value is None or str(value).lower() == "none" else read(value)


COMMON: dict[str, Option] = {
    "preset": Option(maybe(str), None, None, None, "a set of defaults; by the data"),
    "epochs": Option(whole, 10, 1, None, "passes over the training data"),
    "batch_size": Option(whole, 32, 1, None, "examples per step"),
    "optimizer": Option(str, "adamw", None, None, "adamw, adam, sgd, lion, muon, ..."),
    "lr": Option(float, 1e-3, 0, None, "peak learning rate, per step"),
    "weight_decay": Option(float, 0.01, 0, None, "decay of weights (not of biases and norms)"),
    "schedule": Option(str, "one_cycle", None, None, "one_cycle, cosine or constant"),
    "clip_grad_norm": Option(maybe(float), 5.0, 1e-9, None, "bound of the gradient norm, or none"),
    "label_smoothing": Option(float, 0.0, 0, 0.9, "classes: share spread over all of them"),
    "class_weight": Option(str, "none", None, None, "classes: none, or balanced"),
    "ema": Option(float, 0.0, 0, 0.9999, "decay of averaged weights; 0 for none"),
    "patience": Option(maybe(whole), None, 1, None, "epochs without improvement, or none"),
    "validation": Option(float, 0.1, 0, 0.9, "share of the training part held out; 0 for none"),
    "test_fraction": Option(
        float, 0.2, 0.01, 0.9, "share for the test, if the data has no test part"
    ),
    "limit": Option(maybe(whole), None, 2, None, "use at most this many examples"),
    "nonfinite": Option(str, "stop", None, None, "a step that is not finite: stop, or skip it"),
    "accumulate": Option(whole, 1, 1, None, "parts that each batch is computed in"),
    "seed": Option(whole, 0, 0, 2**31, "of splits, initial weights, order and dropout"),
}

_NO_FILE = ("option", "options")


def _read_value(table: Table, name: str, value: Any, source: str) -> Any:
    if name not in table:
        where = "" if source in _NO_FILE else f" in {source}"
        raise unknown(f"option{where}", name, table)
    option = table[name]
    try:
        read = option.read(value)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise ArgumentError(
            f"{source}: {name}={value} cannot be read", fix=f"{name}: {option.help}"
        ) from None
    for number in read if isinstance(read, list) else [read]:
        too_low = option.low is not None and number is not None and not number >= option.low
        too_high = option.high is not None and number is not None and number > option.high
        if too_low or too_high or number == float("inf"):
            infinite = number == float("inf")
            bounds = f"{'finite, ' if infinite else ''}at least {option.low}" + (
                f", at most {option.high}" if option.high else ""
            )
            raise ArgumentError(f"{source}: {name}={value} must be {bounds}")
    return read


def parse(table: Table, words: Sequence[str], source: str = "option") -> Config:
    """The options of `key=value` words.

    Raises:
        ArgumentError: an unknown option (with the nearest match), or a value that cannot be read.

    Example:
        >>> parse(COMMON, ["epochs=5", "lr=1e-3"])
        {'epochs': 5, 'lr': 0.001}
    """
    overrides = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ArgumentError(f"{word!r} is not an option", fix="write options as key=value")
        overrides[name.strip()] = _read_value(table, name.strip(), value.strip(), source)
    return overrides


def read_file(table: Table, path: str) -> Config:
    """The options in a .json, .toml or .yaml file (a run's own `config.json` too).

    Raises:
        DataError: the file is missing, damaged, or holds something else than options.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=path) from None
    except UnicodeDecodeError:
        raise DataError("cannot be read: it is not a text file in UTF-8", file=path) from None
    content = _parsed(path, text)
    content = content.get("options", content) if isinstance(content, dict) else content
    if not isinstance(content, dict):
        raise DataError("a file of options holds names and values", file=path)
    return checked(table, content, path)


def _parsed(path: str, text: str) -> Any:
    try:
        if path.endswith(".toml"):
            import tomllib  # noqa: PLC0415  rarely needed

            return tomllib.loads(text)
        if path.endswith(".json"):
            return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"damaged: {error}", file=path) from None
    import yaml  # noqa: PLC0415  only runs need it

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"damaged: {error}", file=path) from None


def checked(table: Table, overrides: Mapping[str, Any], source: str = "options") -> Config:
    """Options given from Python, read as those of the command line are.

    Raises:
        ArgumentError: an unknown option (with the nearest match), or a value that cannot be used.

    Example:
        >>> checked(COMMON, {"epochs": 5.0})
        {'epochs': 5}
    """
    return {
        str(name): _read_value(table, str(name), value, source) for name, value in overrides.items()
    }


def presets(task: type[Task]) -> dict[str, Config]:
    """The sets of defaults of a task, by name, as its file in tasks/presets has them."""
    if not task.presets:
        return {"default": {}}
    path = Path(__file__).with_name("presets") / f"{task.presets}.yaml"
    content = _parsed(str(path), path.read_text(encoding="utf-8"))
    return {name: checked(task.OPTIONS, row or {}, path.name) for name, row in content.items()}


def resolve(task: type[Task], data: Any, given: Mapping[str, Any]) -> Config:
    """Every option of a run with its value.

    Raises:
        ArgumentError: there is no such preset.
    """
    values = {name: option.default for name, option in task.OPTIONS.items()}
    sets = presets(task)
    name = given.get("preset") or task.preset(data)
    if name not in sets:
        raise unknown("preset", name, sets)
    values |= {"preset": name, **sets[name]}
    values |= task.adapted(data, {**values, **given})
    return {**values, **given, "preset": name}

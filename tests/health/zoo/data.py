"""The data of the zoo: made-up problems of known difficulty, and the small real sets of examples/.

Every set is a pure function of its name, its size and a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroprop import data as loading

__all__ = ["SETS", "Data", "load"]

Array = np.ndarray[Any, Any]

_EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "data"
_TEST = 400  # examples that are kept for the test, where they are made up


class Data(NamedTuple):
    """Examples to learn from and examples to judge by.

    Attributes:
        task:    "classes", "binary" (one number, 0 or 1) or "number".
        outputs: how many a network needs.
    """

    x: Array
    y: Array
    x_test: Array
    y_test: Array
    task: str
    outputs: int


Made = tuple[Array, Array]
SETS: dict[str, tuple[str, int, Callable[..., Made]]] = {}


def _set(task: str, outputs: int) -> Callable[[Callable[..., Made]], Callable[..., Made]]:
    def keep(make: Callable[..., Made]) -> Callable[..., Made]:
        SETS[make.__name__.removesuffix("_")] = (task, outputs, make)
        return make

    return keep


# -- vectors -------------------------------------------------------------------------------------


@_set("classes", 4)
def blobs(rng: np.random.Generator, count: int) -> Made:
    """Four clouds in 8 dimensions that overlap a little."""
    centres = np.random.default_rng(99).standard_normal((4, 8)) * 1.2
    y = rng.integers(0, 4, count)
    return centres[y] + rng.standard_normal((count, 8)), y


@_set("classes", 3)
def rings(rng: np.random.Generator, count: int) -> Made:
    """Three rings around each other."""
    y, angle = rng.integers(0, 3, count), rng.uniform(0, 2 * np.pi, count)
    radius = 1.0 + y + 0.15 * rng.standard_normal(count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), y


@_set("classes", 2)
def spirals(rng: np.random.Generator, count: int) -> Made:
    """Two arms that wind around each other."""
    y, turn = rng.integers(0, 2, count), rng.uniform(0.3, 2.0, count)
    angle = 2 * np.pi * turn + np.pi * y
    x = np.stack([turn * np.cos(angle), turn * np.sin(angle)], 1)
    return x + 0.05 * rng.standard_normal(x.shape), y


@_set("binary", 1)
def moons(rng: np.random.Generator, count: int) -> Made:
    """Two half circles that reach into each other."""
    y, angle = rng.integers(0, 2, count), rng.uniform(0, np.pi, count)
    x = np.stack([np.cos(angle) + y, np.sin(angle) * (1 - 2 * y) + 0.4 * y], 1)
    return x + 0.12 * rng.standard_normal(x.shape), y


@_set("number", 1)
def waves(rng: np.random.Generator, count: int) -> Made:
    """A smooth function of two numbers."""
    x = rng.uniform(-2, 2, (count, 2))
    return x, np.sin(2 * x[:, 0]) + x[:, 1] ** 2 / 2 + 0.05 * rng.standard_normal(count)


@_set("number", 1)
def friedman(rng: np.random.Generator, count: int) -> Made:
    """Ten numbers of which five count. Source: Friedman 1991."""
    x = rng.uniform(0, 1, (count, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
    y = y + 10 * x[:, 3] + 5 * x[:, 4] + rng.standard_normal(count)
    return x, (y - 14.4) / 4.9


@_set("classes", 2)
def noise(rng: np.random.Generator, count: int) -> Made:
    """Sixteen numbers of which one tells the class, and one class in seven is wrong."""
    x = rng.standard_normal((count, 16))
    return x, (x[:, 0] > 0) ^ (rng.uniform(size=count) < 0.15)


# -- images and sequences ------------------------------------------------------------------------


@_set("classes", 3)
def bars(rng: np.random.Generator, count: int) -> Made:
    """Images of 8 x 8 with a level, an upright or a slanting bar."""
    y, at = rng.integers(0, 3, count), rng.integers(1, 7, count)
    x = 0.3 * rng.standard_normal((count, 1, 8, 8))
    for image, kind, place in zip(x[:, 0], y, at, strict=True):
        if kind == 0:
            image[place] += 1
        elif kind == 1:
            image[:, place] += 1
        else:
            image[np.arange(8), (np.arange(8) + place) % 8] += 1
    return x, y


@_set("classes", 3)
def trends(rng: np.random.Generator, count: int, length: int = 12) -> Made:
    """Sequences that rise, fall or swing."""
    y, time = rng.integers(0, 3, count), np.linspace(-1, 1, length)
    shapes = np.stack([time, -time, np.cos(3 * np.pi * time)])
    x = shapes[y] + 0.3 * rng.standard_normal((count, length))
    return x[:, :, None], y


@_set("classes", 2)
def first(rng: np.random.Generator, count: int, length: int = 10) -> Made:
    """Sequences of noise whose first step alone tells the class."""
    y = rng.integers(0, 2, count)
    x = 0.2 * rng.standard_normal((count, length, 2))
    x[:, 0, 0] = 2.0 * y - 1
    return x, y


@_set("classes", 3)
def topics(rng: np.random.Generator, count: int, length: int = 12) -> Made:
    """Bags of tokens out of 60; each class prefers 10 of them."""
    y = rng.integers(0, 3, count)
    own = rng.integers(0, 10, (count, length)) + 10 * y[:, None]
    common = rng.integers(30, 60, (count, length))
    return np.where(rng.uniform(size=(count, length)) < 0.35, own, common), y


@_set("classes", 2)
def order(rng: np.random.Generator, count: int, length: int = 8) -> Made:
    """Tokens out of 10; the class says whether 8 stands before 9."""
    x, y = rng.integers(0, 8, (count, length)), rng.integers(0, 2, count)
    places = np.sort(np.argsort(rng.uniform(size=(count, length)), 1)[:, :2], 1)
    rows = np.arange(count)
    x[rows, places[:, 0]], x[rows, places[:, 1]] = 8 + y, 9 - y
    return x, y


# -- real ----------------------------------------------------------------------------------------


def _table(name: str, count: int) -> Data:
    table = loading.load(_EXAMPLES / f"{name}.csv", "target", test_fraction=0.33)
    prepare = table.preprocessor().fit(table.x_train, table.y_train)
    x, x_test = (np.asarray(prepare.transform(part)) for part in (table.x_train, table.x_test))
    y, y_test = np.asarray(table.y_train), np.asarray(table.y_test)
    return Data(x[:count], y[:count], x_test, y_test, "classes", 3)


def _wine_raw(count: int) -> Data:
    """The wines as they were measured, in units from 0.1 to 1680."""
    rows = np.loadtxt(_EXAMPLES / "wine.csv", delimiter=",", skiprows=1)
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    x, y = rows[:, :-1], rows[:, -1].astype("i8")
    return Data(x[:119][:count], y[:119][:count], x[119:], y[119:], "classes", 3)


def _fashion(count: int, model: str) -> Data:
    """Photographs of clothes, four pixels made one; grey from 0 to 255."""
    with np.load(_EXAMPLES / "fashion_mnist.npz") as archive:
        x, y = archive["x_train"][:count], archive["y_train"][:count]
        x_test, y_test = archive["x_test"][:600], archive["y_test"][:600]
    x, x_test = (
        part.reshape(-1, 1, 14, 2, 14, 2).astype("f4").mean((3, 5)) for part in (x, x_test)
    )
    if model == "mlp":
        x, x_test = x.reshape(len(x), -1), x_test.reshape(len(x_test), -1)
    if model in {"rnn", "relu rnn", "lstm", "gru"}:
        x, x_test = x[:, 0], x_test[:, 0]
    return Data(x, y.astype("i8"), x_test, y_test.astype("i8"), "classes", 10)


# -- all -----------------------------------------------------------------------------------------


def load(name: str, *, examples: int, length: int, model: str, inputs: str, seed: int) -> Data:
    """A set by name, with inputs as a network should get them, or "raw", or "large"."""
    if name == "fashion":
        found = _fashion(examples, model)
    elif name in {"iris", "wine"}:
        raw = name == "wine" and inputs != "standard"
        found = _wine_raw(examples) if raw else _table(name, examples)
    else:
        task, outputs, make = SETS[name]
        options = {"length": length} if length else {}
        x, y = make(np.random.default_rng(seed), examples, **options)
        x_test, y_test = make(np.random.default_rng(seed + 1000), _TEST, **options)
        found = Data(x, y, x_test, y_test, task, outputs)
    return _typed(found, inputs)


def _typed(data: Data, inputs: str) -> Data:
    """The numbers as they are trained on."""
    x, x_test = data.x, data.x_test
    if x.dtype.kind == "f":
        if inputs == "standard":
            same = {2: 0, 3: (0, 1), 4: None}[x.ndim]  # steps are of one scale, and so are pixels
            mean, std = x.mean(same), x.std(same)
            std = np.maximum(std, 0.1 * np.max(std))
            x, x_test = (x - mean) / std, (x_test - mean) / std
        elif inputs == "large":
            x, x_test = 1000 * x, 1000 * x_test
        x, x_test = x.astype("f4"), x_test.astype("f4")
    targets = [
        part.astype("i8") if data.task == "classes" else part.astype("f4")[:, None]
        for part in (data.y, data.y_test)
    ]
    return Data(x, targets[0], x_test, targets[1], data.task, data.outputs)

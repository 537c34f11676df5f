"""Tables: `retroprop train` with its default options against scikit-learn's MLP with its own.

    python bench/tables.py [--seeds 3] [--first-seed 0] TABLE.csv[:TARGET] ...

Every seed gives another split and other initial weights. All three models are trained on the same
rows (retroprop takes its validation rows out of them) and scored on the same test rows:

    retroprop   the whole command: reading the table, training, testing, writing the report
    sklearn A   MLPClassifier / MLPRegressor on the inputs that retroprop makes of the columns
    sklearn B   the same on StandardScaler + OneHotEncoder (medians for missing numbers)

In regression scikit-learn gets the standardised target too: on raw house prices its default
settings do much worse. Seconds are of one run; the score is accuracy (classification) or R2.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from retroprop import data as datasets
from retroprop.tasks import run as runs

PACKAGES = ("numpy", "scikit-learn")


def ours(path: str, target: str | None, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    """The result of `retroprop train PATH --target TARGET seed=SEED`."""
    with tempfile.TemporaryDirectory() as folder:
        return runs.train(
            path, {"seed": seed, **options}, target=target, folder=Path(folder, "run"),
            progress=False, say=lambda _: None,
        )  # fmt: skip


def usual_inputs(train: Any, test: Any) -> tuple[Any, Any]:
    """Both parts of a table through StandardScaler (numbers, dates) and OneHotEncoder (texts)."""
    parts: list[list[Any]] = [[], []]
    for name, column in train.columns.items():
        if column.dtype.kind == "O":
            encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            pair = [[[str(cell)] for cell in table.columns[name]] for table in (train, test)]
        else:
            encoder = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
            pair = [np.reshape(table.columns[name], (-1, 1)) for table in (train, test)]
        parts[0].append(encoder.fit_transform(pair[0]))
        parts[1].append(encoder.transform(pair[1]))
    return np.hstack(parts[0]), np.hstack(parts[1])


def theirs(inputs: tuple[Any, Any], data: Any, seed: int) -> tuple[float, float]:
    """Score of scikit-learn's MLP with default settings, and seconds."""
    made = MLPClassifier if data.task == "classification" else MLPRegressor
    y = data.target.transform(data.y_train)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = made(random_state=seed).fit(inputs[0], y)
    seconds = time.perf_counter() - began
    return float(model.score(inputs[1], data.target.transform(data.y_test))), seconds


def baselines(path: str, target: str | None, seed: int) -> dict[str, Any]:
    """Scores and seconds of scikit-learn on both kinds of inputs."""
    data = datasets.load(path, target, seed=seed)
    prepared = data.preprocessor().fit(data.x_train, data.y_train)
    inputs = {
        "A": (prepared.transform(data.x_train), prepared.transform(data.x_test)),
        "B": usual_inputs(data.x_train, data.x_test),
    }
    data.target = prepared.target
    row: dict[str, Any] = {"task": data.task, "rows": len(data.y_train) + len(data.y_test)}
    for name, pair in inputs.items():
        row[name], row[f"{name} seconds"] = theirs(pair, data, seed)
    return row


def compare(path: str, target: str | None, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    """One seed of one table: scores and seconds by name of the model."""
    row = baselines(path, target, seed)
    result = ours(path, target, seed, options)
    score = "test_accuracy" if row["task"] == "classification" else "test_r2"
    return {**row, "retroprop": result[score], "retroprop seconds": result["seconds"]}


def line(name: str, rows: list[dict[str, Any]]) -> str:
    """A row of the table: means over the seeds, with the spread of ours."""

    def mean(key: str) -> float:
        return float(np.mean([row[key] for row in rows]))

    measure = "accuracy" if rows[0]["task"] == "classification" else "R2"
    spread = float(np.std([row["retroprop"] for row in rows]))
    cells = [name, str(rows[0]["rows"]), measure, f"{mean('retroprop'):.4f} ± {spread:.4f}"]
    cells += [f"{mean('A'):.4f}", f"{mean('B'):.4f}"]
    cells += [f"{mean(f'{key} seconds'):.1f}" for key in ("retroprop", "A", "B")]
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    """Processor, threads and versions, in one line."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [text.split(":")[1].strip() for text in file if text.startswith("model name")]
        model = names[0] if names else model
    packages = ", ".join(f"{name} {version(name)}" for name in ("retroprop", *PACKAGES))
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    return f"{model}, {threads} threads; Python {platform.python_version()}, {packages}"


def main() -> None:
    """Compare on the tables of the command line and print Markdown."""
    parser = argparse.ArgumentParser(description="retroprop against scikit-learn's MLP on tables")
    parser.add_argument("tables", nargs="+", metavar="TABLE.csv[:TARGET]")
    parser.add_argument("--seeds", type=int, default=3, help="how many splits to average over")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them")
    parsed = parser.parse_args()
    print(machine() + "\n")
    print("| table | rows | score | retroprop | sklearn A | sklearn B | s | s (A) | s (B) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for table in parsed.tables:
        path, _, target = table.partition(":")
        seeds = range(parsed.first_seed, parsed.first_seed + parsed.seeds)
        rows = [compare(path, target or None, seed, {}) for seed in seeds]
        name = Path(path).name.split(".")[0] + (f" ({target})" if target else "")
        print(line(name, rows), flush=True)


if __name__ == "__main__":
    main()

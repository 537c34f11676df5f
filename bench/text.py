"""Sentences and their sentiment in five folds: the task `text` beside scikit-learn.

    python bench/text.py sentiment_uci_en.csv.gz
    python bench/text.py sentiment_uci_en.csv.gz model=bag dropout=0.2

Both train on the same four fifths and are tested on the same last one; repeated texts are dropped
before. scikit-learn has TF-IDF of 1- and 2-grams of words and logistic regression, with its
defaults and with C=10. Prints a line of Markdown for each.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from retroprop import tasks
from retroprop.tasks.options import parse

FOLDS = 5


def read(path: Path) -> tuple[list[str], list[str]]:
    """Texts and labels of a file with these columns, each text once."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        found = {}
        for row in csv.DictReader(file):
            found.setdefault(" ".join(row["text"].split()), row["label"])
    return list(found), list(found.values())


def by_us(parts: dict[str, Any], texts: list[str], labels: list[str], options: Any) -> Any:
    """Accuracy on the test part, and which model it was."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for part, rows in parts.items():
            for k in rows.tolist():
                folder = root / "data" / part / labels[k]
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{k}.txt").write_text(texts[k], encoding="utf-8")
        result = tasks.train(
            str(root / "data"), options, task="text", folder=root / "run", progress=False, say=str
        )
        model = tasks.Run(result["run"]).config["options"]["model"]
    assert result["test_examples"] == len(parts["test"])
    return result["test_accuracy"], model


def by_sklearn(parts: dict[str, Any], texts: list[str], labels: list[str], c: float) -> float:
    """Accuracy on the test part."""
    every, known = np.array(texts, object), np.array(labels)
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=c, max_iter=1000)
    )
    model.fit(every[parts["train"]], known[parts["train"]])
    return float(model.score(every[parts["test"]], known[parts["test"]]))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("options", nargs="*", metavar="key=value")
    arguments = parser.parse_args()
    texts, labels = read(arguments.data)
    options = parse(tasks.get("text").OPTIONS, arguments.options)
    print(f"{len(texts)} texts\n\n| | mean | of the folds | seconds each |\n|---|---|---|---|")
    folds = [
        dict(zip(("train", "test"), rows, strict=True))
        for rows in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(texts, labels)
    ]
    models = set()

    def ours(fold: dict[str, Any]) -> float:
        score, model = by_us(fold, texts, labels, options)
        models.add(model)
        return float(score)

    ways: dict[str, Any] = {
        "TF-IDF, logistic regression": lambda fold: by_sklearn(fold, texts, labels, 1.0),
        "the same, C=10": lambda fold: by_sklearn(fold, texts, labels, 10.0),
        "retroprop": ours,
    }
    for name, way in ways.items():
        scores, seconds = [], []
        for fold in folds:
            began = time.perf_counter()
            scores.append(way(fold))
            seconds.append(time.perf_counter() - began)
        each = ", ".join(f"{score:.3f}" for score in scores)
        slowest = f"{min(seconds):.1f} to {max(seconds):.1f}"
        print(f"| {name} | {np.mean(scores):.4f} | {each} | {slowest} |", flush=True)
    print(
        f"\nmodels: {', '.join(sorted(models))}; options: {' '.join(arguments.options) or 'none'}"
    )


if __name__ == "__main__":
    main()

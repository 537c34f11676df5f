"""The result in words that need no explanation, and the numbers beside it."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from retroprop.train.charts.axes import readable
from retroprop.train.charts.svg import clean
from retroprop.train.report.material import ReportData
from retroprop.train.report.page import tiles

__all__ = ["headline", "label", "percent", "score_tiles", "span", "summary_line"]

_SHARES = ("accuracy",)  # scores that read best as a percentage
_ENDS = {
    "diverged": "Training diverged: the loss was not a finite number any more.",
    "interrupted": "Training was interrupted: with more epochs the model may get better.",
}


def headline(data: ReportData) -> str:
    """The card at the top: one large number and what it means.

    Example:
        >>> data = ReportData(title="a", task="classification", y_true=[0, 1], y_pred=[0, 1])
        >>> "2 of 2 test examples" in headline(data.checked())
        True
    """
    has_pairs = data.examples > 0 and data.y_pred is not None
    if data.said is not None:
        big, lines = data.said[0], list(data.said[1])
    elif has_pairs and data.task == "classification":
        big, lines = _classification(data)
    elif has_pairs and np.isfinite(data.y_true - data.y_pred).any():
        big, lines = _regression(data)
    else:
        big, lines = _other(data)
    lines += [_ENDS[data.status]] if data.status in _ENDS else []
    styles = [' class="say"'] + [""] * len(lines)
    words = "".join(
        f"<p{style}>{clean(each)}</p>" for style, each in zip(styles, lines, strict=False)
    )
    number = f'<div class="big">{clean(big)}</div>' if big else ""
    return f'<div class="card headline">{number}<div>{words}</div></div>' if words else ""


def score_tiles(data: ReportData) -> str:
    """Scores and sizes of the run, one number each."""
    values: dict[str, str] = {}
    for name, value in data.scores.items():
        if isinstance(value, Real):
            values[_score_name(name, data.split)] = _score(name, float(value))
    if data.history:
        values["epochs"] = f"{len(data.history):,}"
    if data.seconds is not None:
        values["training time"] = span(data.seconds)
    if data.parameters is not None:
        values["parameters"] = f"{data.parameters:,}"
    return tiles(values)


def summary_line(data: ReportData) -> str:
    """Task, size and end of the run in one line of text."""
    parts = [data.task]
    if data.target:
        parts[0] += f" of {data.target}"
    if data.task == "classification" and data.class_names:
        parts.append(f"{len(data.class_names)} classes")
    parts.append(data.status)
    parts += [data.created] if data.created else []
    return " · ".join(parts)


def label(name: str) -> str:
    """The name of a number as people write it.

    Example:
        >>> [label(name) for name in ("r2", "val_loss", "top_3_accuracy")]
        ['R²', 'validation loss', 'top 3 accuracy']
    """
    known = {
        "auc": "AUC",
        "f1": "F1",
        "mae": "mean error",
        "mse": "MSE",
        "r2": "R²",
        "rmse": "RMSE",
    }
    if name.startswith("val_"):
        return f"validation {label(name.removeprefix('val_'))}"
    return known.get(name, name.replace("_", " "))


def percent(share: float) -> str:
    """A share of one as a percentage.

    Example:
        >>> [percent(share) for share in (0.8923, 1.0, 0.0004)]
        ['89.2%', '100%', '0.04%']
    """
    value = 100 * share
    if not math.isfinite(value):
        return "–"
    if value in {0.0, 100.0}:
        return f"{value:.0f}%"
    if value > 99.9:  # what is not perfect must not read as if it were
        return f"{math.floor(value * 100) / 100:.2f}%"
    return f"{value:.1f}%" if value >= 0.1 else f"{value:.1g}%"


def span(seconds: float) -> str:
    """A time span in words.

    Example:
        >>> [span(value) for value in (0.3, 42, 200, 7384)]
        ['0.3 s', '42 s', '3 min 20 s', '2 h 3 min']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _classification(data: ReportData) -> tuple[str, list[str]]:
    count = data.examples
    right = int(np.count_nonzero(data.y_true == data.y_pred))
    share = right / count
    most = np.bincount(data.y_true)
    common = str((data.class_names or [])[int(most.argmax())])
    guess = most.max() / count
    said = f"The model gets {right:,} of {count:,} {data.split} {data.noun} right."
    against = f"Always answering “{common}”, the most common class, would get {percent(guess)}"
    if share <= guess:
        against += ": the model is no better than that."
    else:
        against += "."
    low, high = _wilson(right, count)
    expected = (
        f"With {count:,} {data.noun} examined, expect {percent(low)} to {percent(high)} on new "
        "ones of the same kind."
    )
    return percent(share), [said, f"{against} {expected}"]


def _wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share. Source: Wilson 1927, doi:10.1080/01621459.1927.10502953."""
    z = 1.96
    share = right / count
    middle = share + z * z / (2 * count)
    room = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max((middle - room) / scale, 0.0), min((middle + room) / scale, 1.0)


def _regression(data: ReportData) -> tuple[str, list[str]]:
    finite = np.isfinite(data.y_true) & np.isfinite(data.y_pred)
    true, predicted = data.y_true[finite], data.y_pred[finite]
    errors = np.abs(predicted - true)
    mean, median = float(errors.mean()), float(np.median(errors))
    unit = f" {data.unit}" if data.unit else ""
    target = f" of {data.target}" if data.target else ""
    said = (
        f"On {len(true):,} {data.split} {data.noun}, predictions{target} are off by "
        f"{readable(mean)}{unit} on average; half of them by less than {readable(median)}{unit}."
    )
    naive = float(np.abs(true - true.mean()).mean())
    against = f"Always predicting the average would be off by {readable(naive)}{unit}"
    if mean < naive:
        against += f": the model's error is {percent(1 - mean / naive)} smaller."
    else:
        against += ": the model is no better than that."
    left_out = data.examples - len(true)
    lines = [said, against]
    if left_out:
        lines.append(f"{left_out:,} predictions are not finite numbers and are left out here.")
    return f"±{readable(mean)}", lines


def _other(data: ReportData) -> tuple[str, list[str]]:
    scores = {name: v for name, v in data.scores.items() if isinstance(v, Real)}
    main = next((name for name in scores if name != "loss"), next(iter(scores), None))
    if main is None:
        return "", [f"The run is {data.status}."] if data.history else []
    value = _score(main, float(scores[main]))
    return value, [f"{_score_name(main, data.split).capitalize()} of the trained model."]


def _score(name: str, value: float) -> str:
    if any(share in name for share in _SHARES):
        return percent(value)
    return readable(value)


def _score_name(name: str, split: str) -> str:
    return f"{split} {label(name)}".strip()

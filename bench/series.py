"""Forecasts of `retroprop train --task series` beside what costs little, on the same steps.

    python bench/series.py electricity_hourly.csv.gz horizon=24
    python bench/series.py sunspots_monthly.csv horizon=12 season=132
    python bench/series.py sp500_daily.csv.gz                       prices: volatility too

The last value, the value a season before, and a ridge regression on the changes in the window and
the other naive forecasts, one for each step (its penalty is chosen on the validation part). For
prices EWMA and GARCH(1,1), fitted here and, where it is installed, by `arch`.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

import retroprop as rp
from retroprop import tasks
from retroprop.tasks.options import parse
from retroprop.tasks.plan import plan
from retroprop.tasks.series import Series
from retroprop.tasks.series import backtest as testing

parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
parser.add_argument("data", type=Path, help="a file with a column of dates")
parser.add_argument("--target", help="the column to forecast")
parser.add_argument("options", nargs="*", metavar="key=value", help="of the training")
chosen = parser.parse_args()


def flat(made, step):
    """What the ridge regression for a step looks at: (origins, features)."""
    past, ahead = made["past"][:, :, 0], made["ahead"][:, step]
    return np.concatenate([past, ahead, np.ones((len(past), 1))], axis=1).astype(float)


def ridge(task, parts, tests):
    """MAE of a ridge regression for each step, its penalty the best on the validation part."""
    errors = []
    for test in tests:
        pairs = [{t.name: at for t, at in part.x.pairs}[test.track.name] for part in parts[:2]]
        made = [task.recipe.inputs(test.track, at) for at in (*pairs, test.at)]
        y, y_held = (task.recipe.targets(test.track, at)[..., 0] for at in pairs)
        outputs = np.zeros((*test.truth.shape, 3))
        for step in range(y.shape[1]):
            a, held, new = (flat(each, step) for each in made)
            fits = [
                np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T @ y[:, step])
                for penalty in (1, 10, 100, 1000, 10_000)
            ]
            off = [np.abs(held @ w - y_held[:, step]).mean() for w in fits]
            outputs[:, step] = (new @ fits[int(np.argmin(off))])[:, None]
        values = task.recipe.values(test.track, test.at, outputs)[..., 1]
        errors.append(np.nanmean(np.abs(values - test.truth)))
    return float(np.mean(errors))


def arch_parameters(returns):
    """Alpha and beta by the package `arch`, or None."""
    try:
        from arch import arch_model  # noqa: PLC0415
    except ImportError:
        return None
    found = arch_model(100 * returns, mean="Zero", vol="GARCH", p=1, q=1).fit(disp="off").params
    return float(found["alpha[1]"]), float(found["beta[1]"])


print(f"retroprop {rp.__version__}, numpy {np.__version__}, {platform.processor() or 'CPU'}")
options = parse(Series.OPTIONS, chosen.options)
with tempfile.TemporaryDirectory() as folder:
    began = time.perf_counter()
    result = tasks.train(
        chosen.data, options, target=chosen.target, task="series", folder=folder, progress=False
    )
    seconds = time.perf_counter() - began
    job = plan(chosen.data, options, target=chosen.target, task="series").job(Path(folder) / "new")
    run = tasks.Run(folder).load_weights()
    trainer = run.trainer()
    tests = [run.task.backtest(trainer, track, at) for track, at in job.parts.test.x.pairs]

scores = testing.scores(tests, run.task.season)
rows = {f"retroprop, {seconds:.0f} s": scores["mae"]}
if not run.task.recipe.finance and job.parts.validation is not None:
    rows["ridge on lags and naive forecasts"] = ridge(job.task, job.parts, tests)
for name in tests[0].naive:
    rows[name] = float(np.mean([np.nanmean(np.abs(t.truth - t.naive[name])) for t in tests]))
print(f"\n| forecast | MAE | over that of {run.task.season} |\n|---|---|---|")
for name, mae in rows.items():
    print(f"| {name} | {mae:.4g} | {mae / scores['naive_mae']:.3f} |")
print(f"\n{100 * scores['coverage']:.1f} % of outcomes in the 80 % band")

if run.task.recipe.finance:
    print(f"\nQLIKE: network {result['test_qlike']:.4f}, EWMA {result['test_qlike_ewma']:.4f}, "
          f"GARCH(1,1) {result['test_qlike_garch']:.4f}")  # fmt: skip
    for test in tests:
        scale = run.task.recipe.scales[test.track.name]
        end = int(np.searchsorted(test.track.dates, scale["until"], side="right"))
        other = arch_parameters(np.diff(np.log(test.track.values[:end])))
        print(f"{test.track.name or 'GARCH(1,1)'}: alpha {scale['alpha']:.3f}, "
              f"beta {scale['beta']:.3f}; by arch {other}")  # fmt: skip

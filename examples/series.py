"""Forecast a series with a band: train, test on the past, say what comes next, find what was odd.

python examples/series.py                                  on a made-up series of hourly loads
python examples/series.py electricity_hourly.csv.gz        your own: a column of dates, numbers
"""
# slow: 20 seconds

import argparse
import tempfile
from pathlib import Path

import numpy as np

from retroprop import tasks

parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
parser.add_argument("data", type=Path, nargs="?", help=".csv or .csv.gz with a header")
parser.add_argument("--horizon", type=int, default=24)
chosen = parser.parse_args()


def made_up(days=200):
    """Days with an evening, weekends, and weather that lasts; one hour without power."""
    hour = np.arange(24 * days)
    noise, weather = np.random.default_rng(0).standard_normal(len(hour)), np.zeros(len(hour))
    for k in hour[1:]:
        weather[k] = 0.97 * weather[k - 1] + 0.1 * noise[k]
    shape = 1 - np.cos((hour - 5) * np.pi / 12) + 0.5 * np.sin(hour * np.pi / 6)
    load = 1000 + 400 * np.where(hour // 24 % 7 >= 5, 0.7, 1.0) * (shape + weather)
    load[-500] = 0
    return {"time": np.datetime64("2024-01-01T00") + hour, "load": load}


source = made_up() if chosen.data is None else chosen.data
with tempfile.TemporaryDirectory() as folder:
    options = {"horizon": chosen.horizon, "epochs": 8}
    result = tasks.train(source, options, task="series", folder=folder)
    run = tasks.Run(result["run"]).load_weights()
    ahead = run.predict(source)
    past = run.predict(source, anomalies=True)

print("\ndate, and the band that holds 80 of 100 outcomes:")
for k in range(min(6, len(ahead["date"]))):
    low, middle, high = (ahead[name][k] for name in ("lower", "median", "upper"))
    print(f"  {ahead['date'][k]}   {low:9.1f} {middle:9.1f} {high:9.1f}")
odd = [date for date, mark in zip(past["date"], past["anomaly"], strict=True) if mark == "yes"]
print(f"{len(odd)} of {len(past['date'])} past values lie outside a band of 99 %: {odd[-1]}, ...")

assert result["test_mase"] < 0.9, "no better than the naive forecast"
assert 0.7 < result["test_coverage"] < 0.9, "the band does not hold what it should"

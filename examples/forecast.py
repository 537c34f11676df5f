"""A GRU reads a week of hourly load and says the next day; beside it, what costs nothing.

    python examples/forecast.py                                     seconds, on a made-up series
    python examples/forecast.py electricity_hourly.csv.gz           your own: time and value a line
    python examples/forecast.py LOAD.csv --epochs 8 --picture week.svg

Of the hours the first 70 % are for training, the next 10 % for choosing the best epoch, and the
last 20 % for the test, which forecasts every day at midnight. MASE is the mean absolute error over
that of "as a week before" on the training part.
"""
# slow: 20 seconds

import argparse
import csv
import gzip
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.train.charts import Series, line_chart

WEEK, DAY, BATCH = 168, 24, 64

parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
parser.add_argument("series", type=Path, nargs="?", help=".csv or .csv.gz, hourly, with a header")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--picture", type=Path, help="where a week of forecasts is drawn: .svg")
options = parser.parse_args()


def read(path):
    """The times and values of a file."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    return [datetime.fromisoformat(line[0]) for line in lines], [float(line[1]) for line in lines]


def made_up(days=300):
    """Days with an evening, weekends, and weather that lasts."""
    times = [datetime(2012, 1, 2) + timedelta(hours=i) for i in range(DAY * days)]
    hour = np.arange(DAY * days)
    shape = 1 - np.cos((hour - 5) * np.pi / 12) + 0.5 * np.sin(hour * np.pi / 6)
    rest, weather = np.where(hour // DAY % 7 >= 5, 0.7, 1.0), np.zeros(DAY * days)
    noise = np.random.default_rng(0).standard_normal(DAY * days)
    for i in hour[1:]:
        weather[i] = 0.95 * weather[i - 1] + 0.1 * noise[i]
    return times, 1000 + 400 * rest * (shape + weather)


class Forecaster(nn.Module):
    """A GRU over a week, and a linear layer: how the next day differs from the last one."""

    def __init__(self, features, hidden=64):
        super().__init__()
        self.gru = nn.GRU(features, hidden, batch_first=True)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(hidden, DAY))

    def forward(self, x):
        """(batch, 168, features) to (batch, 24)."""
        outputs, _ = self.gru(x)
        return self.head(outputs[:, -1])


times, values = read(options.series) if options.series else made_up()
hour = timedelta(hours=1)
assert all(b - a == hour for a, b in pairwise(times)), "not hour by hour"
load = np.asarray(values, np.float32)
train_end, choose_end = len(load) * 7 // 10, len(load) * 8 // 10
changes = np.concatenate([np.zeros(DAY, np.float32), load[DAY:] - load[:-DAY]])
unit, spread = changes[:train_end].std(), load[:train_end].std()  # of the training part alone
changes /= unit
ago = np.concatenate([np.zeros(WEEK - DAY, np.float32), changes[: DAY - WEEK]])

angles = [t.hour / DAY for t in times], [(t.weekday() + t.hour / DAY) / 7 for t in times]
turns = [f(2 * np.pi * np.array(a)) for a in angles for f in (np.sin, np.cos)]
table = np.stack([changes, ago, *turns], axis=1).astype(np.float32)


def windows(starts):
    """A week from each of these hours on, and the changes of the day after it.

    Each hour has its change since the day before, that of the hour a day later in the week before,
    the times of day and week, and the load against the mean of the window.
    """
    at = starts[:, None] + np.arange(WEEK + DAY)
    week = at[:, :WEEK]
    level = (load[week] - load[week].mean(axis=1, keepdims=True)) / spread
    return np.concatenate([table[week], level[..., None]], axis=2), changes[at[:, WEEK:]]


def midnights(begin, end):
    """Where windows begin whose day to forecast lies from `begin` to `end`."""
    return np.array([i - WEEK for i in range(begin, end - DAY + 1) if times[i].hour == 0])


rp.manual_seed(0)
model = Forecaster(table.shape[1] + 1)
known = np.arange(WEEK, train_end - WEEK - DAY + 1)  # with the day to forecast they end in time
per_epoch = len(known) // BATCH
rate = optim.schedule.cosine(3e-3, options.epochs * per_epoch)
optimizer = optim.Adam(model.parameters(), lr=rate)


@rp.compile
def step(x, y):
    """One step of training."""
    loss = nn.functional.l1_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(list(model.parameters()), 1.0)
    optimizer.step()
    return loss


@rp.compile
def output(x):
    """What the network gives, without training."""
    with rp.no_grad():
        return model(x)


def predict(x):
    """The changes of the next day of each window."""
    model.eval()
    found = output(x).numpy()
    model.train()
    return found


rng = np.random.default_rng(0)
x_choose, y_choose = windows(midnights(train_end, choose_end))
best, kept = np.inf, {}
for epoch in range(options.epochs):
    order = rng.permutation(known)[: per_epoch * BATCH].reshape((per_epoch, BATCH))
    for some in np.array_split(order, -(-per_epoch // 50)):
        x, y = windows(some.ravel())
        step.many(x.reshape((-1, BATCH, *x.shape[1:])), y.reshape((-1, BATCH, DAY)))
    chosen = float(np.abs(predict(x_choose) - y_choose).mean() * unit)
    if chosen < best:
        best, kept = chosen, {name: w.numpy().copy() for name, w in model.state_dict().items()}
    print(f"epoch {epoch + 1:2}  error on the days to choose by {chosen:.1f}")

model.load_state_dict({name: rp.asarray(w) for name, w in kept.items()})
starts = midnights(choose_end, len(load))
day = starts[:, None] + np.arange(WEEK, WEEK + DAY)
found = {
    "as a day before": load[day - DAY],
    "as a week before": load[day - WEEK],
    "GRU": load[day - DAY] + predict(windows(starts)[0]) * unit,
}
errors = {name: float(np.abs(forecast - load[day]).mean()) for name, forecast in found.items()}
naive = float(np.abs(load[WEEK:train_end] - load[: train_end - WEEK]).mean())
better = min(errors["as a day before"], errors["as a week before"])
print(f"\n{len(day)} days\n\n| forecast | MAE | MASE | to the better of both |\n|---|---|---|---|")
for name, mae in errors.items():
    print(f"| {name} | {mae:.1f} | {mae / naive:.3f} | {mae / better:.2f} |")

if options.picture:
    week = slice(len(day) // 2, len(day) // 2 + 7)
    lines = {"measured": load[day[week]], "GRU, a day ahead": found["GRU"][week]}
    hours = list(range(WEEK))
    drawn = [Series(name, hours, line.ravel().tolist()) for name, line in lines.items()]
    chart = line_chart(drawn, title="A week of forecasts", x_label="hour", standalone=True)
    options.picture.write_text(chart, encoding="utf-8")
assert errors["GRU"] < 0.95 * better, "it has not learned"

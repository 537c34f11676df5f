"""The task: forecasts of series over time with an 80 % band, tested by going through the past."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from retroprop import nn
from retroprop.data.dataset import Dataset
from retroprop.errors import ArgumentError, CheckpointError, DataError
from retroprop.tasks.options import COMMON, Option, flag, maybe, sizes, whole
from retroprop.tasks.series import anomalies, finance, show
from retroprop.tasks.series import backtest as testing
from retroprop.tasks.series.features import Recipe, origins
from retroprop.tasks.series.network import Forecaster, band_loss, price_loss
from retroprop.tasks.series.panel import Panel, Schema, Track, written
from retroprop.tasks.series.read import looks_like_series, read_panel
from retroprop.tasks.series.sizes import decide
from retroprop.tasks.series.windows import Windows, joined, longer
from retroprop.tasks.task import Part, Parts, Task
from retroprop.train.trainer import Trainer

__all__ = ["Series"]

Array = np.ndarray[Any, Any]
_BYTES = 400_000_000  # of training windows; they overlap, so fewer of them say as much


class Series(Task):
    """Forecast how a series over time goes on.

    Attributes:
        recipe: how windows become network inputs.
        schema: the columns that the data came from.
    """

    name = "series"
    about: ClassVar[str] = "forecast series over time (one or many, prices too), with a band"
    presets: ClassVar[str] = "series"
    OPTIONS: ClassVar[dict[str, Option]] = {
        "model": Option(str, "tcn", None, None, "gru, lstm, or tcn (causal convolutions)"),
        "horizon": Option(maybe(whole), None, 1, 10_000, "steps to forecast; a season when none"),
        "window": Option(maybe(whole), None, 2, 10_000, "steps to look back; by the season"),
        "season": Option(maybe(sizes), None, 0, 100_000, "steps of a season, or some: 24,168; 0"),
        "fold": Option(maybe(whole), None, 1, 10_000, "steps read at once, such as those of a day"),
        "date": Option(maybe(str), None, None, None, "the column of dates"),
        "series": Option(maybe(str), None, None, None, "the column that tells series apart"),
        "finance": Option(maybe(flag), None, None, None, "prices: returns and volatility"),
        "log": Option(maybe(flag), None, None, None, "forecast logarithms; by the data"),
        "hidden": Option(whole, 32, 1, 4096, "size of the state"),
        "layers": Option(whole, 1, 1, 16, "layers of gru and lstm"),
        "dropout": Option(float, 0.1, 0, 0.95, "share dropped in training"),
        "recent": Option(
            maybe(whole),
            None,
            30,
            None,
            "past forecasts that the width of the band is learned from",
        ),
        **COMMON,
    }
    PREDICT: ClassVar[dict[str, Option]] = {
        "horizon": Option(maybe(whole), None, 1, 10_000, "steps to forecast, as trained at most"),
        "anomalies": Option(
            flag, False, None, None, "mark past values outside a 99 % band instead"
        ),
    }

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.recipe: Recipe = Recipe(1, 1, [], show.DAILY, False)
        self.schema = Schema("", [""])
        self.features = (0, 0, 0)

    # -- data ------------------------------------------------------------------------------------

    @classmethod
    def claims(cls, source: Any, target: str | None) -> str:
        """A column of dates at regular distances, numbers beside it."""
        return looks_like_series(source, target)

    @classmethod
    def read(cls, source: Any, given: dict[str, Any], target: str | None = None) -> Panel:
        """Series in order of time, gaps filled and marked."""
        named = {name: given.get(name) for name in ("date", "series", "finance")}
        panel = read_panel(source, {"target": target, **named})
        panel.sizes = decide(panel, given)
        grid, count = panel.grid, len(panel.tracks)
        spans = [panel.tracks[0].dates[0], panel.tracks[0].dates[-1]]
        which = f"{count} series" if count > 1 else f"{panel.name!r}"
        panel.notes.insert(
            0,
            f"{which}, {grid.name}, from {written(spans[0])} to {written(spans[1])}"
            + (" (prices: returns and volatility)" if panel.schema.finance else ""),
        )
        return panel

    @classmethod
    def preset(cls, data: Panel) -> str:
        """Prices have one of their own."""
        return "finance" if data.schema.finance else "default"

    @classmethod
    def adapted(cls, data: Panel, options: dict[str, Any]) -> dict[str, Any]:
        """Horizon, window and seasons."""
        return dict(data.sizes)

    def split(self, data: Panel) -> Parts:
        """By time, at the same dates for all series: first training, then validation, then test."""
        self.schema = data.schema
        options, horizon = self.options, self.options["horizon"]
        self.recipe = Recipe(
            horizon, options["window"], options["season"], data.grid, data.schema.finance
        )
        dates = np.unique(np.concatenate([track.dates for track in data.tracks]))
        test = int(len(dates) * (1 - options["test_fraction"]))
        held = int(test * (1 - options["validation"]))
        cuts = [-math.inf, float(dates[held]), float(dates[test]), math.inf]
        ends = [(track, int(np.searchsorted(track.dates, cuts[1]))) for track in data.tracks]
        least = self.recipe.memory + horizon
        ends = [(track, end) for track, end in ends if end >= least]
        if not ends:
            raise DataError(
                f"no series has the {least} values that learning needs before {written(cuts[1])}",
                file=data.source, fix="choose a smaller horizon=, window= or season=",
            )  # fmt: skip
        left = [track.name for track in data.tracks if track.name not in {t.name for t, _ in ends}]
        if left:
            data.notes.append(
                f"{', '.join(left)}: too little before {written(cuts[1])} to learn from, left out"
            )
        self._learn_from = ends
        self.recipe.learn(ends, options["log"])
        for track, _ in ends:
            self.recipe.scales[track.name]["seen"] = cuts[2]
        parts = []
        for begin, end in pairwise(cuts):
            pairs = [(t, origins(t, horizon, self.recipe.memory, begin, end)) for t, _ in ends]
            windows = Windows([(track, at) for track, at in pairs if len(at)])
            parts.append(Part(windows, ids=range(len(windows))) if len(windows) else None)
        return self._checked(parts, data)

    def _checked(self, parts: list[Any], data: Panel) -> Parts:
        train, held, test = parts
        if train is None or test is None:
            raise DataError(
                "too few values to learn from and to test", file=data.source,
                fix="choose a smaller horizon=, window= or season=",
            )  # fmt: skip
        each = self.recipe.window * 4 * 16
        most = min(self.options["limit"] or 10**9, max(1000, _BYTES // each))
        if len(train) > most:
            thin = train.x.thinned(most)
            data.notes.append(f"{len(thin)} of {len(train)} windows are learned from: they overlap")
            train = Part(thin, ids=range(len(thin)))
        return Parts(train, held if self.options["validation"] else None, test)

    def learn(self, train: Part) -> None:
        """Scales were learned when the parts were cut; the network's sizes follow from inputs."""
        track, at = train.x.pairs[0]
        made = self.recipe.inputs(track, at[:1])
        self.features = (made["past"].shape[2], made["ahead"].shape[2], made["now"].shape[1])

    def to_dict(self) -> dict[str, Any]:
        """Scales, seasons, columns."""
        return {
            "recipe": self.recipe.to_dict(),
            "schema": self.schema._asdict(),
            "features": list(self.features),
        }

    def restore(self, record: dict[str, Any]) -> None:
        """Take what was learned back."""
        try:
            self.recipe = Recipe.from_dict(record["recipe"])
            self.schema = Schema(**record["schema"])
            past, ahead, now = record["features"]
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise CheckpointError(f"preprocess.json is damaged: {error!r}") from None
        self.features = (int(past), int(ahead), int(now))

    def examples(self, part: Part) -> Dataset:
        """Windows, and how what followed differs from the naive forecast."""
        made = [self.recipe.inputs(track, at) for track, at in part.x.pairs]
        targets = [self.recipe.targets(track, at) for track, at in part.x.pairs]
        return Dataset(joined(made), np.concatenate(targets))

    def open(self, source: Any, *, with_target: bool = False) -> Part:
        """New values of the series that were trained on.

        With a target, forecasts are made from every origin after what was learned from (and chosen
        by), or from all of them where none is.
        """
        panel = read_panel(source, {}, self.schema)
        known = self.recipe.scales
        if len(known) == 1 and len(panel.tracks) == 1:
            panel.tracks = [replace(panel.tracks[0], name=next(iter(known)))]
        strange = [track.name for track in panel.tracks if track.name not in known]
        panel.tracks = [track for track in panel.tracks if track.name in known]
        if not panel.tracks:
            raise DataError(
                f"none of the series was trained on: {', '.join(strange[:5])}", file=panel.source,
                fix=f"the run knows {', '.join(list(known)[:5])}",
            )  # fmt: skip
        if strange:
            panel.notes.append(f"not trained on, left out: {', '.join(strange[:5])}")
        self._same_grid(panel)
        if not with_target:
            return Part(Windows([(t, np.array([len(t)])) for t in panel.tracks]), notes=panel.notes)
        return self._to_measure(panel)

    def _same_grid(self, panel: Panel) -> None:
        if panel.grid[:2] != self.recipe.grid[:2]:
            raise DataError(
                f"these dates are {panel.grid.name}, the run was trained on dates that are "
                f"{self.recipe.grid.name}", file=panel.source,
            )  # fmt: skip
        for track in panel.tracks:
            if len(track) < self.recipe.memory:
                raise DataError(
                    f"{track.name or 'the series'} has {len(track)} values; a forecast looks at "
                    f"the last {self.recipe.memory}", file=panel.source,
                )  # fmt: skip
            if self.recipe.log and track.values.min() <= 0:
                raise DataError(
                    f"{track.name or 'the series'} has values that are not above zero; the run "
                    "learned logarithms", file=panel.source,
                )  # fmt: skip

    def _to_measure(self, panel: Panel) -> Part:
        recipe, pairs, after = self.recipe, [], False
        for track in panel.tracks:
            seen = recipe.scales[track.name]["seen"]
            at = origins(track, recipe.horizon, recipe.memory, -math.inf, math.inf)
            later = at[track.dates[at] >= seen]
            after |= len(later) > 0
            pairs.append((track, later if len(later) else at))
        pairs = [(track, at) for track, at in pairs if len(at)]
        if not pairs:
            raise DataError(
                f"too few values: {recipe.memory + recipe.horizon} are needed", file=panel.source
            )
        if after:
            panel.notes.append("measured on what comes after the training and validation parts")
        return Part(Windows(pairs), notes=panel.notes)

    # -- training --------------------------------------------------------------------------------

    def build(self) -> nn.Module:
        """A reader of the window, and a head for each step."""
        options, recipe = self.options, self.recipe
        return Forecaster(
            options["model"], self.features, recipe.window, recipe.horizon, options["hidden"],
            options["layers"], options["dropout"], fold=options["fold"], finance=recipe.finance,
        )  # fmt: skip

    def loss(self) -> Any:
        """Pinball loss of three quantiles; of prices with QLIKE of the variance."""
        return price_loss if self.recipe.finance else band_loss

    # -- what came of it -------------------------------------------------------------------------

    @property
    def season(self) -> str:
        """The naive forecast that MASE divides by: that of the first season, or the last value."""
        seasons = self.recipe.seasons
        return f"{seasons[0]} {self.recipe.grid.noun}s before" if seasons else "the last value"

    @property
    def recent(self) -> int:
        """How many past forecasts set the width of the band."""
        chosen: int | None = self.options["recent"]
        return chosen or max(300, 30 * min(self.recipe.seasons, default=1))

    def backtest(self, trainer: Trainer, track: Track, at: Array) -> testing.Backtest:
        """Forecasts of one series from some origins, which increase.

        Those before them, back to the end of the training part, set the band at the first ones.
        """
        recipe = self.recipe
        until = np.searchsorted(track.dates, recipe.scales[track.name]["until"], side="right")
        first = max(recipe.memory, int(at[0]) - self.recent - recipe.horizon)
        if int(at[0]) - int(until) >= 2 * recipe.horizon + 30:
            first = max(first, int(until))
        before = np.arange(min(first, int(at[0])), int(at[0]))
        every = np.concatenate([before, at])
        ahead = recipe.grid.after(track.dates[-1], np.arange(1, recipe.horizon + 1))
        outputs = trainer.predict(recipe.inputs(track, every, ahead))
        values = recipe.values(track, every, outputs)
        known = longer(track, recipe.horizon)
        truth = recipe.truth(known, every)
        strain = testing.strains(values, truth)
        kept = len(before)
        band = testing.calibrated(values[kept:], testing.factors(strain)[kept:])
        more = self._variances(track, at, outputs[kept:]) if recipe.finance else {}
        return testing.Backtest(
            track, at, recipe.possible(track, band), truth[kept:],
            testing.naive_forecasts(recipe, track, at), values[kept:], more,
        )  # fmt: skip

    def _variances(self, track: Track, at: Array, outputs: Array) -> dict[str, Array]:
        scale = self.recipe.scales[track.name]
        returns = np.diff(np.log(track.values))
        made = finance.volatility(returns, at, self.recipe.horizon, scale)
        made["network"] = np.exp(np.clip(outputs[..., 3], -20, 20)) * scale["daily"] ** 2
        return made

    def measure(self, trainer: Trainer, part: Part) -> tuple[dict[str, float], Any]:
        """MASE, errors and coverage over all origins, and the forecasts behind them."""
        tests = [self.backtest(trainer, track, at) for track, at in part.x.pairs]
        scores = testing.scores(tests, self.season)
        if self.recipe.finance:
            scores |= finance.scores(tests)
        return scores, tests

    def headline(self) -> str:
        """What is forecast."""
        noun = self.recipe.grid.noun
        return f"forecast of {self._what()}, {self.recipe.horizon} {noun}s ahead"

    def _what(self) -> str:
        count, targets = len(self.recipe.scales), self.schema.targets
        return f"{count} series" if count > 1 else f'"{targets[0]}"'

    def title(self) -> str:
        """The target."""
        return self._what().strip('"')

    def description(self, model: nn.Module) -> str:
        """Layers with their shapes."""
        past, ahead, now = self.features
        recipe = self.recipe
        shapes = [(1, recipe.window, past), (1, recipe.horizon, ahead), (1, now)]
        return str(nn.summary(model, shapes))

    def summary(self, result: dict[str, Any]) -> str:
        """The final numbers in words."""
        scores = {k.removeprefix("test_"): v for k, v in result.items() if k.startswith("test_")}
        return show.in_one_line(scores, self.season)

    def report(self, part: Part, seen: list[testing.Backtest]) -> dict[str, Any]:
        """The forecasts as pictures and tables."""
        return show.report(seen, self.recipe, self.season, self._what())

    def predict(self, trainer: Trainer, part: Part, options: dict[str, Any]) -> dict[str, Any]:
        """Date, lower, median and upper of the steps to come, or the past with its anomalies."""
        recipe = self.recipe
        horizon = options["horizon"] or recipe.horizon
        if horizon > recipe.horizon:
            raise ArgumentError(
                f"the run forecasts {recipe.horizon} steps, not {horizon}",
                fix=f"train with horizon={horizon}",
            )
        columns: dict[str, list[Any]] = {}
        for track, at in part.x.pairs:
            if options["anomalies"]:
                rows = anomalies.found(self, trainer, track)
            else:
                rows = show.future(self.backtest(trainer, track, at), recipe, horizon)
            if len(recipe.scales) > 1:
                rows = {"series": [track.name] * len(rows["date"]), **rows}
            for name, cells in rows.items():
                columns.setdefault(name, []).extend(cells)
        part.ids = range(1, len(columns["date"]) + 1)
        return columns

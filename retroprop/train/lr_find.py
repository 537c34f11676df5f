"""Find a learning rate: an interval of good ones, and one to begin with.

    found = rp.lr_find(trainer, x, y)      # or rp.lr_find(step, optimizer, batches)
    trainer.optimizer.lr = found.suggestion

First a range test (Smith 2017): the learning rate rises from step to step, and the loss shows where
learning begins and where it breaks down. Then short trainings, all from the same weights, find
which rate in between learns most. Both are done for several orders of the batches, and everything
is put back as it was.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from retroprop.errors import ArgumentError, DTypeError, RetropropError
from retroprop.optim import LBFGS, Optimizer, Rprop
from retroprop.train.charts.rates import rate_chart
from retroprop.train.inputs import dataset, with_targets
from retroprop.train.rates.curve import SURE, Curve
from retroprop.train.rates.runs import Runs, StepRuns, TrainerRuns
from retroprop.train.rates.search import Search, rate
from retroprop.train.rates.status import Status
from retroprop.train.trainer import Trainer

__all__ = ["LearningRates", "NoRateError", "lr_find"]

_AT_ONCE = 0.15  # of a range test: what breaks down before learns at no rate above the lowest
_AGREE = 0.5  # share of the best fall that the suggestion has to reach for each seed


class LearningRates(NamedTuple):
    """Learning rates for a training.

    Attributes:
        suggestion: learns most in short trainings; float() of the whole is this.
        low:        where the loss begins to fall clearly when the rate rises.
        high:       the highest rate up to which all short trainings learn at least 80 % as much.
        confidence: the least share, over the seeds, of what a seed's own best rate learns that the
                    suggestion learns: 1.0 when all of them would suggest the same.
        curve:      what the range test saw: rates, losses, mean, ...
        trials:     {rate: the final loss of each seed}, of the short trainings; inf where one
                    diverged.
    """

    suggestion: float
    low: float
    high: float
    confidence: float
    curve: Curve
    trials: dict[float, tuple[float, ...]]

    def __float__(self) -> float:
        return self.suggestion

    def __str__(self) -> str:
        last = ", the highest tried" if self.high > 0.85 * float(self.curve.rates[-1]) else ""
        return (
            f"learning rate {self.suggestion:.2g} (good from {self.low:.2g} to {self.high:.2g}"
            f"{last}; confidence {self.confidence:.2f} "
            f"of {len(self.curve.losses)} orders of the batches)"
        )

    def chart(self, title: str = "Learning rates", *, standalone: bool = False) -> str:
        """The curve of the range test and the short trainings as SVG, the interval shaded."""
        trials = {lr: float(np.mean(losses)) for lr, losses in self.trials.items()}
        return rate_chart(
            self.curve.rates,
            self.curve.losses,
            self.curve.mean,
            title=title,
            interval=(self.low, self.high),
            mark=self.suggestion,
            trials=trials,
            standalone=standalone,
        )

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "suggestion": self.suggestion,
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
            "seeds": len(self.curve.losses),
            "start_loss": self.curve.start,
            "trials": [{"lr": lr, "losses": list(t)} for lr, t in self.trials.items()],
            "curve": {"lr": self.curve.rates.tolist(), "loss": self.curve.mean.tolist()},
        }


class NoRateError(RetropropError):
    """No learning rate can be named.

    Attributes:
        curve: what the range test saw, or None if it did not come that far.
    """

    curve: Curve | None = None


def lr_find(
    trainer_or_step: Any,
    x_or_optimizer: Any,
    y_or_batches: Any = None,
    *,
    batch_size: int = 32,
    sample_weight: Any = None,
    class_weight: Any = None,
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
    trial: int = 200,
    seeds: int = 3,
    progress: bool = True,
) -> LearningRates:
    """Find a learning rate, and put everything back as it was.

    Takes about `seeds * (2 * steps + 6 * trial)` steps of training. Weights, optimizer, schedule,
    batch statistics and random generators are restored bit for bit; so is whatever else a step of
    your own keeps in Tensors or NumPy generators that its function refers to.

    Args:
        trainer_or_step: a Trainer; or a function of a batch that makes one update of the weights
                         and returns the loss, compiled or not.
        x_or_optimizer:  inputs, as for `Trainer.fit`; or the optimizer of the step.
        y_or_batches:    targets; or batches, each a tuple of arguments or a single one.
        batch_size:      examples per step; of a Trainer, like the next two.
        sample_weight:   as for `Trainer.fit`.
        class_weight:    as for `Trainer.fit`.
        low, high:       ends of the range test. The learning rate of the first parameter group is
                         set to it, those of others keep their ratio.
        steps:           of the range test.
        trial:           steps of each short training: as many as the training will have, if that
                         is less. Longer trainings want somewhat smaller rates.
        seeds:           how many orders of the batches.
        progress:        show it on standard error when it takes longer than two seconds.

    Raises:
        NoRateError: nothing is learnt at any rate, or training breaks down at once, or seeds
                     disagree.

    Example:
        >>> from retroprop import nn
        >>> x = np.linspace(-1, 1, 128, dtype=np.float32).reshape(-1, 1)
        >>> model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
        >>> trainer = Trainer(model, loss="mse", optimizer="adam")
        >>> found = lr_find(trainer, x, x**2)
        >>> 0.005 < found.suggestion < 0.2, found.low < found.suggestion <= found.high
        (True, True)

    Source: Smith 2017, arXiv:1506.01186, section 3.3 (the range test).
    """
    if not 0 < low < high:
        raise ArgumentError(f"lr_find: low={low} and high={high} must be 0 < low < high")
    for name, count, least in (("steps", steps, 20), ("trial", trial, 4), ("seeds", seeds, 1)):
        if isinstance(count, bool) or not isinstance(count, int) or count < least:
            raise ArgumentError(f"lr_find: {name} must be an integer >= {least}, got {count!r}")
    if isinstance(trainer_or_step, Trainer):
        data = dataset(x_or_optimizer, y_or_batches, sample_weight, class_weight)
        data = with_targets(data, "lr_find")
        runs: Runs = TrainerRuns(trainer_or_step, data, batch_size)
    else:
        runs = _steps_of(trainer_or_step, x_or_optimizer, y_or_batches)
    if isinstance(runs.optimizer, LBFGS | Rprop):
        raise ArgumentError(
            f"lr_find: {runs.optimizer.name} finds the length of its steps itself",
            fix="keep its lr, or use another optimizer",
        )
    with Search(runs, seeds, trial, Status(progress)) as search:
        return _found(search, np.geomspace(low, high, steps))


def _steps_of(step: Any, optimizer: Any, batches: Any) -> Runs:
    if not callable(step):
        raise DTypeError(
            f"lr_find: wants a Trainer or a step function, got {type(step).__name__}",
            fix="lr_find(trainer, x, y) or lr_find(step, optimizer, batches)",
        )
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(
            f"lr_find: a step function comes with its optimizer, got {type(optimizer).__name__}",
            fix="lr_find(step, optimizer, batches)",
        )
    if batches is None:
        raise ArgumentError("lr_find: which batches?", fix="lr_find(step, optimizer, batches)")
    return StepRuns(step, optimizer, batches)


def _found(search: Search, rates: Any) -> LearningRates:
    search.plan(len(rates))
    if not search.before(len(rates)):
        raise NoRateError(
            "lr_find: the loss or its gradient is not finite before any update",
            fix="check the data for huge values, and how the weights are initialised",
        )
    seen = search.sweep(rates)
    if not seen.is_clear and len(seen.rates) < _AT_ONCE * len(rates):
        raise _breaks_down(seen, float(rates[len(seen.rates)]))
    best = search.best(seen, float(rates[-1]))
    if not seen.is_clear and not _is_clear(search.falls(best)):
        raise _flat(seen)
    most = [max(each) for each in zip(*map(search.falls, search.numbers()), strict=True)]
    shares = [a / b if b > 0 else 0.0 for a, b in zip(search.falls(best), most, strict=True)]
    confidence = max(0.0, min(shares))
    if confidence < _AGREE:
        raise _no_agreement(seen, search)
    highest = search.highest_good(best)
    return LearningRates(
        suggestion=rate(best),
        low=min(float(seen.rates[seen.begins]), rate(best)),
        high=rate(highest),
        confidence=confidence,
        curve=seen,
        trials=_trials(search),
    )


def _is_clear(falls: list[float]) -> bool:
    """Whether short trainings of all seeds learn something that chance does not explain."""
    error = float(np.std(falls, ddof=1)) / len(falls) ** 0.5 if len(falls) > 1 else np.inf
    return min(falls) > 0 and float(np.mean(falls)) > SURE * error


def _trials(search: Search) -> dict[float, tuple[float, ...]]:
    return {
        rate(k): tuple(search.trial(seed, k) for seed in search.seeds) for k in search.numbers()
    }


def _breaks_down(seen: Curve, lr: float) -> NoRateError:
    error = NoRateError(
        f"lr_find: training breaks down at once, already at a learning rate of {lr:.1e}",
        fix="scale inputs and targets to mean 0 and deviation 1, or begin lower: low=1e-14",
    )
    error.curve = seen
    return error


def _flat(seen: Curve) -> NoRateError:
    end = f"until it breaks down at {seen.rates[-1]:.1e}" if seen.ended else "up to the highest"
    error = NoRateError(
        f"lr_find: the curve is flat: the loss stays at {seen.start:.4g} at every learning rate "
        f"{end}",
        fix="nothing is learnt: check that targets depend on inputs and that gradients arrive "
        "(dead units, frozen layers), or give larger batches or a longer trial=",
    )
    error.curve = seen
    return error


def _no_agreement(seen: Curve, search: Search) -> NoRateError:
    own = [
        rate(min(search.numbers(), key=lambda k, s=seed: search.trial(s, k)))  # type: ignore[misc]
        for seed in search.seeds
    ]
    named = ", ".join(f"{each:.2g}" for each in own)
    error = NoRateError(
        f"lr_find: the orders of the batches disagree: their best learning rates are {named}, "
        "and none of these does well for all",
        fix="give a larger batch_size or a longer trial=",
    )
    error.curve = seen
    return error

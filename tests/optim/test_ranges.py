"""The ranges of hyperparameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from retroprop import optim
from retroprop.errors import ArgumentError
from retroprop.optim.ranges import RANGES, check, check_names, number
from tests.optim.trajectory import start

WRONG: list[tuple[str, Any]] = [
    ("adjust_lr_fn", "orginal"),
    ("alpha", 1.0),
    ("betas", (0.9,)),
    ("betas", (-0.1, 0.9)),
    ("etas", (1.2, 0.5)),
    ("history_size", 0),
    ("line_search_fn", "armijo"),
    ("max_iter", 1.5),
    ("momentum", 1.1),
    ("momentum", "0.9"),
    ("ns_coefficients", (1.0, 2.0)),
    ("orthogonalise", 1),
    ("rho", -0.1),
    ("step_sizes", (1.0, 0.5)),
    ("weight_decay", math.nan),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_refused(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"Some: {name} is .*, it must be ") as error:
        check("Some", name, value)
    assert repr(value) in str(error.value)


def test_every_option_of_every_optimizer_has_a_range() -> None:
    import retroprop as rp

    known: set[str] = set()
    for name in optim.names():
        params = [rp.tensor(p, requires_grad=True) for p in start()]
        known |= set(optim.get(name)(params).defaults)
    assert known == set(RANGES)


def test_plain_values() -> None:
    assert check("Some", "betas", [0.5, 0.6]) == (0.5, 0.6)
    assert type(check("Some", "lr", np.float32(0.5))) is float
    assert type(check("Some", "max_iter", np.int64(3))) is int
    assert check("Some", "of_one's_own", "anything") == "anything"


def test_names() -> None:
    check_names("Some", {"lr": 1}, {"lr": 1})
    with pytest.raises(ArgumentError, match="did you mean 'lr'"):
        check_names("Some", {"learning_rate": 1}, {"lr": 1})


def test_number() -> None:
    assert number("f", "x", 2) == 2.0
    for wrong in (-1, math.inf, "1", None, True):
        with pytest.raises(ArgumentError, match="f: x is"):
            number("f", "x", wrong)
    with pytest.raises(ArgumentError, match="a finite number above 0"):
        number("f", "x", 0, above=True)

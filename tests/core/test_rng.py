"""Generators: golden numbers, saved states, derived generators."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.core.rng import Generator, default_generator, manual_seed
from retroprop.errors import ArgumentError, DTypeError, ShapeError


def test_golden_words() -> None:
    generator = Generator(42)
    expected = [0x9CEAF053, 0x77F5493B, 0x12BF50AD, 0x5742B3D7, 0xFCDB2127, 0x53BA6CFD]
    assert generator.bits((6,)).tolist() == expected
    assert generator.bits((2,), 64).tolist() == [15234554000252034507, 11118663562267567449]
    assert generator.get_state().tolist() == [42, 0, 3, 0, 0, 0]
    assert repr(generator) == "Generator(42, 3 blocks drawn)"


def test_draws_do_not_repeat() -> None:
    generator = Generator(1)
    words = np.concatenate([generator.bits((n,)).numpy() for n in (1, 2, 3, 4, 5)])
    assert len(set(words.tolist())) == 15


def test_the_state_stays_the_same_cell() -> None:
    generator = Generator(1)
    cell = generator.state
    generator.bits((3,))
    generator.set_state(generator.get_state())
    generator.manual_seed(2)
    assert generator.state is cell


def test_a_saved_state_resumes() -> None:
    generator = Generator(3)
    generator.bits((5,))
    saved = generator.get_state()
    first = generator.bits((9,)).tolist()
    assert Generator(0).set_state(saved).bits((9,)).tolist() == first
    assert Generator(0).set_state(saved.tolist()).bits((9,)).tolist() == first


def test_split_and_fold_in_are_golden() -> None:
    generator = Generator(42)
    assert generator.fold_in(3).get_state().tolist() == [1446994257, 3109302384, 0, 0, 0, 0]
    children = generator.split(3)
    assert len({tuple(child.get_state().tolist()) for child in children}) == 3
    assert generator.get_state().tolist() == [42, 0, 2, 0, 0, 0]
    assert repr(children[0]).startswith("Generator(key=[")


def test_fold_in_forgets_what_was_drawn() -> None:
    fresh, used = Generator(5), Generator(5)
    used.bits((100,))
    assert fresh.fold_in(7).bits((2,)).tolist() == used.fold_in(7).bits((2,)).tolist()
    numbers = [0, 1, 1 << 32, (1 << 64) - 1]
    assert len({tuple(fresh.fold_in(n).get_state().tolist()) for n in numbers}) == 4


def test_seeds_use_all_their_bits() -> None:
    assert Generator(1).bits((1,)).item() != Generator(1 + (1 << 32)).bits((1,)).item()


def test_the_default_generator_starts_again() -> None:
    assert manual_seed(9) is default_generator()
    first = rp.random.uniform((3,)).tolist()
    assert rp.random.uniform((3,)).tolist() != first
    rp.manual_seed(9)
    assert rp.random.uniform((3,)).tolist() == first


@pytest.mark.parametrize("seed", [-1, 1 << 64, 0.5, "seven", None])
def test_bad_seeds(seed: object) -> None:
    with pytest.raises(ArgumentError, match="whole number from 0"):
        Generator(seed)  # type: ignore[arg-type]


def test_bad_states() -> None:
    with pytest.raises(ShapeError, match=r"shape \(4,\), it must be \(6,\)"):
        Generator().set_state([1, 2, 3, 4])
    for state in ([0.5] * 6, [-1] * 6, [1 << 32] * 6):
        with pytest.raises(DTypeError, match=r"whole numbers below 2\*\*32"):
            Generator().set_state(state)
    with pytest.raises(ArgumentError, match="split: -1"):
        Generator().split(-1)
    with pytest.raises(ArgumentError, match="fold_in: -1"):
        Generator().fold_in(-1)

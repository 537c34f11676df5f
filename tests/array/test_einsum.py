"""Index notation against NumPy's einsum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop.array.einsum import einsum
from retroprop.errors import ArgumentError, ShapeError

SIZES = {"i": 2, "j": 3, "k": 4, "b": 2, "h": 1}

CASES = [
    "i->i", "ij->ji", "ij->", "ii", "ii->i", "iji->j", "ij,jk", "ij,jk->ki", "bij,bjk->bik",
    "i,j->ij", "i,i->", "i,i->i", "ij,ij->i", "bhik,bhjk->bhij", "ij,kj,j->ik", "ij,jk,kb->ib",
    "ij,k->i", "ik,jk,bk->ijb", "b,ij->bji",
]  # fmt: skip


def drawn(letters: str, seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=[SIZES[x] for x in letters])


@pytest.mark.parametrize("subscripts", CASES)
def test_letters(subscripts: str) -> None:
    groups = subscripts.partition("->")[0].split(",")
    operands = [drawn(group, i) for i, group in enumerate(groups)]
    y = einsum(subscripts, *operands).numpy()
    np.testing.assert_allclose(y, np.einsum(subscripts, *operands), atol=1e-12)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("...ij,...jk->...ik", [(5, 2, 3), (3, 4)]),
        ("...ij,...jk", [(5, 1, 2, 3), (6, 3, 4)]),
        ("i...->...i", [(2, 3, 4)]),
        ("...i,i->...", [(2, 3, 4), (4,)]),
        ("...,...->...", [(2, 1), (3,)]),
        ("i...i->...", [(3, 2, 3)]),
        ("ij,jk->ik", [(2, 1), (3, 4)]),
        ("ij,ij->ij", [(2, 1), (1, 3)]),
        ("ij,ij->", [(2, 1), (2, 3)]),
        ("ij,jk->ik", [(0, 3), (3, 2)]),
        ("ij,jk->ik", [(2, 0), (0, 2)]),
    ],
)
def test_ellipsis_and_stretching(subscripts: str, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(0)
    operands = [rng.normal(size=shape) for shape in shapes]
    y = einsum(subscripts, *operands).numpy()
    np.testing.assert_allclose(y, np.einsum(subscripts, *operands), atol=1e-12)


@given(st.data())
def test_any_subscripts(data: Any) -> None:
    letters = st.lists(st.sampled_from("ijkb"), max_size=3, unique=True).map("".join)
    groups = data.draw(st.lists(letters, min_size=1, max_size=3))
    known = sorted(set("".join(groups)))
    out = data.draw(st.permutations(known))[: data.draw(st.integers(0, len(known)))]
    subscripts = f"{','.join(groups)}->{''.join(out)}"
    operands = [drawn(group, i) for i, group in enumerate(groups)]
    expected = np.einsum(subscripts, *operands)
    np.testing.assert_allclose(einsum(subscripts, *operands).numpy(), expected, atol=1e-11)


def test_gradients() -> None:
    x, z, w = (rp.asarray(drawn(group, i)) for i, group in enumerate(["bij", "bjk", "ik"]))
    assert rp.gradcheck(lambda a, b, c: einsum("bij,bjk,ik->bi", a, b, c), (x, z, w))
    square = rp.asarray(np.random.default_rng(1).normal(size=(3, 3)))
    assert rp.gradcheck(lambda a: einsum("ii->i", a) ** 2, (square,))


@pytest.mark.parametrize(
    ("subscripts", "shapes", "error", "message"),
    [
        ("ij,jk->ik", [(2, 3)], ArgumentError, "describes 2 operands, 1 were given"),
        ("ij->i", [(2, 3, 4)], ArgumentError, "'ij' has 2 letters for 3 axes"),
        ("ij->k", [(2, 3)], ArgumentError, "'k' is not in any operand"),
        ("ij->ii", [(2, 3)], ArgumentError, "a letter occurs twice"),
        ("i1->i", [(2, 3)], ArgumentError, "not a letter"),
        (
            "ij,jk->ik",
            [(2, 3), (4, 5)],
            ShapeError,
            "j has 3 elements in operand 0 and 4 in operand 1",
        ),
        ("ii->i", [(2, 3)], ShapeError, "i has 2"),
    ],
)
def test_misuse_is_explained(subscripts: str, shapes: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        einsum(subscripts, *[rp.zeros(shape) for shape in shapes])

"""Rearranging, padding, resampling, norms and distances against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional


def normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape)


def of(module: Any, name: str, options: dict[str, Any]) -> Any:
    return lambda *xs: getattr(module, name)(*xs, **options)


SHUFFLES: list[tuple[str, tuple[int, ...], int]] = [
    ("pixel_shuffle", (2, 8, 3, 2), 2),
    ("pixel_shuffle", (9, 2, 2), 3),
    ("pixel_unshuffle", (2, 2, 4, 6), 2),
    ("channel_shuffle", (2, 6, 3, 3), 3),
]


@pytest.mark.parametrize(("name", "shape", "factor"), SHUFFLES)
def test_shuffles(name: str, shape: tuple[int, ...], factor: int) -> None:
    theirs = torch.channel_shuffle if name == "channel_shuffle" else getattr(TF, name)
    agree(
        torch, lambda x: getattr(F, name)(x, factor), lambda x: theirs(x, factor), [normal(*shape)]
    )


def test_flatten_and_unflatten() -> None:
    x = normal(2, 3, 4, 5)
    agree(torch, lambda x: F.flatten(x, 1, 2), lambda x: torch.flatten(x, 1, 2), [x])
    agree(torch, lambda x: F.unflatten(x, 2, (-1, 2)), lambda x: x.unflatten(2, (-1, 2)), [x])


PADS: list[tuple[tuple[int, ...], tuple[int, ...], str]] = [
    ((2, 3, 5), (2, 1), "constant"),
    ((2, 3, 5), (-1, 2), "constant"),
    ((4, 5), (1, -2, 2, 0), "constant"),
    ((2, 3, 5), (4, 2), "reflect"),
    ((2, 3, 4, 5), (1, 2, 3, 0), "reflect"),
    ((2, 3, 4, 5, 3), (1, 2, 3, 0, 2, 1), "reflect"),
    ((2, 3, 5), (7, 2), "replicate"),
    ((2, 3, 4, 5), (1, 2, 3, 0), "replicate"),
    ((2, 3, 4, 5, 3), (1, 2, 3, 0, 2, 1), "replicate"),
    ((2, 3, 5), (5, 2), "circular"),
    ((2, 3, 4, 5), (1, 2, 3, 0), "circular"),
    ((2, 3, 1, 5), (1, 2, 1, 1), "circular"),
]


@pytest.mark.parametrize(("shape", "widths", "mode"), PADS, ids=str)
def test_pad(shape: tuple[int, ...], widths: tuple[int, ...], mode: str) -> None:
    extra = {"value": 1.5} if mode == "constant" else {}
    options = {"pad": widths, "mode": mode, **extra}
    agree(torch, of(F, "pad", options), of(TF, "pad", options), [normal(*shape)])


TARGETS: list[dict[str, Any]] = [
    {"size": 3},
    {"size": 11},
    {"scale_factor": 2},
    {"scale_factor": 1.7},
    {"scale_factor": 0.6},
    {"scale_factor": 1.7, "recompute_scale_factor": True},
]
SPATIAL = {1: (7,), 2: (5, 6), 3: (4, 5, 3)}
SMOOTH = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_interpolate(count: int, target: dict[str, Any]) -> None:
    x = normal(2, 3, *SPATIAL[count])
    modes: list[dict[str, Any]] = [{"mode": m} for m in ("nearest", "nearest-exact", "area")]
    modes += [{"mode": m, "align_corners": c} for m in SMOOTH[count] for c in (False, True)]
    for mode in modes:
        options = {**target, **mode}
        if mode["mode"] == "area" and "recompute_scale_factor" in target:
            continue
        agree(torch, of(F, "interpolate", options), of(TF, "interpolate", options), [x])


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
def test_norms_and_distances(p: float) -> None:
    x, z = normal(4, 5, 3), normal(4, 5, 3)[::-1].copy()
    for dim in (0, 1, -1):
        agree(
            torch,
            lambda x, d=dim: F.normalize(x, p, d),
            lambda x, d=dim: TF.normalize(x, p, d),
            [x],
        )
    for keepdim in (False, True):
        options = {"p": p, "keepdim": keepdim}
        ours, theirs = of(F, "pairwise_distance", options), of(TF, "pairwise_distance", options)
        agree(torch, ours, theirs, [x[0], z[0]])


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cosine_similarity(dim: int) -> None:
    x, z = normal(4, 5, 3), normal(4, 5, 3)[::-1].copy()
    options = {"dim": dim}
    agree(torch, of(F, "cosine_similarity", options), of(TF, "cosine_similarity", options), [x, z])


def test_vectors_of_zeros() -> None:
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    agree(torch, F.normalize, TF.normalize, [x])
    agree(torch, F.pairwise_distance, TF.pairwise_distance, [x, x + 0.5])

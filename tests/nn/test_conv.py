"""Convolution layers: shapes, options, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Conv1d(2, 4, 3), (5, 2, 10), (5, 4, 8)),
        (nn.Conv2d(2, 4, (3, 1), stride=2, padding=1), (5, 2, 7, 6), (5, 4, 4, 4)),
        (nn.Conv2d(2, 4, 4, padding="same"), (5, 2, 7, 6), (5, 4, 7, 6)),
        (nn.Conv2d(2, 4, 3, padding_mode="circular", padding=(2, 0)), (2, 7, 6), (4, 9, 4)),
        (nn.Conv3d(2, 4, 2, groups=2), (1, 2, 3, 4, 5), (1, 4, 2, 3, 4)),
        (nn.ConvTranspose1d(4, 2, 4, stride=2, padding=1), (3, 4, 6), (3, 2, 12)),
        (nn.ConvTranspose2d(4, 2, 3, 2, 1, 1), (4, 5, 6), (2, 10, 12)),
        (nn.ConvTranspose3d(4, 2, 2, 2), (1, 4, 2, 3, 1), (1, 2, 4, 6, 2)),
    ],
    ids=repr,
)
def test_shapes(layer: Any, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert layer(rp.ones(shape)).shape == expected
    assert layer(rp.ones((0, *shape[-layer.spatial - 1 :]))).shape[0] == 0


def test_a_window_of_ones_sums_what_it_sees() -> None:
    layer = nn.Conv2d(2, 1, 2, bias=False)
    layer.load_state_dict({"weight": np.ones((1, 2, 2, 2))})
    x = np.arange(18.0, dtype=np.float32).reshape(1, 2, 3, 3)
    both = x.sum(axis=1)[0]
    expected = both[:-1, :-1] + both[:-1, 1:] + both[1:, :-1] + both[1:, 1:]
    np.testing.assert_array_equal(layer(rp.asarray(x)).detach().numpy()[0, 0], expected)


def test_a_transposed_convolution_is_the_adjoint() -> None:
    forward = nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=False)
    back = nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, bias=False)
    back.load_state_dict({"weight": forward.weight})
    x, z = rp.random.normal((1, 2, 7, 7)), rp.random.normal((1, 3, 4, 4))
    left = (forward(x) * z).sum().item()
    assert abs(left - (x * back(z)).sum().item()) < 1e-4
    assert back(z, output_size=(8, 7)).shape == (1, 2, 8, 7)


@pytest.mark.parametrize(
    ("layer", "shape", "message", "fix"),
    [
        (nn.Conv2d(1, 6, 5), (32, 28, 28), r"\(batch, 1 channels, height, width\), got", "axis=1)"),
        (nn.Conv2d(3, 6, 5), (8, 32, 32, 3), "Conv2d expects", "rp.permute_dims(x, (0, 3, 1, 2))"),
        (nn.Conv2d(3, 6, 5), (8, 4, 32, 32), r"got \(8, 4, 32, 32\)", "make its in_channels 4"),
        (nn.Conv1d(3, 6, 5), (8, 30), r"\(batch, 3 channels, length\)", "bring it to (batch, 3"),
        (nn.ConvTranspose3d(2, 1, 2), (2, 3, 4), "3 channels|2 channels, depth", "bring it to"),
    ],
    ids=repr,
)
def test_misfits_come_with_a_way_out(
    layer: Any, shape: tuple[int, ...], message: str, fix: str
) -> None:
    with pytest.raises(ShapeError, match=message) as caught:
        layer(rp.ones(shape))
    assert fix in str(caught.value)


def test_windows_larger_than_the_input() -> None:
    with pytest.raises(ShapeError, match=r"height has 3 elements .* reaches over 5") as caught:
        nn.Sequential(nn.Conv2d(1, 1, 5))(rp.ones((1, 1, 3, 9)))
    assert "in layer 0: Conv2d(1, 1, kernel_size=(5, 5)" in str(caught.value)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "do not both split into 2 groups"),
        (lambda: nn.Conv2d(3, 4, (1, 2, 3)), "kernel_size is"),
        (lambda: nn.Conv2d(3, 4, 3, stride=0.5), "stride is 0.5"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), "unknown padding 'full'"),
        (lambda: nn.Conv2d(3, 4, 3, 2, "same"), 'padding="same" needs stride 1'),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "unknown padding mode 'mirror'"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), "padding must be numbers"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), "unknown padding mode"),
        (
            lambda: nn.ConvTranspose2d(3, 4, 3, 2, output_padding=2)(rp.ones((1, 3, 4, 4))),
            "output_padding 2 must be",
        ),
    ],
)
def test_arguments_are_checked(make: Any, match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        make()


def test_output_sizes_out_of_reach() -> None:
    layer = nn.ConvTranspose2d(1, 1, 3, stride=2)
    with pytest.raises(ShapeError, match=r"output_size \(12, 12\) is out of reach"):
        layer(rp.ones((1, 1, 4, 4)), output_size=(12, 12))

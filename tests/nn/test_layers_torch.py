"""Linear, pooling, embedding, shape, padding and resampling layers against PyTorch, as modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from tests.nn.parity import agree, leaves

torch = pytest.importorskip("torch")


def normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape)


def pair(name: str, *arguments: Any, **options: Any) -> Any:
    return getattr(nn, name)(*arguments, **options), getattr(torch.nn, name)(*arguments, **options)


LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("Linear", (5, 3), {}, (2, 4, 5)),
    ("Linear", (5, 3), {"bias": False}, (5,)),
    ("Identity", (), {}, (2, 3)),
    ("MaxPool1d", (3, 2), {"padding": 1, "ceil_mode": True}, (2, 3, 10)),
    ("MaxPool2d", (2,), {"return_indices": True}, (2, 3, 6, 7)),
    ("MaxPool3d", (2,), {"dilation": 2, "stride": 1}, (2, 3, 5, 4, 6)),
    ("AvgPool1d", (3,), {"count_include_pad": False, "padding": 1}, (2, 3, 10)),
    ("AvgPool2d", ((3, 2), 2), {"ceil_mode": True}, (2, 3, 6, 7)),
    ("AvgPool3d", (2,), {"divisor_override": 3}, (2, 3, 5, 4, 6)),
    ("AdaptiveMaxPool1d", (4,), {}, (2, 3, 10)),
    ("AdaptiveMaxPool2d", ((None, 3),), {"return_indices": True}, (2, 3, 6, 7)),
    ("AdaptiveMaxPool3d", (2,), {}, (2, 3, 5, 4, 6)),
    ("AdaptiveAvgPool1d", (4,), {}, (2, 3, 10)),
    ("AdaptiveAvgPool2d", ((None, 3),), {}, (2, 3, 6, 7)),
    ("AdaptiveAvgPool3d", (2,), {}, (2, 3, 5, 4, 6)),
    ("LPPool2d", (2, 3), {"stride": 2}, (2, 3, 6, 7)),
    ("Flatten", (), {}, (2, 3, 4)),
    ("Flatten", (0, 1), {}, (2, 3, 4)),
    ("Unflatten", (1, (2, 3)), {}, (2, 6, 4)),
    ("PixelShuffle", (2,), {}, (2, 8, 3, 2)),
    ("PixelUnshuffle", (2,), {}, (2, 2, 4, 6)),
    ("ChannelShuffle", (2,), {}, (2, 6, 3)),
    ("Unfold", (2,), {"stride": 2, "padding": 1}, (2, 3, 4, 5)),
    ("Fold", ((4, 5), 2), {"stride": 2, "padding": 1}, (2, 12, 9)),
    ("Upsample", (), {"scale_factor": 2}, (2, 3, 4)),
    ("Upsample", ((5, 9),), {"mode": "bilinear", "align_corners": True}, (2, 3, 4, 6)),
    ("Upsample", (), {"scale_factor": 1.5, "mode": "trilinear"}, (2, 3, 4, 6, 3)),
    ("UpsamplingNearest2d", ((5, 9),), {}, (2, 3, 4, 6)),
    ("UpsamplingBilinear2d", (), {"scale_factor": 2}, (2, 3, 4, 6)),
    ("ConstantPad1d", ((1, 2), 3.0), {}, (2, 3, 5)),
    ("ConstantPad2d", (1, 3.0), {}, (2, 3, 5, 4)),
    ("ConstantPad3d", (1, 3.0), {}, (2, 3, 5, 4, 2)),
    ("ZeroPad1d", (2,), {}, (2, 3, 5)),
    ("ZeroPad2d", ((1, 2, 0, -1),), {}, (2, 3, 5, 4)),
    ("ZeroPad3d", (1,), {}, (2, 3, 5, 4, 2)),
    ("ReflectionPad1d", (2,), {}, (2, 3, 5)),
    ("ReflectionPad2d", ((1, 2, 3, 0),), {}, (2, 3, 5, 4)),
    ("ReflectionPad3d", (1,), {}, (2, 3, 5, 4, 2)),
    ("ReplicationPad1d", (2,), {}, (2, 3, 5)),
    ("ReplicationPad2d", ((1, 2, 3, 0),), {}, (3, 5, 4)),
    ("ReplicationPad3d", (1,), {}, (2, 3, 5, 4, 2)),
    ("CircularPad1d", (2,), {}, (2, 3, 5)),
    ("CircularPad2d", ((1, 2, 3, 0),), {}, (2, 3, 5, 4)),
    ("CircularPad3d", (1,), {}, (2, 3, 5, 4, 2)),
    ("Dropout", (0.0,), {}, (3, 4)),
    ("Dropout1d", (1.0,), {}, (3, 4, 2)),
    ("AlphaDropout", (1.0,), {}, (3, 4)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "arguments", "options", "shape"), LAYERS, ids=str)
def test_layer(
    name: str, arguments: Any, options: dict[str, Any], shape: tuple[int, ...], dtype: str
) -> None:
    x = np.abs(normal(*shape)) if name.startswith("LP") else normal(*shape)
    agree(torch, *pair(name, *arguments, **options), [x], dtype=dtype)


def test_bilinear() -> None:
    agree(torch, *pair("Bilinear", 3, 4, 5), [normal(2, 6, 3), normal(2, 6, 4)])


@pytest.mark.parametrize("name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"])
def test_dropout_in_evaluation(name: str) -> None:
    shape = (2, 3, *(4,) * int(name[-2])) if name.endswith("d") else (2, 3)
    ours, theirs = pair(name, 0.3)
    agree(torch, ours.eval(), theirs.eval(), [normal(*shape)])


@pytest.mark.parametrize("padding_idx", [None, 0, -2])
def test_embedding(padding_idx: int | None) -> None:
    ours, theirs = pair("Embedding", 7, 3, padding_idx)
    agree(torch, ours, theirs, [], [np.array([[1, 5, 0], [5, 6, 2]])])


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_embedding_bag(mode: str) -> None:
    index = np.array([1, 5, 0, 5, 6, 2])
    for others in ([index.reshape(2, 3)], [index, np.array([0, 2, 2])]):
        agree(torch, *pair("EmbeddingBag", 7, 3, mode=mode, padding_idx=5), [], others)


def test_pretrained_tables_are_frozen_in_both() -> None:
    table = normal(4, 3)
    ours = nn.Embedding.from_pretrained(table, padding_idx=1)
    theirs = torch.nn.Embedding.from_pretrained(torch.tensor(table), padding_idx=1)
    assert not ours.weight.requires_grad
    index = np.array([3, 1])
    expected = theirs(torch.tensor(index)).numpy()
    np.testing.assert_array_equal(ours(rp.asarray(index)).numpy(), expected)


def test_max_unpool() -> None:
    x = normal(2, 3, 6, 8)
    ours, theirs = pair("MaxPool2d", 2, return_indices=True)
    y, index = leaves(theirs(torch.tensor(x)))
    agree(torch, *pair("MaxUnpool2d", 2), [y.numpy()], [index.numpy()])
    assert ours(rp.asarray(x))[1].tolist() == index.tolist()


def test_linear_layers_start_in_the_range_of_pytorch() -> None:
    for name, arguments in [("Linear", (64, 50)), ("Bilinear", (30, 20, 40))]:
        ours, theirs = pair(name, *arguments)
        bound = ours.weight.shape[1] ** -0.5
        for key, expected in theirs.state_dict().items():
            for values in (ours.state_dict()[key].numpy(), expected.numpy()):
                assert 0.8 * bound < np.abs(values).max() <= bound
                assert abs(values.mean()) < 0.25 * bound


@pytest.mark.parametrize(
    ("name", "args", "shape"),
    [
        ("BatchNorm2d", (4,), (3, 4, 2, 2)),
        ("InstanceNorm1d", (4, 1e-5, 0.1, True), (3, 4, 5)),
        ("GroupNorm", (2, 4), (3, 4, 5)),
    ],
)
def test_norms_without_a_bias(name, args, shape):
    theirs, ours = (getattr(lib, name)(*args, bias=False) for lib in (torch.nn, nn))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.bias is None
    assert "bias=False" in repr(ours)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours(rp.asarray(x)).detach().numpy(), expected, rtol=1e-4, atol=1e-5)
    if hasattr(ours, "reset_parameters"):
        ours.reset_parameters()

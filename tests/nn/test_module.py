"""The Module itself: modes, types, errors with the layer's path, how it reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))


def test_modes() -> None:
    net = model()
    assert net.training
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert net.train() is net
    assert all(module.training for module in net.modules())
    net.train(False)
    x = rp.random.normal((4, 3))
    assert net(x).tolist() == net(x).tolist()
    assert net[1].num_batches_tracked.item() == 0


def test_types_change_in_place() -> None:
    net = model()
    weight = net[0].weight
    assert net.double() is net
    assert net[0].weight is weight
    assert {p.dtype.name for p in net.parameters()} == {"float64"}
    assert net[1].running_mean.dtype == rp.float64
    assert net[1].num_batches_tracked.dtype == rp.int64
    assert net(rp.ones((4, 3), dtype="float64")).dtype == rp.float64
    assert net.float()[0].weight.dtype == rp.float32
    assert net.to("cpu")[0].weight.dtype == rp.float32
    assert net.to(rp.float64)[3].weight.dtype == rp.float64


def test_gradients_are_cleared_and_frozen() -> None:
    net = model()
    net(rp.random.normal((4, 3))).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert net.requires_grad_(False) is net
    assert not net(rp.random.normal((4, 3))).requires_grad
    net[3].requires_grad_()
    net(rp.random.normal((4, 3))).sum().backward()
    assert [p.grad is not None for p in net.parameters()] == [False] * 4 + [True] * 2


def test_layers_take_anything_that_becomes_a_tensor() -> None:
    layers: list[tuple[nn.Module, Any]] = [
        (nn.Linear(2, 1), (3, 2)),
        (nn.Conv1d(2, 1, 1), (1, 2, 3)),
        (nn.BatchNorm1d(2), (3, 2)),
        (nn.LayerNorm(2), (3, 2)),
        (nn.GroupNorm(1, 2), (3, 2)),
        (nn.MaxPool1d(2), (1, 2, 4)),
        (nn.ZeroPad1d(1), (1, 2, 4)),
        (nn.GlobalAvgPool1d(), (1, 2, 4)),
        (nn.Flatten(), (1, 2, 4)),
        (nn.Dropout(0.0), (3, 2)),
    ]
    for layer, shape in layers:
        array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        expected = layer.train()(rp.asarray(array)).tolist()
        assert layer(array).tolist() == expected
        assert layer(array.tolist()).tolist() == expected


def test_apply_goes_inside_out() -> None:
    seen: list[str] = []
    net = nn.Sequential(nn.Sequential(nn.Identity()), nn.Linear(1, 1))
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Identity", "Sequential", "Linear", "Sequential"]


def test_the_same_seed_makes_the_same_model() -> None:
    rp.manual_seed(7)
    one = model()
    rp.manual_seed(7)
    other = model()
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    third = model()
    assert third[0].weight.tolist() != one[0].weight.tolist()


def test_recomputed_layers_leave_the_same_trace() -> None:
    plain, recomputed = model(), model()
    recomputed.load_state_dict(plain.state_dict())
    x = rp.random.normal((6, 3))
    rp.manual_seed(1)
    (plain(x) ** 2).sum().backward()
    rp.manual_seed(1)
    (rp.checkpoint(recomputed, x) ** 2).sum().backward()
    for one, other in zip(plain.parameters(), recomputed.parameters(), strict=True):
        np.testing.assert_allclose(one.grad.numpy(), other.grad.numpy(), rtol=1e-6)
    for one, other in zip(plain.buffers(), recomputed.buffers(), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleList([nn.Sequential(nn.Identity(), nn.Linear(784, 10))])

    def forward(self, x: Any) -> Any:
        return self.body[0](x)


def test_errors_name_the_path_of_the_layer() -> None:
    with pytest.raises(ShapeError) as caught:
        Net()(rp.ones((32, 1, 28, 28)))
    text = str(caught.value)
    assert text.startswith("Linear expects (..., 784 features), got (32, 1, 28, 28)\n")
    assert "in layer body.0.1: Linear(in_features=784, out_features=10, bias=True)" in text
    assert "fix: add nn.Flatten() before it" in text
    assert "test_module.py" in text
    assert [type(m).__name__ for m in caught.value.modules] == ["Linear", "Sequential", "Net"]


def test_errors_of_operations_name_it_too() -> None:
    class Wrong(nn.Module):
        def forward(self, x: Any) -> Any:
            return x @ x

    with pytest.raises(ShapeError, match="inner sizes differ") as caught:
        nn.Sequential(nn.Identity(), Wrong())(rp.ones((2, 3)))
    assert "in layer 1: Wrong()" in str(caught.value)


def test_forward_must_be_written() -> None:
    class Empty(nn.Module):
        pass

    with pytest.raises(ArgumentError, match=r"Empty has no forward\(\)"):
        Empty()(1)


def test_repr_is_a_tree() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Flatten(), nn.Identity()))
    assert repr(net).splitlines() == [
        "Sequential(",
        "  (0): Linear(in_features=3, out_features=4, bias=True)",
        "  (1): Sequential(",
        "    (0): Flatten(start_dim=1, end_dim=-1)",
        "    (1): Identity()",
        "  )",
        ")",
    ]


LAYERS = [
    nn.Linear(3, 4, bias=False, dtype="float64"),
    nn.Bilinear(2, 3, 4),
    nn.Conv1d(4, 8, 3, padding="same", groups=2),
    nn.Conv2d(3, 6, (3, 5), 2, (1, 2), bias=False, padding_mode="reflect"),
    nn.Conv3d(1, 2, 3, dilation=2),
    nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1, groups=2),
    nn.BatchNorm1d(4, eps=1e-3, momentum=None),
    nn.BatchNorm2d(4, affine=False),
    nn.BatchNorm3d(4, track_running_stats=False, dtype="float64"),
    nn.InstanceNorm2d(4, affine=True),
    nn.LayerNorm((4, 5), bias=False),
    nn.LayerNorm(4, elementwise_affine=False),
    nn.RMSNorm(4, eps=1e-6),
    nn.GroupNorm(2, 4, affine=False),
    nn.LocalResponseNorm(3, k=2.0),
    nn.MaxPool1d(2),
    nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    nn.AvgPool3d(2, count_include_pad=False),
    nn.AdaptiveAvgPool2d((None, 3)),
    nn.AdaptiveMaxPool1d(3, return_indices=True),
    nn.GlobalAvgPool2d(),
    nn.LPPool2d(3, 2, stride=1),
    nn.MaxUnpool2d(2),
    nn.Dropout(0.25),
    nn.Dropout2d(inplace=True),
    nn.AlphaDropout(),
    nn.Embedding(5, 3, padding_idx=-1, max_norm=2.0),
    nn.EmbeddingBag(5, 3, mode="sum", include_last_offset=True),
    nn.Flatten(0, 1),
    nn.Unflatten(1, (2, 3)),
    nn.PixelShuffle(2),
    nn.PixelUnshuffle(2),
    nn.ChannelShuffle(2),
    nn.Unfold(3, stride=2),
    nn.Fold((4, 5), 2),
    nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    nn.ZeroPad2d((1, 2, 0, 0)),
    nn.ConstantPad1d(2, 1.5),
    nn.ReflectionPad1d(2),
    nn.Identity(),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_repr_of_a_layer_rebuilds_it(layer: nn.Module) -> None:
    layer.eval().train()
    rebuilt = eval(repr(layer), vars(nn))
    assert type(rebuilt) is type(layer)
    assert repr(rebuilt) == repr(layer)
    plain = {k: v for k, v in vars(layer).items() if not isinstance(v, rp.Tensor)}
    for name, value in plain.items():
        assert getattr(rebuilt, name) == value, name
    shapes = {k: (v.shape, v.dtype) for k, v in layer.state_dict().items()}
    assert {k: (v.shape, v.dtype) for k, v in rebuilt.state_dict().items()} == shapes


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        (nn.Linear, (2, 2)),
        (nn.Bilinear, (2, 2, 2)),
        (nn.Conv2d, (2, 2, 1)),
        (nn.ConvTranspose1d, (2, 2, 1)),
        (nn.BatchNorm1d, (2,)),
        (nn.InstanceNorm2d, (2,)),
        (nn.LayerNorm, (2,)),
        (nn.GroupNorm, (1, 2)),
        (nn.RMSNorm, (2,)),
        (nn.PReLU, ()),
        (nn.Embedding, (2, 2)),
        (nn.EmbeddingBag, (2, 2)),
        (nn.RNN, (2, 2)),
        (nn.LSTM, (2, 2)),
        (nn.GRU, (2, 2)),
        (nn.RNNCell, (2, 2)),
        (nn.LSTMCell, (2, 2)),
        (nn.GRUCell, (2, 2)),
        (nn.MultiheadAttention, (2, 1)),
        (nn.TransformerEncoderLayer, (2, 1, 2)),
        (nn.TransformerDecoderLayer, (2, 1, 2)),
        (nn.Transformer, (2, 1, 1, 1, 2)),
    ],
)
def test_layers_take_the_device_that_there_is(kind, args):
    layer = kind(*args, device="cpu", dtype=rp.float64)
    assert {one.dtype for one in layer.parameters()} <= {rp.float64}
    assert repr(layer) == repr(kind(*args, dtype=rp.float64))
    with pytest.raises(rp.ArgumentError, match="no device 'cuda'"):
        kind(*args, device="cuda")


def test_to_understands_devices_as_in_pytorch():
    net = nn.Linear(2, 2)
    assert net.to("cpu", rp.float64).weight.dtype == rp.float64
    assert net.to(device="cpu", dtype="float32").cpu().weight.dtype == rp.float32
    for given in ("cuda", "cuda:0", "mps"):
        with pytest.raises(rp.ArgumentError, match="runs on the cpu"):
            net.to(given)
    with pytest.raises(rp.RetropropError, match="'flaot32' is not a dtype"):
        net.to("flaot32")


def test_zero_grad_can_leave_zeros():
    net = nn.Linear(2, 1)
    net.zero_grad(set_to_none=False)
    assert net.weight.grad is None
    net(rp.ones((1, 2))).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.weight.grad.tolist() == [[0.0, 0.0]]
    net.zero_grad(set_to_none=True)
    assert net.weight.grad is None

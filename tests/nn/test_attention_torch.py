"""Multi-head attention against PyTorch, over its options and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from tests.nn.parity import agree

torch = pytest.importorskip("torch")

WIDTH, HEADS, BATCH, QUERIES, KEYS = 8, 2, 2, 3, 4


def pair(**options: Any) -> tuple[Any, Any]:
    ours = nn.MultiheadAttention(WIDTH, HEADS, **options)
    theirs = torch.nn.MultiheadAttention(WIDTH, HEADS, **options)
    with torch.no_grad():  # biases start at 0, which would hide mistakes
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return ours, theirs


def inputs(batch_first: bool, kdim: int = WIDTH, vdim: int = WIDTH, batch: bool = True) -> Any:
    rng = np.random.default_rng(0)
    made = []
    for time, features in ((QUERIES, WIDTH), (KEYS, kdim), (KEYS, vdim)):
        x = rng.normal(size=(time, BATCH, features))
        made.append(x[:, 0] if not batch else x.swapaxes(0, 1) if batch_first else x)
    return made


def padding() -> Any:
    mask = np.zeros((BATCH, KEYS), bool)
    mask[1, 2:] = True
    return mask


def pairs(count: int = 0) -> Any:
    """Pairs that do not attend; each query attends to one key at least."""
    rng = np.random.default_rng(2)
    mask = rng.uniform(size=(count, QUERIES, KEYS) if count else (QUERIES, KEYS)) < 0.5
    mask[..., 0] = False
    return mask


def as_floating(mask: Any) -> Any:
    return np.where(mask, -np.inf, np.random.default_rng(3).normal(size=mask.shape))


OPTIONS = [
    {},
    {"bias": False},
    {"add_bias_kv": True},
    {"add_zero_attn": True},
    {"add_bias_kv": True, "add_zero_attn": True},
    {"kdim": 5, "vdim": 6},
    {"kdim": 5, "bias": False, "add_bias_kv": True, "add_zero_attn": True},
]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options(options: Any, batch_first: bool, need_weights: bool, masked: bool) -> None:
    ours, theirs = pair(batch_first=batch_first, **options)
    given = inputs(batch_first, ours.kdim, ours.vdim)
    masks = (padding(), need_weights, pairs()) if masked else (None, need_weights)
    agree(torch, ours, theirs, given, masks)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("average", [False, True])
def test_single_precision(options: Any, average: bool) -> None:
    ours, theirs = pair(**options)
    given = inputs(False, ours.kdim, ours.vdim)
    agree(torch, ours, theirs, given, (None, True, pairs(), average), dtype="float32")


PADDINGS = {"none": None, "bool": padding(), "float": as_floating(padding())}
PAIRS = {
    "none": None, "bool": pairs(), "float": as_floating(pairs()),
    "bool by head": pairs(BATCH * HEADS), "float by head": as_floating(pairs(BATCH * HEADS)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("padded", PADDINGS)
@pytest.mark.parametrize("paired", PAIRS)
def test_masks(padded: str, paired: str, average: bool) -> None:
    ours, theirs = pair(add_zero_attn=True, batch_first=True)
    masks = (PADDINGS[padded], True, PAIRS[paired], average)
    agree(torch, ours, theirs, inputs(True), masks)


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_without_batch(batch_first: bool, need_weights: bool) -> None:
    ours, theirs = pair(batch_first=batch_first)
    masks = (padding()[1], need_weights, pairs(HEADS))
    agree(torch, ours, theirs, inputs(batch_first, batch=False), masks)


@pytest.mark.parametrize("need_weights", [False, True])
def test_causal(need_weights: bool) -> None:
    ours, theirs = pair()
    query, *_ = inputs(False)
    later = np.triu(np.ones((QUERIES, QUERIES), bool), 1)
    masks = (None, need_weights, later, True, True)
    agree(torch, ours, theirs, [query, query * 2, query + 1], masks)


class Shared(nn.Module):
    """Attention of which some of the three inputs are one tensor."""

    def __init__(self, inner: nn.Module) -> None:
        self.inner = inner

    def forward(self, x: Any, memory: Any = None) -> Any:
        memory = x if memory is None else memory
        return self.inner(x, memory, memory)


class TheirShared(torch.nn.Module):  # type: ignore[misc]
    forward = Shared.forward

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner


@pytest.mark.parametrize("options", OPTIONS[:5], ids=str)
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_inputs_of_one_source(options: Any, batch_first: bool, count: int) -> None:
    ours, theirs = pair(batch_first=batch_first, **options)
    agree(torch, Shared(ours), TheirShared(theirs), inputs(batch_first)[:count])


def test_a_query_without_keys() -> None:
    """PyTorch gives NaN with need_weights and zeros without; here it is zeros always."""
    ours, theirs = pair()
    none = np.zeros((QUERIES, KEYS), bool)
    none[1] = True
    agree(torch, ours, theirs, inputs(False), (None, False, none))
    y, weights = ours(*map(rp.asarray, inputs(False)), attn_mask=none)
    assert not weights.detach().numpy()[:, 1].any()
    bias = np.broadcast_to(ours.out_proj.bias.detach().numpy(), (BATCH, WIDTH))
    np.testing.assert_array_equal(y.detach().numpy()[1], bias)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_parameters_start_in_the_same_range(options: Any) -> None:
    ours = nn.MultiheadAttention(WIDTH * 8, HEADS, **options)
    theirs = torch.nn.MultiheadAttention(WIDTH * 8, HEADS, **options)
    for (name, one), (_, other) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        expected = other.detach().numpy()
        scale = 0.4 if name.startswith("bias_") else 0.1
        assert one.detach().numpy().std() == pytest.approx(expected.std(), rel=scale), name

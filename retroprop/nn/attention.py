"""Attention with several heads."""

from __future__ import annotations

from typing import Any

from retroprop.array.creation import asarray, check_device, zeros
from retroprop.array.statistics import mean
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.fill import xavier_normal_, xavier_uniform_, zeros_
from retroprop.nn.functional.attention import (
    additive_mask,
    attended,
    attention_weights,
    causal_mask,
)
from retroprop.nn.functional.dropout import dropout
from retroprop.nn.functional.linear import linear
from retroprop.nn.linear import Linear, shown_dtype
from retroprop.nn.options import Optioned
from retroprop.nn.parameter import Parameter
from retroprop.ops.linalg import matmul
from retroprop.ops.movement import concatenate, pad, permute_dims, reshape, split
from retroprop.ops.reduction import broadcast_to
from retroprop.shapes import size

__all__ = ["MultiheadAttention"]

Shape = tuple[int, ...]


class MultiheadAttention(Optioned):
    """Attention in several subspaces at once: heads that attend by themselves, then are mixed.

        head_i = softmax(q_i k_iᵀ / sqrt(head features) + mask) v_i
        y = [head_1, head_2, ...] out_proj

    where q, k and v are linear maps of query, key and value.

    Args:
        embed_dim:     features of query and output.
        num_heads:     heads; embed_dim is split among them.
        dropout:       probability of dropping an attention weight, in training.
        bias:          False leaves the biases of all maps out.
        add_bias_kv:   append a learned position to keys and values.
        add_zero_attn: append a position of zeros to keys and values.
        kdim, vdim:    features of key and value; embed_dim by default.
        batch_first:   whether inputs are (batch, time, features), not (time, batch, features).
        device:        "cpu"; accepted because programs for PyTorch give one.
        dtype:         of the parameters; float32 by default.

    Attributes:
        in_proj_weight: (3 * embed, embed), for query, key and value; with kdim or vdim, instead
            q_proj_weight (embed, embed), k_proj_weight (embed, kdim), v_proj_weight (embed, vdim).
        in_proj_bias:   (3 * embed,) or None.
        bias_k, bias_v: (1, 1, embed), the learned position, or None.
        out_proj:       a Linear.

    Shape:
        query, key, value: (queries, batch, embed), (keys, batch, kdim), (keys, batch, vdim), or all
            without the batch axis.
        key_padding_mask:  (batch, keys) bool, True where a key is padding, or floating, added.
        need_weights:      whether the weights are returned too.
        attn_mask:         (queries, keys) or (batch * heads, queries, keys) bool, True where a
            query does not attend to a key (the opposite of `F.scaled_dot_product_attention`, as in
            PyTorch); or floating, added to the scores.
        average_attn_weights: False returns the weights of each head.
        is_causal:         query i attends to the keys 0..i only, whether attn_mask says so or not.
        returns:           outputs (queries, batch, embed) and weights (batch, queries, keys), or
            (batch, heads, queries, keys), or None.

    A query that attends to no key gets out_proj's bias, and weights of 0. Differs: PyTorch gives
    NaN when need_weights is True.

    Example:
        >>> import retroprop as rp
        >>> x = rp.zeros((5, 3, 8))
        >>> y, weights = MultiheadAttention(8, 2)(x, x, x)
        >>> y.shape, weights.shape
        ((5, 3, 8), (3, 5, 5))

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2.
    """

    always_shown = ("embed_dim", "num_heads")
    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        if num_heads < 1 or embed_dim < 1 or embed_dim % num_heads:
            raise ArgumentError(
                f"MultiheadAttention: embed_dim {embed_dim} does not split into {num_heads} heads",
                fix="make embed_dim a multiple of num_heads",
            )
        if not 0 <= dropout <= 1:
            raise ArgumentError(
                f"MultiheadAttention: dropout is {dropout}, a probability is from 0 to 1"
            )
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.dropout = dropout
        self.bias = bias
        self.add_bias_kv = add_bias_kv
        self.add_zero_attn = add_zero_attn
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.batch_first = batch_first
        self._add_weights(dtype)
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, dtype=dtype)
        self.reset_parameters()

    def _add_weights(self, dtype: Any) -> None:
        width = self.embed_dim
        shapes: dict[str, Shape] = {}
        if self.kdim == self.vdim == width:
            shapes["in_proj_weight"] = (3 * width, width)
        else:
            shapes["q_proj_weight"] = (width, width)
            shapes["k_proj_weight"] = (width, self.kdim)
            shapes["v_proj_weight"] = (width, self.vdim)
        if self.bias:
            shapes["in_proj_bias"] = (3 * width,)
        if self.add_bias_kv:
            shapes |= {"bias_k": (1, 1, width), "bias_v": (1, 1, width)}
        names = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
        for name in (*names, "in_proj_bias", "bias_k", "bias_v"):
            made = Parameter(zeros(shapes[name], dtype=dtype)) if name in shapes else None
            setattr(self, name, made)

    def reset_parameters(self) -> None:
        """Draw the parameters anew; biases of the maps are 0."""
        own: dict[str, Any] = dict(self.named_parameters(recurse=False))
        for name, value in own.items():
            if name == "in_proj_bias":
                zeros_(value)
            elif name in {"bias_k", "bias_v"}:
                xavier_normal_(value)
            else:
                xavier_uniform_(value)
        self.out_proj.reset_parameters()
        if self.out_proj.bias is not None:
            zeros_(self.out_proj.bias)

    def extra_repr(self) -> str:
        shown = super().extra_repr() + shown_dtype(self.out_proj.weight)
        for name in ("kdim", "vdim"):  # embed_dim is their default
            shown = shown.replace(f", {name}={self.embed_dim}", "")
        return shown

    def multiply_adds(self, args: tuple[Any, ...], output: Any) -> int:
        shapes = [each.shape for each in args[:3]] or [output[0].shape]
        query, key, value = (*shapes, *(shapes[-1],) * (3 - len(shapes)))
        rows, inputs = size(query[:-1]), size(key[:-1]) * self.kdim + size(value[:-1]) * self.vdim
        keys = key[1 if self.batch_first and len(key) == 3 else 0]
        keys += self.add_bias_kv + self.add_zero_attn
        pairs = 2 * rows * keys  # scores and averages; out_proj counts itself
        total: int = self.embed_dim * (rows * self.embed_dim + inputs + pairs)
        return total

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        given = tuple(map(asarray, (query, key, value)))
        self._check(*given)
        is_batched = given[0].ndim == 3
        if not is_batched:  # a batch of one, wherever its axis stands
            at = 0 if self.batch_first else 1
            given = tuple(reshape(x, (*x.shape[:at], 1, *x.shape[at:])) for x in given)
        one_source = (key is query, value is key)
        q, k, v = (self._heads(x) for x in self._extended(self._projected(given, one_source)))
        mask = self._mask(q, k, key_padding_mask, attn_mask, is_causal, is_batched)
        shown = None
        if need_weights or (self.dropout and self.training):
            weights = dropout(attention_weights(q, k, mask), self.dropout, self.training)
            y = matmul(weights, v)
            if need_weights:
                shown = mean(weights, axis=1) if average_attn_weights else weights
        else:
            y = attended(q, k, v, mask)
        y = self.out_proj(self._joined(y))
        if not is_batched:
            y = reshape(y, tuple(query.shape))
            shown = None if shown is None else reshape(shown, shown.shape[1:])
        return y, shown

    # -- maps and heads --------------------------------------------------------------------------

    def _projected(
        self, given: tuple[Tensor, ...], one_source: tuple[bool, bool]
    ) -> tuple[Tensor, ...]:
        """Query, key and value mapped; what has one source is mapped by one matrix product."""
        width = self.embed_dim
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if weight is not None and all(one_source):
            whole = linear(given[0], weight, bias)
            return split(whole, sizes=(width,) * 3, axis=-1)
        sizes = (width, 2 * width) if weight is not None and one_source[1] else (width,) * 3
        count = len(sizes)
        biases = (None,) * count if bias is None else split(bias, sizes=sizes, axis=0)
        if weight is None:
            weights: Any = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        else:
            weights = split(weight, sizes=sizes, axis=0)
        mapped = tuple(map(linear, given[:count], weights, biases))
        if count == 3:
            return mapped
        return mapped[0], *split(mapped[1], sizes=(width, width), axis=-1)

    def _extended(self, qkv: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Keys and values with the positions that are appended to them."""
        q, k, v = qkv
        axis = 1 if self.batch_first else 0
        batch = k.shape[1 - axis]
        row = (batch, 1, self.embed_dim) if self.batch_first else (1, batch, self.embed_dim)
        pairs: list[Any] = []
        if self.add_bias_kv:
            pairs.append([broadcast_to(each, row) for each in (self.bias_k, self.bias_v)])
        if self.add_zero_attn:
            pairs.append([zeros(row, dtype=k.dtype)] * 2)
        if pairs:
            k, v = (
                concatenate(x, *more, axis=axis) for x, *more in zip((k, v), *pairs, strict=True)
            )
        return q, k, v

    def _heads(self, x: Tensor) -> Tensor:
        """(time, batch, embed) as (batch, heads, time, head features)."""
        apart = reshape(x, (*x.shape[:2], self.num_heads, self.head_dim))
        order = (0, 2, 1, 3) if self.batch_first else (1, 2, 0, 3)
        return permute_dims(apart, order)

    def _joined(self, heads: Tensor) -> Tensor:
        """(batch, heads, time, head features) as (time, batch, embed)."""
        order = (0, 2, 1, 3) if self.batch_first else (2, 0, 1, 3)
        y = permute_dims(heads, order)
        return reshape(y, (*y.shape[:2], self.embed_dim))

    # -- masks and what else is given ------------------------------------------------------------

    def _mask(
        self, q: Tensor, k: Tensor, padding: Any, pairs: Any, is_causal: bool, is_batched: bool
    ) -> Tensor | None:
        """All masks as one to be added to scores (batch, heads, queries, keys)."""
        batch, heads, queries, _ = q.shape
        extra = self.add_bias_kv + self.add_zero_attn
        keys = k.shape[2] - extra
        masks = []
        if pairs is not None:
            mask = additive_mask(pairs, q.dtype, means=False)
            _expect("attn_mask", mask, (queries, keys), (batch * heads, queries, keys))
            if mask.ndim == 3:
                mask = reshape(mask, (batch, heads, queries, keys))
            masks.append(mask)
        if padding is not None:
            mask = additive_mask(padding, q.dtype, means=False)
            _expect("key_padding_mask", mask, (batch, keys) if is_batched else (keys,))
            masks.append(reshape(mask, (batch, 1, 1, keys)))
        if is_causal:
            masks.append(causal_mask(queries, keys, q.dtype))
        if not masks:
            return None
        whole = masks[0]
        for mask in masks[1:]:
            whole = whole + mask
        widths = ((0, 0),) * (whole.ndim - 1) + ((0, extra),)
        return pad(whole, widths=widths) if extra else whole

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        axes = "batch, time" if self.batch_first else "time, batch"
        for name, x, option in (
            ("query", query, "embed_dim"),
            ("key", key, "kdim"),
            ("value", value, "vdim"),
        ):
            wanted, is_ranked = getattr(self, option), x.ndim == query.ndim in {2, 3}
            if not is_ranked or x.shape[-1] != wanted:
                raise ShapeError(
                    f"MultiheadAttention expects {name} ({axes}, {wanted} features), or all three "
                    f"without batch; got {x.shape}",
                    fix=f"make it with {option}={x.shape[-1]}" if is_ranked else None,
                )
        if query.ndim == 2:
            agree = key.shape[0] == value.shape[0]
        else:
            at = 0 if self.batch_first else 1
            agree = key.shape[:2] == value.shape[:2] and key.shape[at] == query.shape[at]
        if not agree:
            turned = query.ndim == 3 and query.shape[1 - at] == key.shape[1 - at]
            raise ShapeError(
                f"MultiheadAttention: query {query.shape}, key {key.shape} and value {value.shape} "
                f"do not agree as ({axes}, features)",
                fix=f"if axis {1 - at} is the batch, make it with "
                f"batch_first={not self.batch_first}"
                if turned
                else "key and value need the same positions, and all three the same batch",
            )


def _expect(name: str, mask: Tensor, *wanted: Shape) -> None:
    if mask.shape not in wanted:
        shapes = " or ".join(map(str, wanted))
        raise ShapeError(
            f"MultiheadAttention: {name} must be {shapes}, it is {mask.shape}",
            fix="transpose it" if mask.shape[::-1] in wanted else None,
        )

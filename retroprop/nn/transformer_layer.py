"""The layers of transformers: attention, then a small network for each position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retroprop.array.creation import asarray, check_device
from retroprop.core.tensor import Tensor
from retroprop.errors import unknown
from retroprop.nn.attention import MultiheadAttention
from retroprop.nn.dropout import Dropout
from retroprop.nn.functional.activation import relu
from retroprop.nn.functional.activation_smooth import gelu
from retroprop.nn.linear import Linear
from retroprop.nn.module import Module
from retroprop.nn.norm import LayerNorm

__all__ = ["TransformerDecoderLayer", "TransformerEncoderLayer"]

Activation = str | Callable[[Any], Any]
_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": relu, "gelu": gelu}


class _Layer(Module):
    """What encoder and decoder layers have in common: blocks that add to what passes through."""

    norm_first: bool
    linear1: Linear
    dropout: Dropout
    linear2: Linear
    activation: Callable[[Any], Any]

    def _add_feedforward(
        self, d_model: int, width: int, dropout: float, activation: Activation, **options: Any
    ) -> None:
        if isinstance(activation, str) and activation not in _ACTIVATIONS:
            raise unknown("activation", activation, _ACTIVATIONS)
        self.linear1 = Linear(d_model, width, **options)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(width, d_model, **options)
        self.activation = _ACTIVATIONS[activation] if isinstance(activation, str) else activation

    def _added(self, x: Tensor, number: int, block: Callable[[Tensor], Tensor]) -> Tensor:
        """x plus a block of it, with norm and dropout of that number around."""
        norm, dropout = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
        if self.norm_first:
            return x + dropout(block(norm(x)))
        return norm(x + dropout(block(x)))

    def _feedforward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return y

    def extra_repr(self) -> str:
        return "norm_first=True" if self.norm_first else ""


class TransformerEncoderLayer(_Layer):
    """Self-attention, then a network of two linear layers for each position; both add to x.

        x = norm1(x + self_attn(x))        norm_first: x = x + self_attn(norm1(x))
        x = norm2(x + network(x))                      x = x + network(norm2(x))

    Args:
        d_model:         features of input and output.
        nhead:           heads of the attention.
        dim_feedforward: features between the two linear layers.
        dropout:         probability, in training, for weights of the attention, for features
                         between the linear layers, and for what is added to x.
        activation:      between the linear layers: "relu", "gelu" or a function of a tensor.
        layer_norm_eps:  eps of the norms.
        batch_first:     whether inputs are (batch, time, features), not (time, batch, features).
        norm_first:      norms before attention and network instead of after the sums.
        bias:            False leaves the biases of all maps and norms out.
        device:          "cpu"; accepted because programs for PyTorch give one.
        dtype:           of the parameters; float32 by default.

    Shape:
        src:                  (time, batch, d_model), or (time, d_model).
        src_mask:             (time, time) or (batch * heads, time, time), as `MultiheadAttention`'s
                              attn_mask: bool, True where not to attend; or floating, added.
        src_key_padding_mask: (batch, time), True where src is padding.
        is_causal:            position i attends to 0..i only.
        returns:              the shape of src.

    Example:
        >>> import retroprop as rp
        >>> TransformerEncoderLayer(8, 2)(rp.zeros((5, 3, 8))).shape
        (5, 3, 8)

    Source: Vaswani et al. 2017, arXiv:1706.03762; norm_first: Xiong et al. 2020, arXiv:2002.04745.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        options = {"bias": bias, "dtype": dtype}
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, batch_first=batch_first, **options
        )
        self._add_feedforward(d_model, dim_feedforward, dropout, activation, **options)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, **options)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, **options)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)

    def forward(
        self,
        src: Any,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Tensor:
        masks = (src_key_padding_mask, False, src_mask, True, is_causal)
        x = self._added(asarray(src), 1, lambda x: self.self_attn(x, x, x, *masks)[0])
        return self._added(x, 2, self._feedforward)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to a memory, then a network for each position; all add to x.

        x = norm1(x + self_attn(x))                norm_first: x = x + self_attn(norm1(x))
        x = norm2(x + multihead_attn(x, memory))               ...
        x = norm3(x + network(x))

    `TransformerEncoderLayer` documents the arguments.

    Shape:
        tgt, memory: (time, batch, d_model) each, or both without the batch axis; times may differ.
        tgt_mask, memory_mask: (tgt time, tgt time) and (tgt time, memory time), or with batch *
            heads in front, as `MultiheadAttention`'s attn_mask.
        tgt_key_padding_mask, memory_key_padding_mask: (batch, time), True where it is padding.
        tgt_is_causal, memory_is_causal: position i attends to 0..i only.
        returns: the shape of tgt.

    Example:
        >>> import retroprop as rp
        >>> layer = TransformerDecoderLayer(8, 2)
        >>> layer(rp.zeros((5, 3, 8)), rp.zeros((7, 3, 8)), tgt_is_causal=True).shape
        (5, 3, 8)

    Source: Vaswani et al. 2017, arXiv:1706.03762.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        options = {"bias": bias, "dtype": dtype}
        heads = {"dropout": dropout, "batch_first": batch_first, **options}
        self.self_attn = MultiheadAttention(d_model, nhead, **heads)
        self.multihead_attn = MultiheadAttention(d_model, nhead, **heads)
        self._add_feedforward(d_model, dim_feedforward, dropout, activation, **options)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, **options)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, **options)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, **options)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        own = (tgt_key_padding_mask, False, tgt_mask, True, tgt_is_causal)
        other = (memory_key_padding_mask, False, memory_mask, True, memory_is_causal)
        memory = asarray(memory)
        x = self._added(asarray(tgt), 1, lambda x: self.self_attn(x, x, x, *own)[0])
        x = self._added(x, 2, lambda x: self.multihead_attn(x, memory, memory, *other)[0])
        return self._added(x, 3, self._feedforward)

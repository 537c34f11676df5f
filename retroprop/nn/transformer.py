"""Transformers: stacks of encoder and decoder layers, and both together."""

from __future__ import annotations

import copy
from typing import Any

from retroprop import dtypes
from retroprop.array.creation import asarray, check_device
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.containers import ModuleList
from retroprop.nn.fill import xavier_uniform_
from retroprop.nn.functional.activation import relu
from retroprop.nn.functional.attention import causal_mask
from retroprop.nn.module import Module
from retroprop.nn.norm import LayerNorm
from retroprop.nn.transformer_layer import (
    Activation,
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)

__all__ = ["Transformer", "TransformerDecoder", "TransformerEncoder"]


class TransformerEncoder(Module):
    """Encoder layers one after the other, and a norm at the end if one is given.

    Args:
        encoder_layer:        the layer; it is copied, so all start with the same weights.
        num_layers:           how many.
        norm:                 a module for the end, or None.
        enable_nested_tensor: accepted as in PyTorch; it makes no difference.
        mask_check:           likewise.

    Shape: `TransformerEncoderLayer` has them; `mask` is its src_mask.

    Example:
        >>> import retroprop as rp
        >>> TransformerEncoder(TransformerEncoderLayer(8, 2, 16), 3)(rp.zeros((5, 3, 8))).shape
        (5, 3, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        src: Any,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        x = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(Module):
    """Decoder layers one after the other, and a norm at the end if one is given.

    Args:
        decoder_layer: the layer; it is copied, so all start with the same weights.
        num_layers:    how many.
        norm:          a module for the end, or None.

    Shape: `TransformerDecoderLayer` has them.

    Example:
        >>> import retroprop as rp
        >>> decoder = TransformerDecoder(TransformerDecoderLayer(8, 2, 16), 3)
        >>> decoder(rp.zeros((5, 3, 8)), rp.zeros((7, 3, 8))).shape
        (5, 3, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        x = tgt
        for layer in self.layers:
            x = layer(x, memory, *masks, bool(tgt_is_causal), memory_is_causal)
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """An encoder for a source and a decoder for a target that attends to what it encoded.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
        norm_first, bias, dtype: as in `TransformerEncoderLayer`.
        num_encoder_layers: layers of the encoder.
        num_decoder_layers: layers of the decoder.
        custom_encoder:     a module in place of the encoder.
        custom_decoder:     a module in place of the decoder.

    All matrices start as `init.xavier_uniform_` draws them.

    Shape: src (source time, batch, d_model), tgt (target time, batch, d_model), or both without the
    batch axis -> the shape of tgt. Masks are those of the layers; memory_mask is (target time,
    source time).

    Example:
        >>> import retroprop as rp
        >>> model = Transformer(8, 2, 1, 1, 16)
        >>> mask = model.generate_square_subsequent_mask(5)
        >>> model(rp.zeros((7, 3, 8)), rp.zeros((5, 3, 8)), tgt_mask=mask).shape
        (5, 3, 8)

    Source: Vaswani et al. 2017, arXiv:1706.03762. Differs, as in PyTorch: embeddings and positions
        are added outside, and encoder and decoder end with a norm.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
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
        sizes: Any = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        shared: Any = (*sizes, batch_first, norm_first, bias)
        norm: Any = {"eps": layer_norm_eps, "bias": bias, "dtype": dtype}
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*shared, dtype=dtype),
            num_encoder_layers,
            LayerNorm(d_model, **norm),
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*shared, dtype=dtype),
            num_decoder_layers,
            LayerNorm(d_model, **norm),
        )
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all matrices anew."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                xavier_uniform_(parameter)

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        src, tgt = asarray(src), asarray(tgt)
        self._check(src.shape, tgt.shape)
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask,
            memory_mask,
            tgt_key_padding_mask,
            memory_key_padding_mask,
            tgt_is_causal,
            memory_is_causal,
        )

    def _check(self, src: tuple[int, ...], tgt: tuple[int, ...]) -> None:
        axes = "batch, time" if self.batch_first else "time, batch"
        for name, shape in (("src", src), ("tgt", tgt)):
            if len(shape) not in {2, 3} or shape[-1] != self.d_model:
                raise ShapeError(
                    f"Transformer expects {name} ({axes}, {self.d_model} features), got {shape}",
                    fix="map it to d_model features first: nn.Embedding, or nn.Linear",
                )
        at = 0 if self.batch_first else 1
        if len(src) != len(tgt) or (len(src) == 3 and src[at] != tgt[at]):
            turned = len(src) == len(tgt) == 3 and src[1 - at] == tgt[1 - at]
            flag = not self.batch_first
            raise ShapeError(
                f"Transformer: src {src} and tgt {tgt} do not agree as ({axes}, features)",
                fix=f"if axis {1 - at} is the batch, make it with batch_first={flag}"
                if turned
                else "both need the same batch",
            )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, dtype: Any = None) -> Tensor:
        """The mask that hides what comes later: 0 where column <= row, -inf elsewhere, (sz, sz).

        Example:
            >>> Transformer.generate_square_subsequent_mask(2).tolist()
            [[0.0, -inf], [0.0, 0.0]]
        """
        kind = dtypes.default_float if dtype is None else dtypes.canonical(dtype)
        return causal_mask(sz, sz, kind).detach()  # a cell of its own: the mask is kept for later


def _copies(layer: Module, count: int) -> ModuleList:
    if count < 1:
        raise ArgumentError(f"num_layers must be at least 1, it is {count}")
    return ModuleList(copy.deepcopy(layer) for _ in range(count))

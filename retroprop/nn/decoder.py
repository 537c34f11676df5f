"""A decoder of transformer layers as a language model, with a cache of keys and values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from retroprop import dtypes
from retroprop.array.creation import arange, asarray, zeros
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, IndexRangeError, ShapeError, unknown
from retroprop.nn.containers import ModuleList
from retroprop.nn.dropout import Dropout
from retroprop.nn.functional import activation, activation_smooth
from retroprop.nn.functional._checks import is_known
from retroprop.nn.functional.attention import scaled_dot_product_attention
from retroprop.nn.language import LanguageModel, check_sizes, table
from retroprop.nn.linear import Linear
from retroprop.nn.module import Module
from retroprop.nn.norm import LayerNorm, RMSNorm
from retroprop.nn.positional import RotaryEmbedding, turned
from retroprop.ops.arithmetic import where
from retroprop.ops.exponential import exp
from retroprop.ops.indexing import put, take
from retroprop.ops.linalg import matmul
from retroprop.ops.movement import permute_dims, reshape, split, take_slice
from retroprop.ops.reduction import max, sum

__all__ = ["Cache", "TransformerLM"]

_ACTIVATIONS: dict[str, Callable[[Any], Tensor]] = {
    "gelu": activation_smooth.gelu,
    "relu": activation.relu,
    "silu": activation_smooth.silu,
    "swiglu": activation_smooth.swiglu,
}
_NORMS = {"layer": LayerNorm, "rms": RMSNorm}
_POSITIONS = ("learned", "rotary")


class Cache(NamedTuple):
    """The state of a `TransformerLM`: what attention has to remember of the tokens before.

    Attributes:
        keys, values: for each layer (batch, kv_heads, length, features).
        position:     how many tokens were read, an integer.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    position: Tensor


class _Here(NamedTuple):
    """What all layers need to know about where the tokens stand.

    Attributes:
        turn:   cos and sin of the angles of queries and keys, (time, features / 2), or None.
        places: (time,), where keys and values go in the cache, or None without one.
        mask:   (time, length), added to the scores: 0 for what is there already, else -inf.
    """

    turn: tuple[Tensor, Tensor] | None
    places: Tensor | None = None
    mask: Tensor | None = None


class _Block(Module):
    """A layer: x + attention(norm(x)), then x + network(norm(x))."""

    def __init__(
        self, width: int, heads: int, kv_heads: int, inner: int, norm: str, activation: str,
        dropout: float, bias: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.heads, self.kv_heads, self.features = heads, kv_heads, width // heads
        self.dropout_p, self.activation = dropout, _ACTIVATIONS[activation]
        self.norm1, self.norm2 = _norm(norm, width, bias), _norm(norm, width, bias)
        self.attention = Linear(width, (heads + 2 * kv_heads) * self.features, bias)
        self.projection = Linear(width, width, bias)
        self.linear1 = Linear(width, inner * (1 + (activation == "swiglu")), bias)
        self.linear2 = Linear(inner, width, bias)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, here: _Here, past: Any = None) -> tuple[Tensor, Any]:
        q, k, v = self._heads(self.norm1(x), here)
        if past is None:
            drop = self.dropout_p if self.training else 0.0
            y = scaled_dot_product_attention(q, k, v, None, drop, True, enable_gqa=True)
        else:
            keys, values = past
            k, v = put(keys, here.places, k, axis=2), put(values, here.places, v, axis=2)
            y = _remembered(q, k, v, here.mask)
        x = x + self.dropout(self.projection(reshape(permute_dims(y, (0, 2, 1, 3)), x.shape)))
        inner = self.activation(self.linear1(self.norm2(x)))
        return x + self.dropout(self.linear2(inner)), (k, v)

    def _heads(self, x: Tensor, here: _Here) -> list[Tensor]:
        """Queries, keys and values: (batch, heads or kv_heads, time, features)."""
        batch, time, _ = x.shape
        shape = (batch, time, self.heads + 2 * self.kv_heads, self.features)
        joined = permute_dims(reshape(self.attention(x), shape), (0, 2, 1, 3))
        q, k, v = split(joined, sizes=(self.heads, self.kv_heads, self.kv_heads), axis=1)
        if here.turn is not None:
            q, k = turned(q, *here.turn), turned(k, *here.turn)
        return [q, k, v]


class TransformerLM(LanguageModel):
    """A decoder: layers of causal attention, with norms before each part and one at the end.

    Args:
        tokens:       how many different ones there are.
        width:        features of a token.
        heads:        of the attention.
        layers:       how many.
        length:       the most tokens of a text.
        feedforward:  features inside each layer's network; 4 * width by default.
        kv_heads:     heads of keys and values, each for a group of heads; `heads` by default.
        norm:         "layer" or "rms".
        activation:   of the network: "gelu", "relu", "silu" or "swiglu".
        positions:    "learned" adds a trained vector, "rotary" turns queries and keys.
        dropout:      probability, in training, for embeddings, weights of the attention, and what
                      is added to x.
        tie_weights:  whether the table of embeddings makes the logits too.
        bias:         False leaves the biases of linear maps and norms out.

    Shape: integers (batch, time) -> logits of the token after each, (batch, time, tokens).

    Raises:
        ArgumentError: sizes that do not fit, an unknown word.
        ShapeError:    "TransformerLM: 600 tokens, it was made for 512".

    Example:
        >>> import retroprop as rp
        >>> model = TransformerLM(96, 32, heads=4, layers=2, length=64)
        >>> model(rp.zeros((3, 10), dtype=rp.int64)).shape
        (3, 10, 96)
        >>> logits, state = model.step(rp.asarray([5, 7, 9]), model.start(3, 20))
        >>> logits.shape, state.position.item(), state.keys[0].shape
        ((3, 96), 1, (3, 4, 20, 8))

    Source: Vaswani et al. 2017, arXiv:1706.03762; norms before: Xiong et al. 2020,
        arXiv:2002.04745; first embeddings: Radford et al. 2019; heads that share: Ainslie et al.
        2023, arXiv:2305.13245; rotary: Su et al. 2021, arXiv:2104.09864.
    """

    def __init__(
        self,
        tokens: int,
        width: int,
        heads: int,
        layers: int,
        length: int,
        *,
        feedforward: int | None = None,
        kv_heads: int | None = None,
        norm: str = "layer",
        activation: str = "gelu",
        positions: str = "learned",
        dropout: float = 0.0,
        tie_weights: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        kv_heads = heads if kv_heads is None else kv_heads
        check_sizes(tokens=tokens, width=width, heads=heads, layers=layers, length=length)
        _check_heads(width, heads, kv_heads, positions)
        for word, given, known in (
            ("norm", norm, _NORMS),
            ("activation", activation, _ACTIVATIONS),
            ("kind of positions", positions, _POSITIONS),
        ):
            if given not in known:
                raise unknown(word, given, known)
        self.tokens, self.width, self.length = tokens, width, length
        self.embedding = table(tokens, width)
        learned = positions == "learned"
        self.positions = table(length, width) if learned else None
        self.rotary = None if learned else RotaryEmbedding(width // heads, length)
        self.dropout = Dropout(dropout)
        inner = 4 * width if feedforward is None else feedforward
        options = (width, heads, kv_heads, inner, norm, activation, dropout, bias)
        self.layers = ModuleList(_Block(*options) for _ in range(layers))
        self.norm = _norm(norm, width, bias)
        self.output = None if tie_weights else Linear(width, tokens, bias=False)

    def forward(self, tokens: Any) -> Tensor:
        read = self._read(tokens, ("batch", "time"))
        time = read.shape[1]
        if time > self.length:
            raise ShapeError(
                f"TransformerLM: {time} tokens, it was made for {self.length}",
                fix=f"make it with length={time}, or give it the last {self.length} tokens",
            )
        x = self.embedding(read)
        if self.positions is not None:
            x = x + take_slice(self.positions.weight, key=(slice(0, time),))
        here = _Here(self._turn(lambda table: take_slice(table, key=(slice(0, time),))))
        x = self.dropout(x)
        for layer in self.layers:
            x, _ = layer(x, here)
        return self._project(self.norm(x))

    def start(self, batch: int, length: int | None = None) -> Cache:
        """The state before the first token.

        Args:
            batch:  number of texts.
            length: the most tokens that will be read, at most (and by default) the model's.

        Raises:
            ArgumentError: the model was made for fewer tokens.
        """
        length = self.length if length is None else length
        if not 0 < length <= self.length:
            raise ArgumentError(
                f"TransformerLM: a cache for {length} tokens, it was made for 1 to {self.length}"
            )
        layer = self.layers[0]
        shape = (batch, layer.kv_heads, length, layer.features)
        dtype = self.embedding.weight.dtype
        keys, values = (tuple(zeros(shape, dtype=dtype) for _ in self.layers) for _ in "kv")
        return Cache(keys, values, asarray(0, dtype=dtypes.int64))

    def step(self, tokens: Any, state: Cache) -> tuple[Tensor, Cache]:
        """Read one more token of each text.

        Args:
            tokens: (batch,) integers.
            state:  from `start`, or the last call; it stays as it is.

        Returns:
            Logits of the next token (batch, tokens), and the new state.

        Raises:
            IndexRangeError: the cache is full.
        """
        read = self._read(tokens, ("batch",))
        return self._extended(reshape(read, (read.shape[0], 1)), state)

    def prefill(self, tokens: Any, state: Cache) -> tuple[Tensor, Cache]:
        """Read more tokens of each text, as `step` would one after the other.

        Args:
            tokens: (batch, time) integers.

        Returns:
            Logits of the token after the last one (batch, tokens), and the new state.
        """
        return self._extended(self._read(tokens, ("batch", "time")), state)

    def _extended(self, tokens: Tensor, state: Cache) -> tuple[Tensor, Cache]:
        (batch, time), length = tokens.shape, state.keys[0].shape[2]
        _check_room(state, batch, time, length)
        places = state.position + arange(time)
        # Before anything is written all places are looked up once. Nothing can fail later, so a
        # compiled step writes keys and values where they lie.
        seen = take(arange(length), places, axis=0)
        later = arange(length) > reshape(seen, (time, 1))
        x = self.embedding(tokens)
        mask = where(later, Tensor(-math.inf, x.dtype), 0.0)
        if self.positions is not None:
            x = x + self.positions(places)
        here = _Here(self._turn(lambda table: take(table, places, axis=0)), places, mask)
        x = self.dropout(x)
        pasts = []
        for layer, *past in zip(self.layers, state.keys, state.values, strict=True):
            x, new = layer(x, here, past)
            pasts.append(new)
        last = self.norm(reshape(take_slice(x, key=(slice(None), -1)), (batch, self.width)))
        keys, values = zip(*pasts, strict=True)
        return self._project(last), Cache(keys, values, state.position + time)

    def _turn(self, rows: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor] | None:
        """Some rows of the tables of angles."""
        return None if self.rotary is None else (rows(self.rotary.cos), rows(self.rotary.sin))


def _norm(kind: str, width: int, bias: bool) -> Module:
    return RMSNorm(width, 1e-5) if kind == "rms" else LayerNorm(width, bias=bias)


def _remembered(q: Tensor, keys: Tensor, values: Tensor, mask: Any) -> Tensor:
    """Attention to what is in the cache.

    For a single query it is written out: `attend` first brings all keys into another order, which
    takes longer than to read them once.
    """
    batch, heads, time, features = q.shape
    if time > 1:
        return scaled_dot_product_attention(q, keys, values, mask, enable_gqa=True)
    shared, length = keys.shape[1:3]
    q = reshape(q * (1 / math.sqrt(features)), (batch, shared, heads // shared, 1, features))
    scores = sum(q * reshape(keys, (batch, shared, 1, length, features)), axis=-1) + mask
    raised = exp(scores - max(scores, axis=-1, keepdims=True))
    y: Tensor = matmul(raised, values) / sum(raised, axis=-1, keepdims=True)
    return reshape(y, (batch, heads, 1, features))


def _check_heads(width: int, heads: int, kv_heads: int, positions: str) -> None:
    if width % heads:
        raise ArgumentError(
            f"TransformerLM: {width} features do not split into {heads} heads",
            fix=f"make the width a multiple of {heads}, such as {-(-width // heads) * heads}",
        )
    if kv_heads < 1 or heads % kv_heads:
        raise ArgumentError(
            f"TransformerLM: {heads} heads cannot share {kv_heads} heads of keys and values",
            fix="heads must be a multiple of kv_heads",
        )
    if positions == "rotary" and width // heads % 2:
        raise ArgumentError(
            f"TransformerLM: heads of {width // heads} features do not make pairs to turn",
            fix='use positions="learned", or heads of an even number of features',
        )


def _check_room(state: Cache, batch: int, time: int, length: int) -> None:
    if state.keys[0].shape[0] != batch:
        raise ShapeError(
            f"TransformerLM: {batch} texts, the state is for {state.keys[0].shape[0]}",
            fix=f"make it with start({batch})",
        )
    if is_known(state.position) and state.position.item() + time > length:
        raise IndexRangeError(
            f"TransformerLM: the cache holds {length} tokens, {state.position.item()} were read "
            f"and {time} come now",
            fix="make a longer one: start(batch, length)",
        )

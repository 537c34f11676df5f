"""Networks that translate: a transformer, or recurrent layers with attention.

Both read a source sentence once (`encode`) and then say, sub-word by sub-word, what follows a
beginning of the target: all at once in training (`forward`), one at a time otherwise (`step`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import retroprop as rp
from retroprop import dtypes, nn
from retroprop.data.subwords import PAD
from retroprop.errors import ArgumentError
from retroprop.nn import functional as F

__all__ = ["Recurrent", "Transformer", "translation_loss"]

State = tuple[rp.Tensor, ...]


def translation_loss(prediction: Any, target: Any, label_smoothing: float = 0.0) -> rp.Tensor:
    """Cross-entropy of the sub-words that follow; padding counts nothing.

    Args:
        prediction: (rows, time, tokens) logits.
        target:     (rows, time) integers, `PAD` where nothing follows.
        label_smoothing: share of the target that is spread over all tokens.

    Example:
        >>> logits = rp.zeros((1, 2, 4))
        >>> round(translation_loss(logits, rp.asarray([[3, 0]])).item(), 4)
        1.3863
    """
    logits = rp.reshape(prediction, (-1, prediction.shape[-1]))
    return F.cross_entropy(
        logits, rp.reshape(target, (-1,)), ignore_index=PAD, label_smoothing=label_smoothing,
        check_logits=False,
    )  # fmt: skip


class _Translator(nn.Module):
    """What both have in common: one table of sub-words for sources, targets and logits."""

    def __init__(self, tokens: int, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(tokens, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.bias = nn.Parameter(rp.zeros((tokens,)))
        self.dropout = nn.Dropout(dropout)

    def _logits(self, x: rp.Tensor) -> rp.Tensor:
        return F.linear(x, self.embedding.weight, self.bias)

    def _embedded(self, tokens: Any) -> rp.Tensor:
        return self.embedding(tokens) * math.sqrt(self.width)


# -- the transformer -------------------------------------------------------------------------------


class _Attention(nn.Module):
    """Attention of several heads whose keys and values can be kept."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.memory = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        for layer in (self.query, self.memory, self.out):
            nn.init.xavier_uniform_(layer.weight)

    def _heads(self, x: rp.Tensor, count: int) -> rp.Tensor:
        """(rows, time, features) as (rows, count, time, features of a head)."""
        apart = rp.reshape(x, (*x.shape[:2], count, x.shape[2] // count))
        return rp.permute_dims(apart, (0, 2, 1, 3))

    def remember(self, memory: rp.Tensor) -> State:
        """Keys and values of what is attended to: (rows, heads, time, features)."""
        both = self._heads(self.memory(memory), 2 * self.heads)
        return both[:, : self.heads], both[:, self.heads :]

    def forward(
        self, x: rp.Tensor, keys: rp.Tensor, values: rp.Tensor, mask: rp.Tensor
    ) -> rp.Tensor:
        y = F.scaled_dot_product_attention(
            self._heads(self.query(x), self.heads), keys, values, mask
        )
        return self.out(rp.reshape(rp.permute_dims(y, (0, 2, 1, 3)), x.shape))

    def weights(self, x: rp.Tensor, keys: rp.Tensor, mask: rp.Tensor) -> rp.Tensor:
        """How much each position attends to each key, the mean over heads: (rows, time, keys)."""
        q = self._heads(self.query(x), self.heads)
        scores = q @ rp.permute_dims(keys, (0, 1, 3, 2)) / math.sqrt(q.shape[-1])
        weights = F.softmax(rp.where(mask, scores, -1e9), -1)
        return rp.sum(weights, axis=1) / self.heads


class _Layer(nn.Module):
    """Attention to itself, in a decoder to the source too, then a network; norms come first."""

    def __init__(
        self, width: int, heads: int, inner: int, dropout: float, *, decodes: bool
    ) -> None:
        super().__init__()
        self.norm1, self.own = nn.LayerNorm(width), _Attention(width, heads)
        self.decodes = decodes
        if decodes:
            self.norm2, self.cross = nn.LayerNorm(width), _Attention(width, heads)
        self.norm3 = nn.LayerNorm(width)
        self.linear1, self.linear2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def looked(
        self, x: rp.Tensor, keys: rp.Tensor, values: rp.Tensor, mask: rp.Tensor
    ) -> rp.Tensor:
        """With what it saw of its own text."""
        return x + self.dropout(self.own(self.norm1(x), keys, values, mask))

    def crossed(
        self, x: rp.Tensor, keys: rp.Tensor, values: rp.Tensor, mask: rp.Tensor
    ) -> rp.Tensor:
        """With what it saw of the source."""
        return x + self.dropout(self.cross(self.norm2(x), keys, values, mask))

    def thought(self, x: rp.Tensor) -> rp.Tensor:
        """Through the network."""
        inner = self.dropout(F.relu(self.linear1(self.norm3(x))))
        return x + self.dropout(self.linear2(inner))


class Transformer(_Translator):
    """An encoder and a decoder of attention layers with norms before each part.

    Args:
        tokens:  sub-words.
        width:   features of a sub-word.
        heads:   of each attention.
        layers:  of the encoder, and of the decoder.
        inner:   features inside the networks of the layers.
        longest: the most sub-words of a text, EOS included.
        dropout: probability, in training.

    Shape: integers (rows, time) by name, as `pack.packed` gives -> logits (rows, time, tokens).

    Raises:
        ArgumentError: width is no multiple of heads.

    Example:
        >>> from retroprop.tasks.translation.pack import packed
        >>> x, _ = packed([([5, 6], [7]), ([8], [9])], 6)
        >>> Transformer(12, 8, 2, 1, 16, 6)(**{name: rp.asarray(v) for name, v in x.items()}).shape
        (1, 6, 12)

    Source: Vaswani et al. 2017, arXiv:1706.03762; norms before: Xiong et al. 2020,
        arXiv:2002.04745; one table: Press, Wolf 2017, arXiv:1608.05859; texts that share a row:
        Krell et al. 2021, arXiv:2107.02027.
    """

    def __init__(
        self, tokens: int, width: int, heads: int, layers: int, inner: int, longest: int,
        dropout: float = 0.1,
    ) -> None:  # fmt: skip
        if width % heads:
            raise ArgumentError(
                f"width={width} does not split into heads={heads}",
                fix="make width a multiple of heads",
            )
        super().__init__(tokens, width, dropout)
        self.positions = nn.PositionalEncoding(width, max_len=longest)
        sizes = (width, heads, inner, dropout)
        self.encoder = nn.ModuleList(_Layer(*sizes, decodes=False) for _ in range(layers))
        self.decoder = nn.ModuleList(_Layer(*sizes, decodes=True) for _ in range(layers))
        self.norm_source, self.norm_target = nn.LayerNorm(width), nn.LayerNorm(width)

    def _begun(self, tokens: Any, places: Any) -> rp.Tensor:
        return self.dropout(self._embedded(tokens) + F.embedding(places, self.positions.pe))

    def _encoded(self, tokens: Any, texts: Any, places: Any) -> rp.Tensor:
        x, mask = self._begun(tokens, places), _same(texts, texts)
        for layer in self.encoder:
            x = layer.looked(x, *layer.own.remember(layer.norm1(x)), mask)
            x = layer.thought(x)
        return self.norm_source(x)

    def forward(self, **batch: Any) -> rp.Tensor:
        memory = self._encoded(batch["source"], batch["source_text"], batch["source_at"])
        return self._logits(self._decoded(batch, memory)[0])

    def _decoded(self, batch: dict[str, Any], memory: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
        """What the decoder makes of all beginnings of the targets, and before its last look."""
        x = self._begun(batch["target"], batch["target_at"])
        own = _same(batch["target_text"], batch["target_text"]) & _earlier(x.shape[1])
        other = _same(batch["target_text"], batch["source_text"])
        for layer in self.decoder:
            before = layer.looked(x, *layer.own.remember(layer.norm1(x)), own)
            x = layer.crossed(before, *layer.cross.remember(memory), other)
            x = layer.thought(x)
        return self.norm_target(x), before

    # -- sub-word by sub-word --------------------------------------------------------------------

    def encode(self, source: Any) -> State:
        """What steps need to know of sources (rows, time): keys and values, a mask."""
        there = rp.not_equal(source, PAD)
        places = rp.broadcast_to(rp.arange(source.shape[1]), source.shape)
        memory = self._encoded(source, rp.astype(there, dtypes.int32), places)
        kept = [part for layer in self.decoder for part in layer.cross.remember(memory)]
        return (*kept, rp.reshape(there, (there.shape[0], 1, 1, -1)))

    def start(self, memory: State, room: int) -> State:
        """The state before the first sub-word: no keys and values."""
        rows, heads, _, features = memory[0].shape
        return (rp.zeros((rows, heads, room, features)),) * (2 * len(self.decoder))

    def step(self, tokens: Any, at: Any, memory: State, state: State) -> tuple[rp.Tensor, State]:
        """Read a sub-word each, (rows,), at a place -> logits (rows, tokens) and the state."""
        rows = tokens.shape[0]
        places = rp.broadcast_to(at, (rows, 1))
        x = self._begun(rp.reshape(tokens, (-1, 1)), places)
        times = rp.reshape(rp.arange(state[0].shape[2]), (1, 1, -1, 1))
        here, mask = rp.equal(times, at), rp.reshape(rp.less_equal(times, at), (1, 1, 1, -1))
        after: list[rp.Tensor] = []
        for number, layer in enumerate(self.decoder):
            pair = slice(2 * number, 2 * number + 2)
            new = layer.own.remember(layer.norm1(x))
            kept = [rp.where(here, n, old) for n, old in zip(new, state[pair], strict=True)]
            x = layer.looked(x, *kept, mask)
            x = layer.crossed(x, *memory[pair], memory[-1])
            x = layer.thought(x)
            after += kept
        return self._logits(self.norm_target(x)[:, 0]), tuple(after)

    def attention(self, **batch: Any) -> rp.Tensor:
        """How much the last layer attends to the source: (rows, target time, source time)."""
        memory = self._encoded(batch["source"], batch["source_text"], batch["source_at"])
        _, before = self._decoded(batch, memory)
        layer = self.decoder[-1]
        keys, _ = layer.cross.remember(memory)
        other = _same(batch["target_text"], batch["source_text"])
        return layer.cross.weights(layer.norm2(before), keys, other)


def _same(queries: Any, keys: Any) -> rp.Tensor:
    """Which positions belong to the same text: (rows, 1, queries, keys)."""
    rows = queries.shape[0]
    return rp.equal(rp.reshape(queries, (rows, 1, -1, 1)), rp.reshape(keys, (rows, 1, 1, -1)))


def _earlier(time: int) -> rp.Tensor:
    """Which positions come no later: (time, time)."""
    return rp.asarray(np.tri(time, dtype=bool))


# -- recurrent layers ------------------------------------------------------------------------------


class Recurrent(_Translator):
    """A GRU that reads the source both ways, one that writes the target and attends to the source.

        h_t = gru(target_t)        a_t = softmax(h_t W memory)        context_t = a_t memory
        logits_t = embedding tanh(W' [h_t, context_t])

    Args:
        tokens:  sub-words.
        width:   features of a sub-word and of the states.
        layers:  of each GRU.
        dropout: probability, in training.

    Shape: integers (rows, time) by name, one text each row -> logits (rows, time, tokens).

    Example:
        >>> from retroprop.tasks.translation.pack import packed
        >>> x, _ = packed([([5, 6], [7])], 6, alone=True)
        >>> Recurrent(12, 8, 1)(**{name: rp.asarray(v) for name, v in x.items()}).shape
        (1, 6, 12)

    Source: Luong, Pham, Manning 2015, arXiv:1508.04025 ("general" scores, without feeding the
        context back); Cho et al. 2014, arXiv:1406.1078.
    """

    def __init__(self, tokens: int, width: int, layers: int, dropout: float = 0.1) -> None:
        super().__init__(tokens, width, dropout)
        self.layers = layers
        inside = dropout if layers > 1 else 0.0
        self.reader = nn.GRU(
            width, width // 2, layers, batch_first=True, dropout=inside, bidirectional=True
        )
        self.writer = nn.GRU(width, width, layers, batch_first=True, dropout=inside)
        self.key = nn.Linear(2 * (width // 2), width, bias=False)
        self.bridge = nn.Linear(2 * (width // 2), width)
        self.joined = nn.Linear(width + 2 * (width // 2), width)

    def _in(self, tokens: Any) -> rp.Tensor:
        return self.dropout(self._embedded(tokens))

    def encode(self, source: Any) -> State:
        """What steps need to know of sources (rows, time): outputs, keys, a mask, first states."""
        there = rp.not_equal(source, PAD)
        lengths = rp.sum(rp.astype(there, dtypes.int32), axis=1)
        memory, last = self.reader(self._in(source), lengths=lengths)
        both = rp.reshape(last, (self.layers, 2, *last.shape[1:]))  # directions of a layer
        first = rp.concat([both[:, 0], both[:, 1]], axis=-1)
        began = rp.permute_dims(rp.tanh(self.bridge(first)), (1, 0, 2))
        return memory, self.key(memory), rp.reshape(there, (there.shape[0], 1, -1)), began

    def start(self, memory: State, room: int) -> State:
        """The state before the first sub-word: (rows, layers, width)."""
        return (memory[-1],)

    def _seen(self, h: rp.Tensor, memory: State) -> rp.Tensor:
        """Weights of the source, (rows, target time, source time)."""
        scores = h @ rp.permute_dims(memory[1], (0, 2, 1))
        return F.softmax(rp.where(memory[2], scores, -1e9), -1)

    def _out(self, h: rp.Tensor, memory: State) -> rp.Tensor:
        context = self._seen(h, memory) @ memory[0]
        return self._logits(self.dropout(rp.tanh(self.joined(rp.concat([h, context], axis=-1)))))

    def _written(self, tokens: Any, state: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
        h, last = self.writer(self._in(tokens), rp.permute_dims(state, (1, 0, 2)))
        return h, rp.permute_dims(last, (1, 0, 2))

    def forward(self, **batch: Any) -> rp.Tensor:
        memory = self.encode(batch["source"])
        h, _ = self._written(batch["target"], memory[-1])
        return self._out(h, memory)

    def step(self, tokens: Any, at: Any, memory: State, state: State) -> tuple[rp.Tensor, State]:
        """Read a sub-word each, (rows,), at a place -> logits (rows, tokens) and the state."""
        h, after = self._written(rp.reshape(tokens, (-1, 1)), state[0])
        return self._out(h, memory)[:, 0], (after,)

    def attention(self, **batch: Any) -> rp.Tensor:
        """How much each step attends to the source: (rows, target time, source time)."""
        memory = self.encode(batch["source"])
        h, _ = self._written(batch["target"], memory[-1])
        return self._seen(h, memory)

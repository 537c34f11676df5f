"""Networks from the numbers of a text to a score per class."""

from __future__ import annotations

from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.tasks.text.words import PADDING, UNKNOWN

__all__ = ["Attention", "Bag", "Recurrent"]

Array = np.ndarray[Any, Any]


class Bag(nn.Module):
    """A text is the set of its n-grams, each with a score for every class; they are added up.

        w = idf[x],  y = sum_k sum_j w_kj / |w_j| · table[x_k] + bias

    So what an n-gram adds to a class is known exactly (`tasks.text.reasons`). Kinds j of n-grams,
    of words and of letters, are scaled apart: of letters there are many more.

    Args:
        size:    rows of the table; row 0 is padding.
        classes: scores.
        dropout: share of the n-grams that are left out in training.
        idf:     (size - 1, kinds) how much each n-gram counts, 0 where it is of another kind.
        start:   (size - 1, classes) first scores; zeros when None.

    Shape: (texts, n-grams) integers -> (texts, classes).

    Example:
        >>> network = Bag(5, 2, idf=np.ones((4, 1)), start=np.eye(4, 2))
        >>> network(np.array([[1, 0], [3, 4]])).tolist()
        [[1.0, 0.0], [0.0, 0.0]]

    Source: Joulin et al. 2016, arXiv:1607.01759, without a layer between n-grams and classes.
    """

    def __init__(
        self, size: int, classes: int, dropout: float = 0.0, idf: Any = None, start: Any = None
    ) -> None:
        super().__init__()
        known = np.ones((size - 1, 1)) if idf is None else np.asarray(idf)
        first = np.zeros((size - 1, classes)) if start is None else np.asarray(start)
        weight = np.concatenate([np.zeros((1, classes)), first]).astype(np.float32)
        self.table = nn.Embedding(size, classes, padding_idx=PADDING, weight=weight)
        none = np.zeros((1, known.shape[1]))
        self.idf = nn.Buffer(np.concatenate([none, known]).astype(np.float32))
        self.bias = nn.Parameter(np.zeros(classes, np.float32))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Any) -> rp.Tensor:
        """Scores of the classes, as logits."""
        x = rp.asarray(x)
        weights = self.dropout(rp.take(self.idf, x, axis=0))
        norm = rp.sqrt(rp.sum(weights * weights, axis=1, keepdims=True) + 1e-12)
        scaled = rp.sum(weights / norm, axis=2, keepdims=True)
        return rp.sum(self.table(x) * scaled, axis=1) + self.bias


class Recurrent(nn.Module):
    """Reads a text from both ends; the mean and the maximum over its words decide.

    Args:
        cell:    "lstm" or "gru".
        size:    rows of the table of words; row 0 is padding, row 1 any unknown word.
        classes: scores.
        width:   features of a word.
        hidden:  of the state, in each direction.
        dropout: share of the features that are dropped in training.
        word_dropout: share of the words that are unknown in training.

    Shape: (texts, words) integers -> (texts, classes).

    Example:
        >>> Recurrent("gru", 9, 3, width=4, hidden=4)(np.array([[2, 3, 0]])).shape
        (1, 3)
    """

    def __init__(
        self,
        cell: str,
        size: int,
        classes: int,
        width: int = 64,
        hidden: int = 64,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.unknown = nn.Dropout(word_dropout)
        self.table = nn.Embedding(size, width, padding_idx=PADDING)
        kind: Any = nn.LSTM if cell == "lstm" else nn.GRU
        self.reader = kind(width, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(4 * hidden, classes)

    def forward(self, x: Any) -> rp.Tensor:
        """Scores of the classes, as logits."""
        x = rp.asarray(x)
        lengths = rp.sum(rp.not_equal(x, PADDING).astype(x.dtype), axis=1)
        features = self.dropout(self.table(_some_unknown(x, self.unknown)))
        read, _ = self.reader(features, lengths=lengths)
        return self.head(self.dropout(_pooled(read, x)))


class Attention(nn.Module):
    """Layers of attention over the words of a text; their mean and maximum decide.

    Args:
        size, classes, dropout, word_dropout: as for `Recurrent`.
        length: words of a text.
        width:  features of a word, of which each of `heads` sees a share.
        layers: of the transformer.

    Shape: (texts, words) integers -> (texts, classes).

    Example:
        >>> Attention(9, 3, length=3, width=4, heads=2)(np.array([[2, 3, 0]])).shape
        (1, 3)

    Source: Vaswani et al. 2017, arXiv:1706.03762.
    """

    def __init__(
        self,
        size: int,
        classes: int,
        length: int,
        width: int = 64,
        heads: int = 4,
        layers: int = 1,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.unknown = nn.Dropout(word_dropout)
        self.table = nn.Embedding(size, width, padding_idx=PADDING)
        self.positions = nn.PositionalEncoding(width, dropout, max_len=length, batch_first=True)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width, classes)

    def forward(self, x: Any) -> rp.Tensor:
        """Scores of the classes, as logits."""
        x = rp.asarray(x)
        features = self.positions(self.table(_some_unknown(x, self.unknown)))
        read = self.encoder(features, src_key_padding_mask=rp.equal(x, PADDING))
        return self.head(self.dropout(_pooled(read, x)))


def _some_unknown(x: rp.Tensor, dropout: nn.Dropout) -> rp.Tensor:
    """The numbers with some words, but no padding, made unknown while in training."""
    kept = rp.greater(dropout(rp.ones(x.shape)), 0.0)
    return rp.where(rp.logical_or(kept, rp.equal(x, PADDING)), x, UNKNOWN)


def _pooled(read: rp.Tensor, x: rp.Tensor) -> rp.Tensor:
    """Mean and maximum over the words, side by side: (texts, 2 features); 0 without words."""
    mask = rp.reshape(rp.not_equal(x, PADDING), (*x.shape, 1))
    count = rp.maximum(rp.sum(mask.astype(read.dtype), axis=1), 1.0)
    mean = rp.sum(rp.where(mask, read, 0.0), axis=1) / count
    most = rp.max(rp.where(mask, read, -1e9), axis=1)
    most = rp.where(rp.any(mask, axis=1), most, 0.0)
    return rp.concat([mean, most], axis=1)

"""Language models: logits of the next token, for a whole text at once or token by token.

A model says how it goes on from what it has read with three methods: `start` makes the state before
the first token, `prefill` reads some tokens, `step` reads one. `generate` needs nothing else. Each
Tensor of a state has the batch as its first axis, or no axis where it holds for all texts.
"""

from __future__ import annotations

from typing import Any

from retroprop import dtypes
from retroprop.array.creation import asarray, zeros
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, ShapeError, unknown
from retroprop.nn.dropout import Dropout
from retroprop.nn.embedding import Embedding
from retroprop.nn.functional.linear import linear
from retroprop.nn.init import normal_
from retroprop.nn.linear import Linear
from retroprop.nn.module import Module
from retroprop.nn.recurrent import GRU, LSTM, RNN
from retroprop.ops.movement import permute_dims, reshape, take_slice

__all__ = ["LanguageModel", "RecurrentLM", "check_sizes", "table"]

_RECURRENT = {"gru": GRU, "lstm": LSTM, "rnn": RNN}
_SPREAD = 0.02  # of embeddings at first


class LanguageModel(Module):
    """What language models have in common.

    Attributes:
        tokens: how many there are.
        output: makes the logits; None where the table of embeddings does.
    """

    tokens: int
    embedding: Embedding
    output: Linear | None

    def _read(self, given: Any, axes: tuple[str, ...]) -> Tensor:
        """Tokens as integers, if they have these axes."""
        name, tokens = type(self).__name__, asarray(given)
        if tokens.ndim != len(axes) or 0 in tokens.shape[1:]:
            raise ShapeError(
                f"{name} expects tokens ({', '.join(axes)}), got {tokens.shape}",
                fix="one text is a batch of one: tokens[None]" if tokens.ndim == 1 else None,
            )
        if not dtypes.is_integer(tokens.dtype):
            raise DTypeError(f"{name}: tokens must be integers, they are {tokens.dtype}")
        return tokens

    def _project(self, x: Tensor) -> Tensor:
        """Logits, by a layer of their own or by the table of embeddings."""
        own = self.output
        y: Tensor = linear(x, self.embedding.weight) if own is None else own(x)
        return y


class RecurrentLM(LanguageModel):
    """A recurrent network that reads a text token by token.

    Args:
        tokens:      how many different ones there are.
        embed:       features of a token.
        hidden:      features of the state.
        layers:      how many, each reading the outputs of the one below.
        kind:        "lstm", "gru" or "rnn".
        dropout:     probability, in training, for embeddings and outputs of each layer.
        tie_weights: whether the table of embeddings makes the logits too; embed = hidden then.

    Shape: integers (batch, time) -> logits of the token after each, (batch, time, tokens).

    Raises:
        ArgumentError: sizes that do not fit, an unknown kind.

    Example:
        >>> import retroprop as rp
        >>> model = RecurrentLM(96, embed=16, hidden=32, layers=2, kind="gru")
        >>> model(rp.zeros((3, 10), dtype=rp.int64)).shape
        (3, 10, 96)
        >>> logits, state = model.step(rp.asarray([5, 7, 9]), model.start(3))
        >>> logits.shape, [part.shape for part in state]
        ((3, 96), [(3, 2, 32)])

    Source: Mikolov et al. 2010; Zaremba et al. 2014, arXiv:1409.2329, with dropout between layers;
        shared weights: Press, Wolf 2016, arXiv:1608.05859.
    """

    length = None

    def __init__(
        self,
        tokens: int,
        embed: int,
        hidden: int,
        layers: int,
        kind: str = "lstm",
        dropout: float = 0.0,
        tie_weights: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(tokens=tokens, embed=embed, hidden=hidden, layers=layers)
        if kind not in _RECURRENT:
            raise unknown("kind of recurrent network", kind, _RECURRENT)
        if tie_weights and embed != hidden:
            raise ArgumentError(
                f"RecurrentLM: tied weights need embed = hidden, they are {embed} and {hidden}",
                fix=f"make it with embed={hidden}",
            )
        self.tokens = tokens
        self.embedding = table(tokens, embed)
        between = dropout if layers > 1 else 0.0
        self.recurrent = _RECURRENT[kind](embed, hidden, layers, batch_first=True, dropout=between)
        self.dropout = Dropout(dropout)
        self.output = None if tie_weights else Linear(hidden, tokens)

    def forward(self, tokens: Any) -> Tensor:
        read = self._read(tokens, ("batch", "time"))
        y, _ = self.recurrent(self.dropout(self.embedding(read)))
        return self._project(self.dropout(y))

    def start(self, batch: int, length: int | None = None) -> tuple[Tensor, ...]:
        """The state before the first token: zeros, for any length.

        Returns:
            h, and c of an LSTM, each (batch, layers, hidden).
        """
        shape = (batch, self.recurrent.num_layers, self.recurrent.hidden_size)
        dtype = self.embedding.weight.dtype
        return tuple(zeros(shape, dtype=dtype) for _ in range(self.recurrent.kind.states))

    def step(self, tokens: Any, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Read one more token of each text.

        Args:
            tokens: (batch,) integers.
            state:  from `start`, or the last call; it stays as it is.

        Returns:
            Logits of the next token (batch, tokens), and the new state.
        """
        read = self._read(tokens, ("batch",))
        return self._extended(reshape(read, (read.shape[0], 1)), state)

    def prefill(self, tokens: Any, state: tuple[Tensor, ...]) -> Any:
        """Read more tokens of each text, as `step` would one after the other.

        Args:
            tokens: (batch, time) integers.

        Returns:
            Logits of the token after the last one (batch, tokens), and the new state.
        """
        return self._extended(self._read(tokens, ("batch", "time")), state)

    def _extended(self, tokens: Tensor, state: tuple[Tensor, ...]) -> Any:
        given = tuple(permute_dims(part, (1, 0, 2)) for part in state)
        is_pair = len(given) > 1
        y, new = self.recurrent(
            self.dropout(self.embedding(tokens)), given if is_pair else given[0]
        )
        new = new if is_pair else (new,)
        last = self.dropout(take_slice(y, key=(slice(None), -1)))
        return self._project(last), tuple(permute_dims(part, (1, 0, 2)) for part in new)


def table(rows: int, features: int) -> Embedding:
    """Embeddings, small at first.

    Source: Radford et al. 2019, "Language models are unsupervised multitask learners".
    """
    made = Embedding(rows, features)
    normal_(made.weight, 0.0, _SPREAD)
    return made


def check_sizes(**sizes: int) -> None:
    """Raise unless all are whole numbers above 0."""
    for name, size in sizes.items():
        if not hasattr(size, "__index__") or size < 1:
            raise ArgumentError(f"{name} must be a whole number above 0, it is {size!r}")

"""Tables of trained vectors."""

from __future__ import annotations

from typing import Any

from retroprop import random
from retroprop.array.creation import asarray, check_device, zeros
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, IndexRangeError, ShapeError, unknown
from retroprop.nn.functional.embedding import embedding, embedding_bag
from retroprop.nn.linear import shown_dtype
from retroprop.nn.module import Module
from retroprop.nn.parameter import Parameter
from retroprop.ops.indexing import set_slice

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Module):
    """What both layers have in common: the table, its padding row, the norm of its rows."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        weight: Any,
        dtype: Any,
        *,
        sparse: bool,
    ) -> None:
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise IndexRangeError(
                f"padding_idx {padding_idx} is outside a table of {num_embeddings} rows"
            )
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm = max_norm
        self.norm_type = norm_type
        shape = (num_embeddings, embedding_dim)
        if weight is None:
            self.weight = Parameter(zeros(shape, dtype=dtype), sparse=sparse)
            self.reset_parameters()
        else:
            self.weight = Parameter(weight, dtype, sparse=sparse)
            if self.weight.shape != shape:
                raise ShapeError(f"the weight must be {shape}, it is {self.weight.shape}")

    def reset_parameters(self) -> None:
        """Draw the table anew, normally distributed; the padding row is 0."""
        with no_grad():
            drawn = random.normal(self.weight.shape, dtype=self.weight.dtype)
            if self.padding_idx is not None:
                drawn = set_slice(drawn, 0.0, key=(self.padding_idx,))
            self.weight.assign(drawn)

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, **options: Any) -> Any:
        """A layer around a given table.

        Args:
            embeddings: (rows, features).
            freeze:     whether the table stays as it is in training.
            options:    the other arguments of the layer.

        Example:
            >>> Embedding.from_pretrained([[1.0, 2.0], [3.0, 4.0]])(asarray(1)).tolist()
            [3.0, 4.0]
        """
        table = asarray(embeddings)
        if table.ndim != 2:
            raise ShapeError(f"a table has shape (rows, features), this one is {table.shape}")
        rows, features = table.shape
        make: Any = cls
        made = make(rows, features, weight=table, **options)
        made.weight.requires_grad_(not freeze)
        return made

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2.0:
            text += f", norm_type={self.norm_type}"
        if self.weight.sparse:
            text += ", sparse=True"
        return text + shown_dtype(self.weight)


class Embedding(_Table):
    """A table of trained vectors, read by index.

    Args:
        num_embeddings: rows of the table.
        embedding_dim:  features of a row.
        padding_idx:    a row that is 0 at first and gets no gradient.
        max_norm:       rows that are read are first shrunk, in place, to at most this norm.
        norm_type:      the p of that norm.
        sparse:         whether optimizers update only the rows that got a gradient: in a compiled
                        step the cost then follows the batch, not the table. Rows that are not
                        looked up neither decay nor follow their momentum.
        weight:         the table itself, (num_embeddings, embedding_dim); drawn if None.
        device:         "cpu"; accepted because programs for PyTorch give one.
        dtype:          of the table; float32 by default.

    Attributes:
        weight: (rows, features), normally distributed at first.

    Shape: integers of any shape -> (*shape, features).

    Raises:
        IndexRangeError: "embedding: index 96 is outside 0..95".

    Example:
        >>> import retroprop as rp
        >>> Embedding(96, 32)(rp.zeros((4, 20), dtype=rp.int64)).shape
        (4, 20, 32)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        *,
        sparse: bool = False,
        weight: Any = None,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        table = (num_embeddings, embedding_dim, padding_idx, max_norm, norm_type)
        super().__init__(*table, weight, dtype, sparse=sparse)

    def forward(self, x: Any) -> Tensor:
        return embedding(x, self.weight, self.padding_idx, self.max_norm, self.norm_type)


class EmbeddingBag(_Table):
    """Rows of a table combined by bag: their sum, mean or maximum.

    Args:
        num_embeddings: rows of the table.
        embedding_dim:  features of a row.
        max_norm:       rows that are read are first shrunk, in place, to at most this norm.
        norm_type:      the p of that norm.
        mode:           "sum", "mean" or "max".
        sparse:         as in `Embedding`.
        include_last_offset: whether the last offset is the end.
        padding_idx:    indices that do not count.
        weight:         the table itself; drawn if None.
        device:         "cpu"; accepted because programs for PyTorch give one.
        dtype:          of the table; float32 by default.

    Shape: (bags, indices), or all indices in a row and `offsets` where each bag starts ->
        (bags, features).

    Example:
        >>> bags = EmbeddingBag.from_pretrained([[1.0], [10.0], [100.0]], mode="sum")
        >>> (
        ...     bags(asarray([[0, 1], [2, 2]])).tolist(),
        ...     bags(asarray([0, 1, 2]), asarray([0, 2])).tolist(),
        ... )
        ([[11.0], [200.0]], [[11.0], [100.0]])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        *,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        weight: Any = None,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        modes = ("max", "mean", "sum")
        if mode not in modes:
            raise unknown("mode of EmbeddingBag", mode, modes)
        if include_last_offset not in (True, False):
            raise ArgumentError(f"include_last_offset must be a bool, not {include_last_offset!r}")
        table = (num_embeddings, embedding_dim, padding_idx, max_norm, norm_type)
        super().__init__(*table, weight, dtype, sparse=sparse)
        self.mode = mode
        self.include_last_offset = include_last_offset

    def forward(self, x: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        return embedding_bag(
            x,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.mode,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        last = ", include_last_offset=True" if self.include_last_offset else ""
        return f"{super().extra_repr()}, mode={self.mode!r}{last}"

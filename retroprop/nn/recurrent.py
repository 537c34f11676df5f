"""Recurrent layers: they read a sequence step by step and carry a state along."""

from __future__ import annotations

from typing import Any

from retroprop.array.creation import check_device
from retroprop.errors import unknown
from retroprop.nn import gates
from retroprop.nn.stacked import Stacked

__all__ = ["GRU", "LSTM", "RNN"]


class RNN(Stacked):
    """A plain recurrent network over sequences: h' = tanh(x weight_ihᵀ + h weight_hhᵀ + biases).

    Args:
        input_size:    features of the input.
        hidden_size:   features of the state.
        num_layers:    layers, each reading the outputs of the one below.
        nonlinearity:  "tanh" or "relu".
        bias:          False leaves the biases out.
        batch_first:   whether sequences are (batch, time, features) instead of (time, batch,
                       features). States are (layers, batch, features) in both cases.
        dropout:       probability of dropping an output between layers, in training.
        bidirectional: whether a second cell reads each sequence from its end; the outputs of both
                       stand beside each other.
        device:        "cpu"; accepted because programs for PyTorch give one.
        dtype:         of the parameters; float32 by default.

    Attributes:
        weight_ih_l0, ...: (hidden, features), and so for each layer.
        weight_hh_l0, ...: (hidden, hidden).
        bias_ih_l0, bias_hh_l0, ...: (hidden,). All are uniform in ±1/sqrt(hidden) at first, and
            names end in _reverse for the other direction.

    Shape, with d = 2 directions or 1:
        input:   (time, batch, features); or (time, features), one sequence without a batch axis.
        hx:      (layers * d, batch, hidden), the state before the first step; zeros by default.
        lengths: keyword, (batch,) integers: the input is padded and these are the true lengths.
            Outputs are zero past the end of a sequence and its last state is that at its end; the
            other direction starts at the end of each sequence. So results are those of each
            sequence run alone.
        returns: outputs of the last layer (time, batch, d * hidden), and the last state of each
            layer and direction (layers * d, batch, hidden).

    Example:
        >>> import retroprop as rp
        >>> y, h = RNN(10, 20, num_layers=2)(rp.zeros((5, 3, 10)))
        >>> y.shape, h.shape
        ((5, 3, 20), (2, 3, 20))

    Source: Elman 1990, "Finding structure in time"; both directions: Schuster, Paliwal 1997.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        if nonlinearity not in gates.RNN:
            raise unknown("nonlinearity", nonlinearity, gates.RNN)
        self.nonlinearity = nonlinearity
        self.kind = gates.RNN[nonlinearity]
        sizes = (input_size, hidden_size, num_layers)
        self._build(*sizes, bias, batch_first, dropout, bidirectional, 0, dtype)


class LSTM(Stacked):
    """Long short-term memory over sequences: gates decide what a cell c keeps, takes in and shows.

        i, f, g, o = x weight_ihᵀ + h weight_hhᵀ + biases
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        h' = sigmoid(o) tanh(c')

    Args:
        input_size:    features of the input.
        hidden_size:   features of the cell.
        num_layers:    layers, each reading the outputs of the one below.
        bias:          False leaves the biases out.
        batch_first:   whether sequences are (batch, time, features); see `RNN`.
        dropout:       probability of dropping an output between layers, in training.
        bidirectional: whether a second cell reads each sequence from its end.
        proj_size:     if above 0, h' is multiplied by weight_hrᵀ and has this many features.
        device:        "cpu"; accepted because programs for PyTorch give one.
        dtype:         of the parameters; float32 by default.

    Attributes:
        weight_ih_l0, ...: (4 * hidden, features); gates in the order i, f, g, o.
        weight_hh_l0, ...: (4 * hidden, hidden or projected).
        bias_ih_l0, bias_hh_l0, ...: (4 * hidden,).
        weight_hr_l0, ...: (projected, hidden), with a projection.

    Shape, with d = 2 directions or 1; `hidden` of h is `projected` where there is a projection:
        input:   (time, batch, features), or (time, features) without a batch axis.
        hx:      a pair (h_0, c_0), each (layers * d, batch, hidden); zeros by default.
        lengths: keyword, (batch,) integers: the true lengths of a padded input; see `RNN`.
        returns: outputs (time, batch, d * hidden), and the last state, a pair (h_n, c_n), each
            (layers * d, batch, hidden).

    Example:
        >>> import retroprop as rp
        >>> y, (h, c) = LSTM(10, 20, batch_first=True)(rp.zeros((3, 5, 10)), lengths=[5, 1, 3])
        >>> y.shape, h.shape, y[1, 1:].sum().item()
        ((3, 5, 20), (1, 3, 20), 0.0)

    Source: Hochreiter, Schmidhuber 1997; forget gate: Gers, Schmidhuber, Cummins 2000; projection:
        Sak, Senior, Beaufays 2014, arXiv:1402.1128.
    """

    kind = gates.LSTM

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        sizes = (input_size, hidden_size, num_layers)
        self._build(*sizes, bias, batch_first, dropout, bidirectional, proj_size, dtype)


class GRU(Stacked):
    """Gated recurrent units over sequences: the state is mixed with a new one, feature by feature.

        r = sigmoid(x_r + h_r)    z = sigmoid(x_z + h_z)    n = tanh(x_n + r h_n)
        h' = (1 - z) n + z h

    where x_. = x weight_ihᵀ + bias_ih and h_. = h weight_hhᵀ + bias_hh are split in three.

    Args:
        input_size:    features of the input.
        hidden_size:   features of the state.
        num_layers:    layers, each reading the outputs of the one below.
        bias:          False leaves the biases out.
        batch_first:   whether sequences are (batch, time, features); see `RNN`.
        dropout:       probability of dropping an output between layers, in training.
        bidirectional: whether a second cell reads each sequence from its end.
        device:        "cpu"; accepted because programs for PyTorch give one.
        dtype:         of the parameters; float32 by default.

    Attributes:
        weight_ih_l0, ...: (3 * hidden, features); gates in the order r, z, n.
        weight_hh_l0, ...: (3 * hidden, hidden).
        bias_ih_l0, bias_hh_l0, ...: (3 * hidden,).

    Shape, with d = 2 directions or 1:
        input:   (time, batch, features), or (time, features) without a batch axis.
        hx:      (layers * d, batch, hidden); zeros by default.
        lengths: keyword, (batch,) integers: the true lengths of a padded input; see `RNN`.
        returns: outputs (time, batch, d * hidden), and states (layers * d, batch, hidden).

    Example:
        >>> import retroprop as rp
        >>> y, h = GRU(10, 20, bidirectional=True)(rp.zeros((5, 3, 10)))
        >>> y.shape, h.shape
        ((5, 3, 40), (2, 3, 20))

    Source: Cho et al. 2014, arXiv:1406.1078. Differs, as in PyTorch: r multiplies the product with
        weight_hh instead of h.
    """

    kind = gates.GRU

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        sizes = (input_size, hidden_size, num_layers)
        self._build(*sizes, bias, batch_first, dropout, bidirectional, 0, dtype)

"""Activations as modules, with PyTorch's names and arguments; the formulas stand in
`nn.functional`.

The class attribute `initialiser` tells `nn.init.auto_` how weights in front of an activation should
start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from retroprop.array.creation import check_device, full
from retroprop.core.tensor import Tensor
from retroprop.errors import ShapeError, unknown
from retroprop.nn.functional import activation as straight
from retroprop.nn.functional import activation_smooth as smooth
from retroprop.nn.functional.softmax import log_softmax, softmax, softmin
from retroprop.nn.options import Optioned
from retroprop.nn.parameter import Parameter

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "SwiGLU",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


class _Activation(Optioned):
    """What activations have in common; `inplace` also puts the result into the input's cell."""

    initialiser: str = "xavier"


class _Plain(_Activation):
    """Those without options."""

    _function: ClassVar[Callable[..., Tensor]]

    def forward(self, input: Any) -> Tensor:
        return self._function(input)


class _InPlace(_Activation):
    """Those with no option but `inplace`."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        return self._function(input, self.inplace)


class Sigmoid(_Plain):
    """y = 1 / (1 + exp(-x)), elementwise."""

    _function = staticmethod(smooth.sigmoid)


class Tanh(_Plain):
    """Hyperbolic tangent, elementwise."""

    _function = staticmethod(smooth.tanh)


class LogSigmoid(_Plain):
    """y = -log(1 + exp(-x)), elementwise."""

    _function = staticmethod(smooth.logsigmoid)


class Softsign(_Plain):
    """y = x / (1 + |x|), elementwise."""

    _function = staticmethod(smooth.softsign)


class Tanhshrink(_Plain):
    """y = x - tanh(x), elementwise."""

    _function = staticmethod(smooth.tanhshrink)


class ReLU(_InPlace):
    """y = max(x, 0), elementwise.

    Example:
        >>> ReLU()(Tensor([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    initialiser = "he"
    _function = staticmethod(straight.relu)


class ReLU6(_InPlace):
    """y = min(max(x, 0), 6), elementwise."""

    initialiser = "he"
    _function = staticmethod(straight.relu6)


class SELU(_InPlace):
    """y = 1.0507 elu(x, 1.6733), elementwise; start the weights with `nn.init.lecun_normal_`."""

    initialiser = "lecun"
    _function = staticmethod(smooth.selu)


class SiLU(_InPlace):
    """y = x sigmoid(x), elementwise."""

    initialiser = "he"
    _function = staticmethod(smooth.silu)


class Mish(_InPlace):
    """y = x tanh(softplus(x)), elementwise."""

    initialiser = "he"
    _function = staticmethod(smooth.mish)


class Hardsigmoid(_InPlace):
    """y = min(max(x + 3, 0), 6) / 6, elementwise."""

    _function = staticmethod(straight.hardsigmoid)


class Hardswish(_InPlace):
    """y = x min(max(x + 3, 0), 6) / 6, elementwise."""

    initialiser = "he"
    _function = staticmethod(straight.hardswish)


class LeakyReLU(_Activation):
    """y = max(x, 0) + negative_slope min(x, 0), elementwise."""

    initialiser = "he"
    always_shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Any) -> Tensor:
        return straight.leaky_relu(input, self.negative_slope, self.inplace)


class PReLU(_Activation):
    """y = max(x, 0) + weight min(x, 0), with one learned slope, or one for each channel (axis 1).

    Args:
        num_parameters: 1, or the number of channels.
        init:           the slope to start from.
        device:         "cpu"; accepted because programs for PyTorch give one.
        dtype:          of the slopes; float32 by default.

    Attributes:
        weight: (num_parameters,).

    Example:
        >>> PReLU()(Tensor([-2.0, 3.0])).tolist()
        [-0.5, 3.0]
    """

    initialiser = "he"
    always_shown = ("num_parameters",)

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(full((num_parameters,), init, dtype=dtype or "float32"))

    @property
    def dtype(self) -> Any:
        """Type of the slopes, None for the usual one."""
        return None if self.weight.dtype.name == "float32" else self.weight.dtype.name

    def forward(self, input: Any) -> Tensor:
        return straight.prelu(input, self.weight)


class RReLU(_Activation):
    """leaky_relu with slopes drawn from [lower, upper) in training, their mean in evaluation."""

    initialiser = "he"
    always_shown = ("lower", "upper")

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Any) -> Tensor:
        return straight.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class ELU(_Activation):
    """x above 0, alpha (exp(x) - 1) below, elementwise."""

    initialiser = "he"
    always_shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Any) -> Tensor:
        return smooth.elu(input, self.alpha, self.inplace)


class CELU(ELU):
    """x above 0, alpha (exp(x / alpha) - 1) below, elementwise."""

    def forward(self, input: Any) -> Tensor:
        return smooth.celu(input, self.alpha, self.inplace)


class GELU(_Activation):
    """x times the probability that a standard normal number is below x.

    Args:
        approximate: "none" or "tanh".
    """

    initialiser = "he"
    always_shown = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise unknown("approximation of gelu", approximate, ("none", "tanh"))
        self.approximate = approximate

    def forward(self, input: Any) -> Tensor:
        return smooth.gelu(input, self.approximate)


class Softplus(_Activation):
    """y = log(1 + exp(beta x)) / beta, elementwise; x itself where beta x > threshold."""

    initialiser = "he"
    always_shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Any) -> Tensor:
        return smooth.softplus(input, self.beta, self.threshold)


class Hardtanh(_Activation):
    """x between min_val and max_val, elementwise."""

    always_shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Any) -> Tensor:
        return straight.hardtanh(input, self.min_val, self.max_val, self.inplace)


class Softshrink(_Activation):
    """x moved towards 0 by lambd, elementwise; 0 where |x| <= lambd."""

    always_shown = ("lambd",)

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Tensor:
        return straight.softshrink(input, self.lambd)


class Hardshrink(Softshrink):
    """x where |x| > lambd, 0 elsewhere."""

    def forward(self, input: Any) -> Tensor:
        return straight.hardshrink(input, self.lambd)


class Threshold(_Activation):
    """x where it is above a threshold, a constant elsewhere."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Any) -> Tensor:
        return straight.threshold(input, self.threshold, self.value, self.inplace)


class _AlongAxis(_Activation):
    always_shown = ("dim",)


class GLU(_AlongAxis):
    """The first half of axis `dim` times the sigmoid of the second half."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        return smooth.glu(input, self.dim)


class SwiGLU(GLU):
    """silu of the first half of axis `dim` times the second half."""

    def forward(self, input: Any) -> Tensor:
        return smooth.swiglu(input, self.dim)


class Softmax(_AlongAxis):
    """Shares that sum to 1 along axis `dim`; without one the last axis, of two axes at most.

    Example:
        >>> Softmax(dim=1)(Tensor([[0.0, 0.0]])).tolist()
        [[0.5, 0.5]]
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        return softmax(input, self.dim)


class LogSoftmax(Softmax):
    """Logarithm of the softmax along axis `dim`."""

    def forward(self, input: Any) -> Tensor:
        return log_softmax(input, self.dim)


class Softmin(Softmax):
    """Softmax of -x along axis `dim`."""

    def forward(self, input: Any) -> Tensor:
        return softmin(input, self.dim)


class Softmax2d(_Activation):
    """Softmax over the channels of images, (batch, channels, height, width) or one of them."""

    def forward(self, input: Any) -> Tensor:
        if input.ndim not in (3, 4):
            raise ShapeError(
                "Softmax2d expects (batch, channels, height, width) or (channels, height, width), "
                f"got {input.shape}"
            )
        return softmax(input, -3)

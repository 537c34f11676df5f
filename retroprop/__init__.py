"""retroprop: backpropagation that trains on the CPU you have.

The module is the array namespace of the Python Array API standard 2024.12 (functions, dtypes,
constants), with gradients. Layers and losses are in `retroprop.nn`, optimizers in
`retroprop.optim`, training in `retroprop.train`.

Longer than 400 lines because every public name is listed twice: imported, and in `__all__`.

Example:
    >>> import retroprop as rp
    >>> x = rp.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad.tolist()
    [2.0, 4.0]
"""

from __future__ import annotations

import importlib as _importlib
from math import e, inf, nan, pi
from typing import TYPE_CHECKING, Any

from retroprop.array import methods as _methods  # noqa: F401  installs Tensor's methods
from retroprop.array import translation as _translation
from retroprop.array.creation import (
    arange,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    meshgrid,
    ones,
    ones_like,
    tensor,
    tril,
    triu,
    zeros,
    zeros_like,
)
from retroprop.array.einsum import (
    einsum,
)
from retroprop.array.inspection import (
    __array_namespace_info__,
    can_cast,
    result_type,
)
from retroprop.array.manipulation import (
    broadcast_arrays,
    broadcast_shapes,
    concat,
    expand_dims,
    flatten,
    moveaxis,
    repeat,
    reshape,
    roll,
    squeeze,
    stack,
    swapaxes,
    tile,
    unstack,
)
from retroprop.array.products import (
    diagonal,
    kron,
    matrix_transpose,
    outer,
    tensordot,
    trace,
    vecdot,
)
from retroprop.array.searching import (
    searchsorted,
)
from retroprop.array.sets import (
    unique_all,
    unique_counts,
    unique_inverse,
    unique_values,
)
from retroprop.array.statistics import (
    clip,
    cumulative_prod,
    cumulative_sum,
    diff,
    mean,
    prod,
    std,
    sum,
    var,
)
from retroprop.core import indexing as _indexing  # noqa: F401  installs x[...] and x[...] = v
from retroprop.core.check import (
    gradcheck,
)
from retroprop.core.compile import (
    compile,
)
from retroprop.core.faces import (
    abs,
    acos,
    acosh,
    add,
    all,
    any,
    argmax,
    argmin,
    argsort,
    asin,
    asinh,
    astype,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    broadcast_to,
    ceil,
    conj,
    copysign,
    cos,
    cosh,
    count_nonzero,
    divide,
    equal,
    erf,
    erfc,
    exp,
    expm1,
    flip,
    floor,
    floor_divide,
    greater,
    greater_equal,
    hypot,
    imag,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    matmul,
    max,
    maximum,
    min,
    minimum,
    multiply,
    negative,
    nextafter,
    nonzero,
    not_equal,
    pad,
    permute_dims,
    positive,
    real,
    reciprocal,
    remainder,
    round,
    rsqrt,
    sigmoid,
    sign,
    signbit,
    sin,
    sinh,
    softplus,
    sort,
    split,
    sqrt,
    square,
    subtract,
    take,
    take_along_axis,
    tan,
    tanh,
    top_k,
    trunc,
    where,
)
from retroprop.core.faces import power as pow
from retroprop.core.loops.bounded import (
    fori_loop,
    while_loop,
)
from retroprop.core.loops.scan import (
    scan,
)
from retroprop.core.remat import (
    checkpoint,
    custom_gradient,
)
from retroprop.core.rng import (
    manual_seed,
)
from retroprop.core.tape import (
    enable_grad,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from retroprop.core.tensor import (
    Tensor,
)
from retroprop.core.transforms import (
    grad,
    hessian,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from retroprop.dtypes import bfloat16 as _bfloat16
from retroprop.dtypes import (
    bool,
    complex64,
    complex128,
    finfo,
    float16,
    float32,
    float64,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    isdtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from retroprop.errors import (
    ArgumentError,
    CheckpointError,
    DataError,
    DivergedError,
    DTypeError,
    GraphError,
    IndexRangeError,
    MissingDependencyError,
    NoGradientError,
    RetropropError,
    ShapeError,
    TapeError,
)
from retroprop.errors import nearest as _nearest
from retroprop.ir import (
    Graph,
)
from retroprop.version import __version__

if TYPE_CHECKING:
    from retroprop import data, linalg, metrics, nn, optim, random, train
    from retroprop.interop.weights import load, save
    from retroprop.train.lr_find import lr_find
    from retroprop.train.trainer import Trainer

newaxis = None

# Loaded when they are first asked for, so that importing the namespace stays quick.
_LATER = {
    "Trainer": "retroprop.train.trainer",
    "load": "retroprop.interop.weights",
    "lr_find": "retroprop.train.lr_find",
    "save": "retroprop.interop.weights",
}
_PACKAGES = ("data", "health", "linalg", "metrics", "nn", "optim", "random", "train")

__all__ = [
    "ArgumentError",
    "CheckpointError",
    "DTypeError",
    "DataError",
    "DivergedError",
    "Graph",
    "GraphError",
    "IndexRangeError",
    "MissingDependencyError",
    "NoGradientError",
    "RetropropError",
    "ShapeError",
    "TapeError",
    "Tensor",
    "Trainer",
    "__array_namespace_info__",
    "__version__",
    "abs",
    "acos",
    "acosh",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "asarray",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "bool",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "can_cast",
    "ceil",
    "checkpoint",
    "clip",
    "compile",
    "complex64",
    "complex128",
    "concat",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "custom_gradient",
    "data",
    "diagonal",
    "diff",
    "divide",
    "e",
    "einsum",
    "empty",
    "empty_like",
    "enable_grad",
    "equal",
    "erf",
    "erfc",
    "exp",
    "expand_dims",
    "expm1",
    "eye",
    "finfo",
    "flatten",
    "flip",
    "float16",
    "float32",
    "float64",
    "floor",
    "floor_divide",
    "fori_loop",
    "from_dlpack",
    "full",
    "full_like",
    "grad",
    "gradcheck",
    "greater",
    "greater_equal",
    "health",
    "hessian",
    "hypot",
    "iinfo",
    "imag",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_grad_enabled",
    "isdtype",
    "isfinite",
    "isinf",
    "isnan",
    "jacobian",
    "jvp",
    "kron",
    "less",
    "less_equal",
    "linalg",
    "linspace",
    "load",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lr_find",
    "manual_seed",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "metrics",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan",
    "negative",
    "newaxis",
    "nextafter",
    "nn",
    "no_grad",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "optim",
    "outer",
    "pad",
    "permute_dims",
    "pi",
    "positive",
    "pow",
    "prod",
    "random",
    "real",
    "reciprocal",
    "remainder",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "round",
    "rsqrt",
    "save",
    "scan",
    "searchsorted",
    "set_grad_enabled",
    "sigmoid",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "softplus",
    "sort",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensor",
    "tensordot",
    "tile",
    "top_k",
    "trace",
    "train",
    "tril",
    "triu",
    "trunc",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "value_and_grad",
    "var",
    "vecdot",
    "vjp",
    "where",
    "while_loop",
    "zeros",
    "zeros_like",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return _importlib.import_module(f"retroprop.{name}")
    if name in _LATER:
        return getattr(_importlib.import_module(_LATER[name]), name)
    if name == "bfloat16":
        return _bfloat16()
    raise AttributeError(f"retroprop has no attribute {name!r}{_hint(name)}")


def _hint(name: str) -> str:
    """Where the name lives instead, or the nearest one for a typing mistake."""
    for home in ("nn.functional", "nn", "optim", "linalg", "random"):
        if name in _importlib.import_module(f"retroprop.{home}").__all__:
            return f"; it is retroprop.{home}.{name}"
    instead = _translation.translation(name)
    if instead:
        return f"; write {instead}"
    match = _nearest(name, __all__)
    return f"; did you mean {match!r}?" if match else ""

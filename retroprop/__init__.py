"""retroprop: backpropagation that trains on the CPU you have."""
# interim file of the lead: becomes explicit when the op table is complete
from retroprop.array import methods as _methods
from retroprop.array.creation import *
from retroprop.array.inspection import *
from retroprop.array.manipulation import *
from retroprop.array.statistics import *
from retroprop.core import faces as _f
import retroprop.core.indexing
from retroprop.core.check import gradcheck
from retroprop.core.faces import astype
from retroprop.core.remat import checkpoint, custom_gradient
from retroprop.core.tape import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from retroprop.core.tensor import Tensor
from retroprop.core.transforms import grad, hessian, jacobian, jvp, value_and_grad, vjp
from retroprop.dtypes import *
from retroprop.ir import Graph
from retroprop.ops.catalog import catalog as _c

for _n in _c:
    if _n not in globals():
        globals()[_n] = getattr(_f, _n)
from math import e, inf, nan, pi
newaxis = None
from retroprop.version import __version__


def __getattr__(name):
    import importlib
    if name in ("random", "linalg", "nn", "optim", "data", "metrics", "train"):
        return importlib.import_module("retroprop." + name)
    if name == "Trainer":
        return importlib.import_module("retroprop.train").Trainer
    if name == "manual_seed":
        return importlib.import_module("retroprop.core.rng").manual_seed
    raise AttributeError(name)

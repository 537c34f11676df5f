"""The one gradient engine: it works on the tape and on graphs to compile, on arrays and on
Tensors.
"""

from retroprop.autodiff.backward import backward

__all__ = ["backward"]

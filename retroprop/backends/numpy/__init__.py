"""The oracle: every op of a graph by its NumPy reference, one after the other."""

from retroprop.backends.numpy.interpreter import run

__all__ = ["run"]

"""Tensors, the eager tape and the functions made from the op table."""

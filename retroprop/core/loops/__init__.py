"""Loops over Tensors, and their derivatives."""

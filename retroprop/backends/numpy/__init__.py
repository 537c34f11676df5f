"""The oracle: every op of a graph by its NumPy reference, one after the other."""

"""Functions of the Python Array API standard 2024.12 that are compositions, not ops of their
own.
"""

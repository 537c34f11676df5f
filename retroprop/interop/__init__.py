"""Doors to other programs' files."""

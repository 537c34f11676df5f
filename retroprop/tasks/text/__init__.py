"""Classes of texts: reading, words and n-grams, networks, and which words decided."""

from retroprop.tasks.text.task import Text

__all__ = ["Text"]

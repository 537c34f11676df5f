"""Text generation: a language model learns a text, and writes."""

from retroprop.tasks.generation.task import Generation

__all__ = ["Generation"]

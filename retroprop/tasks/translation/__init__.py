"""Translation: sentences of one language into another."""

from __future__ import annotations

from retroprop.tasks.translation.task import Translation

__all__ = ["Translation"]

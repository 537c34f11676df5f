"""Image classification: from folders, tables of paths or arrays to a network and its heat maps."""

from __future__ import annotations

from retroprop.tasks.images.task import Images

__all__ = ["Images"]

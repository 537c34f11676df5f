"""Object detection: images in, boxes with classes out."""

from retroprop.tasks.detection.task import Detection

__all__ = ["Detection"]

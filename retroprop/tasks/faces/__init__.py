"""Face recognition: a network that puts photos of one person close to each other.

It is trained on some people and used for others: new people are enrolled with a photo or more,
without training.

    from retroprop import tasks
    from retroprop.tasks import faces

    run = tasks.Run(tasks.train("people/", task="faces")["run"]).load_weights()
    faces.enrol(run, "staff/")
    faces.identify(run, "door.jpg")["person"]
"""

from __future__ import annotations

from retroprop.tasks.faces.gallery import Gallery, Nearest, enrol, identify, verify
from retroprop.tasks.faces.photos import Photos, read_photos
from retroprop.tasks.faces.task import Faces

__all__ = ["Faces", "Gallery", "Nearest", "Photos", "enrol", "identify", "read_photos", "verify"]

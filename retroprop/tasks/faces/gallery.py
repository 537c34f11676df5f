"""The people a run knows: embeddings of their photos, kept in the run's folder.

RUN/gallery/
  gallery.json               who is enrolled with which photos, and the network it was made by
  embeddings-*.safetensors   one row per photo
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retroprop.errors import ArgumentError, CheckpointError, DataError
from retroprop.interop import weights as files
from retroprop.tasks.faces.photos import read_photos

if TYPE_CHECKING:
    from retroprop.tasks.run import Run
    from retroprop.tasks.task import Task

__all__ = ["Gallery", "Nearest", "enrol", "identify", "settled_threshold", "verify"]

FORMAT = 1
_UNKNOWN = "unknown"

Array = np.ndarray[Any, Any]


class Nearest(NamedTuple):
    """Of each photo: the person of the most similar enrolled photo, that photo, the similarity."""

    people: list[str]
    photos: list[str]
    similarity: list[float]


class Gallery:
    """Enrolled people.

    Args:
        folder: of the run.

    Attributes:
        people: (photos) the names, one for each enrolled photo.
        photos: where each of them comes from.
        points: (photos, features) their embeddings, of length 1.

    Raises:
        CheckpointError: the files are damaged, or were made by another network.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> run = Path(tempfile.mkdtemp())
        >>> _ = (run / "weights.safetensors").write_bytes(b"a network")
        >>> gallery = Gallery(run)
        >>> gallery.add(["Ada", "Bo"], ["ada/1.jpg", "bo/1.jpg"], np.eye(2, dtype=np.float32))
        >>> Gallery(run).nearest(np.array([[0.6, 0.8]])).people
        ['Bo']
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        run = Path(folder)
        self.folder = run / "gallery"
        self.network = _digest(run / "weights.safetensors")
        self.people: list[str] = []
        self.photos: list[str] = []
        self.points: Array = np.zeros((0, 0), np.float32)
        self._file = ""
        if (self.folder / "gallery.json").exists():
            self._read()

    def __len__(self) -> int:
        return len(self.people)

    def _read(self) -> None:
        place = self.folder / "gallery.json"
        try:
            record = json.loads(place.read_text(encoding="utf-8"))
            self.people = [str(row["person"]) for row in record["photos"]]
            self.photos = [str(row["photo"]) for row in record["photos"]]
            network, self._file = str(record["network"]), Path(record["embeddings"]).name
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise CheckpointError(
                f"{place} is damaged: {error!r}", fix=f"delete {self.folder} and enrol again"
            ) from None
        if network != self.network:
            raise CheckpointError(
                f"{self.folder} was made by another network than {self.folder.parent} has now",
                fix=f"delete {self.folder} and enrol again: its embeddings mean nothing here",
            )
        points = files.load(self.folder / self._file).get("embeddings")
        if points is None or points.ndim != 2 or points.shape[0] != len(self.people):
            raise CheckpointError(
                f"{self.folder / self._file} does not fit {place.name}",
                fix=f"delete {self.folder} and enrol again",
            )
        self.points = points.numpy()

    def add(
        self, people: Sequence[str], photos: Sequence[str], points: Any, *, force: bool = False
    ) -> None:
        """Enrol people, and write the files.

        Args:
            people: the name on each photo.
            photos: where each photo comes from.
            points: (photos, features) embeddings.
            force:  photos of people who are enrolled already replace the ones they have.

        Raises:
            ArgumentError: someone is enrolled already, and `force` was not given; none is added.
        """
        again = sorted(set(people) & set(self.people))
        if again and not force:
            more = f" and {len(again) - 5} more" if len(again) > 5 else ""
            raise ArgumentError(
                f"already enrolled: {', '.join(again[:5])}{more}; nobody was added",
                fix="leave them out, or replace their photos with --force",
            )
        kept = [index for index, person in enumerate(self.people) if person not in set(again)]
        rows = [self.points[kept]] if kept else []
        self.people = [self.people[index] for index in kept] + list(people)
        self.photos = [self.photos[index] for index in kept] + list(photos)
        self.points = np.concatenate([*rows, np.asarray(points, np.float32)])
        self._write()

    def _write(self) -> None:
        """The embeddings under a name of their own first: a kill leaves the old pair or the new."""
        before = self._file
        self.folder.mkdir(exist_ok=True)
        content = hashlib.sha256(np.ascontiguousarray(self.points).tobytes()).hexdigest()[:12]
        self._file = f"embeddings-{content}.safetensors"
        files.save({"embeddings": self.points}, self.folder / self._file)
        rows = [
            {"person": person, "photo": photo}
            for person, photo in zip(self.people, self.photos, strict=True)
        ]
        record = {
            "format": FORMAT, "network": self.network, "embeddings": self._file, "photos": rows,
        }  # fmt: skip
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        files.write_atomically(self.folder / "gallery.json", text.encode())
        if before and before != self._file:
            (self.folder / before).unlink(missing_ok=True)

    def inhabited(self) -> Gallery:
        """Itself.

        Raises:
            ArgumentError: nobody is enrolled.
        """
        if not len(self):
            raise ArgumentError(
                f"nobody is enrolled in {self.folder.parent}",
                fix=f"retroprop faces enrol {self.folder.parent} FOLDER",
            )
        return self

    def nearest(self, points: Any) -> Nearest:
        """Whose enrolled photo is most similar to each of some photos, by cosine.

        Raises:
            ArgumentError: nobody is enrolled.
        """
        known = self.inhabited().points.astype(np.float64)
        cosine = np.clip(np.asarray(points, np.float64) @ known.T, -1, 1)
        best = cosine.argmax(axis=1).tolist()
        return Nearest(
            [self.people[index] for index in best],
            [self.photos[index] for index in best],
            cosine.max(axis=1).tolist(),
        )

    def named(self, points: Any, threshold: float) -> dict[str, list[Any]]:
        """Columns `person` ("unknown" below the threshold), `similarity`, `nearest`, `photo`."""
        found = self.nearest(points)
        return {
            "person": [
                person if cosine >= threshold else _UNKNOWN
                for person, cosine in zip(found.people, found.similarity, strict=True)
            ],
            "similarity": found.similarity,
            "nearest": found.people,
            "photo": found.photos,
        }


def enrol(run: Run, source: Any, *, force: bool = False) -> dict[str, Any]:
    """Add people to the gallery of a run; nothing is trained.

    Args:
        run:    with its weights loaded.
        source: a folder person/photo.jpg, or anything `read_photos` takes with names.
        force:  photos of people who are enrolled already are replaced.

    Returns:
        `people` and `photos` that were added, `enrolled` people in all, `notes`.
    """
    task: Any = run.task
    photos = read_photos(source, form=task.form)
    gallery = Gallery(run.folder)
    people = [photos.names[number] for number in photos.y]
    points = run.trainer().predict(photos.x)
    gallery.add(people, [str(each) for each in photos.ids], points, force=force)
    return {
        "people": sorted(set(people)),
        "photos": len(people),
        "enrolled": len(set(gallery.people)),
        "notes": photos.notes,
    }


def identify(run: Run, source: Any, threshold: float | None = None) -> dict[str, Any]:
    """Who is on each photo: `person` ("unknown" below the threshold), `similarity`, `nearest`."""
    gallery = Gallery(run.folder).inhabited()
    photos = run.task.open(source)
    least = settled_threshold(run.task, threshold)
    found = gallery.named(run.trainer().predict(photos.x), least)
    return {"ids": list(photos.ids), **found, "threshold": least, "notes": photos.notes}


def verify(run: Run, first: Any, second: Any, threshold: float | None = None) -> dict[str, Any]:
    """Whether two photos show one person: `same`, `similarity`, `threshold`."""
    photos = [run.task.open(each) for each in (first, second)]
    for source, found in zip((first, second), photos, strict=True):
        if len(found) != 1:
            raise DataError(f"one photo is expected, it holds {len(found)}", file=source)
    left, right = (run.trainer().predict(each.x)[0].astype(np.float64) for each in photos)
    cosine = min(float(left @ right), 1.0)
    least = settled_threshold(run.task, threshold)
    return {"same": cosine >= least, "similarity": cosine, "threshold": least}


def settled_threshold(task: Task, given: float | None = None) -> float:
    """The similarity from which on two photos count as one person: as given, or the run's own.

    Raises:
        CheckpointError: none was given, and the training did not end.
    """
    if given is not None:
        return given
    if "threshold" not in task.settled:
        raise CheckpointError(
            "the run has no threshold: its training did not end",
            fix="continue it with retroprop train --resume, or give a threshold",
        )
    return float(task.settled["threshold"])


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror or error}") from None

"""A folder or a .zip of files, read the same way; nothing is unpacked."""

from __future__ import annotations

import os
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from retroprop.data.images import is_image_name
from retroprop.errors import DataError

__all__ = ["Store"]

_LARGEST = 1 << 28  # bytes of one member: a small .zip can hold a file that fills the memory


class Store:
    """The files of a folder or of a .zip, by their paths inside it.

    Args:
        path: of the folder, or of a file that ends in .zip.

    Attributes:
        names:  every file but hidden ones, sorted, with "/" between folders.
        images: those that are images by their names.

    Raises:
        DataError: it is not there, or damaged.

    Example:
        >>> Path("labels").mkdir()
        >>> _ = Path("labels/a.txt").write_text("0 0.5 0.5 0.2 0.2")
        >>> Store(".").names
        ['labels/a.txt']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        # Kept open, which threads may share for reading: its directory is read once.
        self._archive: zipfile.ZipFile | None = None
        if not self.path.is_dir():
            try:
                self._archive = zipfile.ZipFile(self.path)
                found = [one.filename for one in self._archive.infolist() if not one.is_dir()]
            except (OSError, zipfile.BadZipFile) as error:
                why = error.strerror if isinstance(error, OSError) else None
                raise DataError(f"cannot be read: {why or error}", file=self.path) from None
        else:
            found = [
                Path(where, name).relative_to(self.path).as_posix()
                for where, _, files in os.walk(self.path)
                for name in files
            ]
        self.names = sorted(name for name in found if not _hidden(name))
        self.images = [name for name in self.names if is_image_name(PurePosixPath(name).name)]
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for name in self.images:
            self._by_name[PurePosixPath(name).name].append(name)
            self._by_stem[PurePosixPath(name).stem].append(name)

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            DataError: it cannot be read.
        """
        try:
            if self._archive is None:
                return (self.path / name).read_bytes()
            if self._archive.getinfo(name).file_size > _LARGEST:
                raise DataError("the file is too large", file=self.at(name))
            return self._archive.read(name)
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise DataError(f"cannot be read: {error}", file=self.at(name)) from None

    def reader(self, name: str) -> Callable[[], bytes]:
        """What reads a file when it is called."""
        return lambda: self.read(name)

    def text(self, name: str) -> str:
        """The text of a file in UTF-8.

        Raises:
            DataError: it is no text.
        """
        try:
            return self.read(name).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise DataError("is not a text file in UTF-8", file=self.at(name)) from None

    def beginning(self, name: str, most: int) -> str:
        """The text of the first bytes of a file; "" of one that cannot be read."""
        try:
            if self._archive is not None:
                with self._archive.open(name) as member:
                    first = member.read(most)
            else:
                with open(self.path / name, "rb") as file:
                    first = file.read(most)
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
            return ""
        return first.decode("utf-8-sig", errors="replace")

    def at(self, name: str) -> str:
        """Where a file is, for people."""
        return f"{self.path}/{name}" if name else str(self.path)

    def ending(self, *endings: str) -> list[str]:
        """The files whose names end so."""
        return [name for name in self.names if name.lower().endswith(endings)]

    def image(self, named: str, near: str = "") -> str | None:
        """The image that an annotation names: at that path, or the one of that name.

        Args:
            named: path, name or stem of an image.
            near:  path of the annotation: of several, the image that shares most folders with it.
        """
        plain = PurePosixPath(named.replace("\\", "/"))
        beside = (PurePosixPath(near).parent / plain).as_posix()
        for path in (beside, plain.as_posix(), f"images/{plain}"):
            if path in self._by_name.get(plain.name, ()):
                return path
        found = self._by_name.get(plain.name) or self._by_stem.get(plain.name)
        return min(found, key=lambda name: -_shared(name, near)) if found else None


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__")) for part in PurePosixPath(name).parts)


def _shared(name: str, other: str) -> int:
    """How many folder names two paths have in common ("train" in images/train and labels/train)."""
    return len(set(PurePosixPath(name).parts[:-1]) & set(PurePosixPath(other).parts[:-1]))

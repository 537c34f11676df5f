"""From a folder, a table of paths or arrays to the parts of a data set; nothing is in two parts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from retroprop import data as datasets
from retroprop.data.data import assemble
from retroprop.data.decode import is_folder
from retroprop.data.folder import (
    ImageFile,
    checked_size,
    classes_of,
    drawn_files,
    labelled_files,
    nothing_readable,
    say_sizes,
    say_unreadable,
)
from retroprop.data.images import common_size, read_headers
from retroprop.errors import ArgumentError, DataError
from retroprop.tasks.images.listing import Listing, listed
from retroprop.tasks.images.pictures import Decoded, at, decode, digest

__all__ = ["arrays_of", "decoded", "is_table", "missing_files", "read"]

_MOST_REPEATS = 0.5  # share of repeats from which they are the nature of the data
_UNEVEN = 10  # times as many examples of one class as of another
_Notes = list[str]


def read(source: Any, given: Mapping[str, Any], target: str | None = None) -> Any:
    """The data of a source: `datasets.Data` whose inputs are uint8 images or `Pictures`.

    Args:
        source: a folder class/name.jpg, a table with a column of paths, a .npz file, a dict of
                arrays, a pair (x, y).
        given:  options: limit, test_fraction, seed, image_size, memory, strict.
        target: the column or array of classes.

    Raises:
        DataError: names file, line and column of what cannot be used.
    """
    if is_folder(source) or is_table(source):
        data = _from_files(source, given, target)
    else:
        if given.get("image_size") is not None:
            raise ArgumentError("image_size is for image files; these images have their own shape")
        names = ("limit", "test_fraction", "seed")
        chosen = {name: given[name] for name in names if given.get(name) is not None}
        data = datasets.load(
            arrays_of(source), target, task="classification", kind="images", **chosen
        )
        data.notes = [note for note in data.notes if not note.endswith("(as asked)")]
        if data.x_train.dtype.kind != "f":
            _bytes(data)
        _drop_repeats(data)
    _say_balance(data)
    return data


def is_table(source: Any) -> bool:
    """Whether the source is a table, or columns, or an open text stream.

    Example:
        >>> is_table({"path": ["a.png"]}), is_table({"x": np.zeros((1, 2, 2))}), is_table("a.npz")
        (True, False, False)
    """
    if isinstance(source, str | os.PathLike):
        return not os.fspath(source).lower().endswith(".npz")
    if isinstance(source, dict):
        return all(getattr(column, "ndim", 1) == 1 for column in source.values())
    return hasattr(source, "columns") or hasattr(source, "read")


def arrays_of(source: Any) -> Any:
    """Arrays as `data.load` takes them: one image or an array of images gets a name.

    Example:
        >>> arrays_of(np.zeros((8, 8)))["x"].shape
        (1, 8, 8)
    """
    if not isinstance(source, np.ndarray):
        return source
    single = source.ndim == 2 or (source.ndim == 3 and source.shape[2] in (1, 3))
    return {"x": source[None] if single else source}


def _bytes(data: Any) -> None:
    """Whole numbers that fit in a byte are kept as bytes."""
    parts = {name: getattr(data, name) for name in ("x_train", "x_test", "x_val")}
    known = [x for x in parts.values() if x is not None]
    fits = all(x.min() >= 0 and x.max() <= 255 for x in known)
    for name, x in parts.items():
        if x is not None and x.dtype != np.uint8:
            setattr(data, name, x.astype(np.uint8 if fits else np.float32))


# -- files -----------------------------------------------------------------------------------------


def _from_files(source: Any, given: Mapping[str, Any], target: str | None) -> Any:
    notes: _Notes = []
    if is_folder(source):
        root = named = os.fspath(source)
        files, places, name = labelled_files(root, notes), {}, "class"
    else:
        listing = listed(source, target)
        root, files, named, name = listing.root, listing.files, listing.source, listing.target
        places = listing.places
        files = missing_files(listing, notes, bool(given.get("strict")))
        notes.append(f'paths of images in column "{listing.column}", classes in "{name}"')
    seed = given.get("seed") or 0
    train = "train" if any(file.part == "train" for file in files) else files[0].part
    files = drawn_files(files, given.get("limit"), seed, notes)
    found = decoded(root, files, train, given, notes, places)
    first = {"test": 0, "val": 1}  # a repeat is dropped from the part that is learned from
    left = [file for file in files if file.name not in found.bad]
    order = sorted(range(len(left)), key=lambda k: (first.get(left[k].part, 2), k))
    kept = sorted(_first_ones(order, found.digests, left, notes))
    left = [left[k] for k in kept]
    classes = classes_of(left, train, named)
    notes.insert(0, f"images of {len(classes)} classes: {', '.join(classes[:20])}")
    goal = datasets.Target(name, "classification", "categorical", classes)
    return _parts(goal, at(found.x, kept), left, named, given, notes)


def missing_files(listing: Listing, notes: _Notes, strict: bool = False) -> list[ImageFile]:
    """The files that are there; those that are not are listed with their lines.

    Raises:
        DataError: with `strict` the first one that is missing; else when most are.
    """
    there = [os.path.isfile(os.path.join(listing.root, file.name)) for file in listing.files]
    gone = [file for file, found in zip(listing.files, there, strict=True) if not found]
    if gone and (strict or 2 * len(gone) > len(there)):
        others = f" (and {len(gone) - 1} more)" if len(gone) > 1 else ""
        raise DataError(
            f"no image file {gone[0].name}{others}", file=listing.source,
            row=listing.places[gone[0].name], column=listing.column,
            fix=f"paths are relative to {listing.root}",
        )  # fmt: skip
    if gone:
        shown = "; ".join(f"line {listing.places[file.name]}: {file.name}" for file in gone[:20])
        more = f"; and {len(gone) - 20} more" if len(gone) > 20 else ""
        are = "file is" if len(gone) == 1 else "files are"
        notes.append(f"{len(gone)} image {are} missing and left out: {shown}{more}")
    return [file for file, found in zip(listing.files, there, strict=True) if found]


def decoded(
    root: str,
    files: list[ImageFile],
    train: str,
    given: Mapping[str, Any],
    notes: _Notes,
    places: Mapping[str, int],
    shape: tuple[int, ...] | None = None,
) -> Decoded:
    """The pixels of files, or where to find them; those that cannot be read are listed.

    Args:
        root:   folder of the names.
        files:  what to read.
        train:  the part whose sizes decide what all are resized to.
        given:  options: image_size, memory, strict.
        notes:  get what was found out.
        places: name -> line of a table, for messages.
        shape:  (height, width, channels) that is already decided, or None.

    Raises:
        DataError: nothing can be read; with `strict` the first file that cannot.
    """
    strict, memory = bool(given.get("strict")), given.get("memory")
    headers, bad = read_headers(root, [file.name for file in files])
    if bad and strict:
        name, why = next(iter(bad.items()))
        raise DataError(why, file=os.path.join(root, name))
    shown = [headers[file.name] for file in files if file.part == train and file.name in headers]
    if not shown and shape is None:
        raise nothing_readable(root, bad)
    if shape is None:
        size = given.get("image_size")
        size = common_size(shown) if size is None else checked_size(size)
        channels = 1 if all(header.grey for header in shown) else 3
        say_sizes(shown, size, channels, notes)
    else:
        size, channels = (shape[0], shape[1]), shape[2]
    names = [file.name for file in files if file.name in headers]
    found = decode(root, names, size, channels, 1.0 if memory is None else memory, strict)
    bad |= found.bad
    if not found.names:
        raise nothing_readable(root, bad)
    lined = {f"line {places[k]}: {k}" if k in places else k: why for k, why in bad.items()}
    say_unreadable(lined, notes)
    if not isinstance(found.x, np.ndarray):
        notes.append(
            f"{len(found.names)} images take more than memory={1.0 if memory is None else memory:g}"
            " GB: they are read from their files whenever they are used"
        )
    return found._replace(bad=bad)


def _first_ones(
    order: list[int], digests: list[bytes], files: list[ImageFile], notes: _Notes
) -> list[int]:
    """Numbers of images that no earlier one in the order equals."""
    seen: dict[bytes, int] = {}
    kept = [k for k in order if seen.setdefault(digests[k], k) == k]
    repeats = len(order) - len(kept)
    if repeats > _MOST_REPEATS * len(order):
        notes.append(f"{repeats} of {len(order)} images repeat another one, and are kept")
        return order
    if repeats:
        other = sum(files[seen[digests[k]]].label != files[k].label for k in order)
        doubt = f"; {other} of them under another class, which is worth a look" if other else ""
        notes.append(f"{repeats} images that repeat another one are left out{doubt}")
    return kept


def _parts(
    goal: Any, x: Any, files: list[ImageFile], source: str, given: Mapping[str, Any], notes: _Notes
) -> Any:
    """Data with the source's own test (else val) part, or with one split off."""
    y = np.array([goal.classes.index(file.label) for file in files], np.int64)
    ids = np.array([file.name for file in files], dtype=object)
    parts = np.array([file.part for file in files])
    tests = [part for part in ("test", "val") if part in parts and "train" in parts]
    if not tests:
        numbers = np.arange(len(files))
        fraction = given.get("test_fraction") or 0.2
        data = assemble(
            "images", goal, numbers, y, ids, test_fraction=fraction, seed=given.get("seed") or 0,
            source=source, notes=notes,
        )  # fmt: skip
        data.x_train, data.x_test = at(x, data.x_train), at(x, data.x_test)
        return data
    rows = {part: np.flatnonzero(parts == part) for part in ("train", tests[0], "val")}
    train, test, val = rows["train"], rows[tests[0]], rows["val"]
    own = (at(x, val), y[val]) if tests == ["test", "val"] else None
    notes.append(
        f"{len(train)} images to train, {len(test)} to test (part {tests[0]})"
        + (f", {len(val)} to validate" if own else "")
    )
    return datasets.Data(
        "images", goal, (at(x, train), y[train], ids[train]), (at(x, test), y[test], ids[test]),
        validation=own, source=source, notes=notes,
    )  # fmt: skip


# -- what is said of any of them -------------------------------------------------------------------


def _drop_repeats(data: Any) -> None:
    """Training images that the test or validation part holds too, or that repeat, are left out."""
    taken = {digest(image) for x in (data.x_test, data.x_val) if x is not None for image in x}
    kept = []
    for number, image in enumerate(data.x_train):
        found = digest(image)
        if found not in taken:
            taken.add(found)
            kept.append(number)
    count = len(data.x_train)
    repeats = count - len(kept)
    if repeats > _MOST_REPEATS * count:
        data.notes.append(f"{repeats} of {count} training images repeat another one, and are kept")
    elif repeats:
        data.x_train, data.y_train = at(data.x_train, kept), data.y_train[kept]
        data.ids_train, data.groups_train = data.ids_train[kept], None
        data.notes.append(
            f"{repeats} training images that repeat another one, or one of the test part, are left "
            "out"
        )


def _say_balance(data: Any) -> None:
    counts = np.bincount(data.y_train, minlength=len(data.class_names))
    absent = [data.class_names[k] for k in np.flatnonzero(counts == 0)]
    if absent:
        data.notes.append(f"no training images of {', '.join(absent[:10])}")
    present = counts[counts > 0]
    if len(present) < 2:
        raise DataError("a single class: nothing to tell apart", file=data.source)
    if present.max() > _UNEVEN * present.min():
        data.notes = [note for note in data.notes if "out of balance" not in note]
        data.notes.append(
            f"classes are out of balance: the largest has {present.max()} training images, the "
            f"smallest {present.min()}; class_weight=balanced makes every class count the same"
        )

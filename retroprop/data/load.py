"""One door for data: files, folders, frames and arrays, for training and for a trained model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from retroprop.data.arrays import arrays_data, holds_pair, inputs_from_arrays
from retroprop.data.csv import read_csv
from retroprop.data.data import Data, Inputs
from retroprop.data.decode import existing
from retroprop.data.folder import folder_data, inputs_from_images
from retroprop.data.images import is_image_name
from retroprop.data.npz import read_npz
from retroprop.data.preprocess import Preprocessor
from retroprop.data.table import RawTable, raw_table
from retroprop.data.tabular import inputs_from_table, table_data
from retroprop.errors import ArgumentError, DataError

__all__ = ["load", "read_inputs"]

TABLES = (".csv", ".tsv", ".tab", ".txt", ".data")
SUPPORTED = (
    "tables (.csv, .tsv, .txt, .tab, .data, also .gz), arrays (.npz), "
    "folders of images (class/name.jpg)"
)
_WAYS = {
    ".npy": "save inputs and targets together: numpy.savez(path, x=..., y=...)",
    ".xlsx": "save the sheet as CSV, or pass pandas.read_excel(path)",
    ".xls": "save the sheet as CSV, or pass pandas.read_excel(path)",
    ".parquet": "pass pandas.read_parquet(path)",
    ".json": "pass pandas.read_json(path)",
    ".zip": "unpack it and give the folder or file inside",
    ".tar": "unpack it and give the folder inside",
}


def load(
    source: Any,
    target: str | None = None,
    *,
    task: str | None = None,
    kind: str | None = None,
    limit: int | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
    types: Mapping[str, str] | None = None,
    missing: Iterable[str] = (),
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    image_size: Any = None,
    channels: int | None = None,
    strict: bool = False,
) -> Data:
    """Read data to train on, whatever it comes in, and split off a test part.

    The source's own test part is used when it has one; else `test_fraction` of the examples are
    drawn with the seed (keeping the share of every class, and repeated examples together).

    Args:
        source:   path of a table, a `.npz` file or a folder of images; or a pandas or polars
                  frame, a dict of columns, a dict of arrays (x, y, x_train, ...), or a pair (x, y).
        target:   column or array to predict; guessed from its name when None.
        task:     "classification" or "regression"; decided from the target when None.
        kind:     "images" or "arrays", for arrays; told by their dimensions when None.
        limit:    at most this many examples, drawn with the seed; None for all.
        test_fraction, seed: of the split.
        types:    tables: column -> "numeric", "boolean", "categorical", "date" or "drop".
        missing:  tables: spellings of a missing value, besides the usual ones.
        delimiter, encoding, header: as in `read_csv`.
        image_size: folders: (height, width) or one number; found out when None.
        channels: folders: 1 (grey) or 3 (colour); found out when None.
        strict:   folders: stop at an image that cannot be read, instead of listing it in the notes.

    Returns:
        `Data`: raw examples, task, classes, and `notes` on everything inferred or left out.

    Raises:
        DataError: names file, row and column of what cannot be used.
        ArgumentError: an option outside its range, or one that this source does not take.
        MissingDependencyError: image files without Pillow.

    Example:
        >>> load({"size": [1, 2, 3, 4, 5, 6], "price": [1.5, 2.5, 3.1, 4.2, 5.0, 6.3]}, "price")
        Data(table, regression of 'price': 5 to train, 1 to test)
    """
    tables: dict[str, Any] = {"types": types, "missing": missing}
    files = {"delimiter": delimiter, "encoding": encoding, "header": header}
    folders: dict[str, Any] = {"image_size": image_size, "channels": channels, "strict": strict}
    form = _form(source)
    given = {**tables, **files, **folders, "target": target, "kind": kind}
    _refuse(form, [name for name, value in given.items() if value not in (None, False, ())])
    split: dict[str, Any] = {"limit": limit, "test_fraction": test_fraction, "seed": seed}
    if form == "folder":
        if task not in (None, "classification"):
            raise ArgumentError(f"a folder of images is for classification, not {task!r}")
        return folder_data(existing(source), **split, **folders)
    if form == "arrays":
        arrays, name = _arrays(source)
        return arrays_data(arrays, target, source=name, task=task, kind=kind, **split)
    raw = _table(source, form, (target,) if target else (), files)
    return table_data(raw, target, task=task, **tables, **split)


_OPTIONS = {
    "file": ("target", "types", "missing", "delimiter", "encoding", "header"),
    "frame": ("target", "types", "missing"),
    "arrays": ("target", "kind"),
    "folder": ("image_size", "channels", "strict"),
}
_CALLED = {
    "file": "a table", "frame": "a frame", "arrays": "arrays", "folder": "a folder of images",
    "image": "an image",
}  # fmt: skip


def _refuse(form: str, given: list[str]) -> None:
    """An option without effect is a misunderstanding: better said than passed over."""
    extra = [name for name in given if name not in _OPTIONS.get(form, ())]
    if extra:
        raise ArgumentError(
            f"{', '.join(extra)}: not an option for {_CALLED[form]}",
            fix=f"options are {', '.join(_OPTIONS.get(form, ()))}",
        )


def _form(source: Any) -> str:
    """What a source is: "folder", "image", "arrays", "file" (a table) or "frame"."""
    if isinstance(source, str | os.PathLike):
        return _form_of_path(existing(source))
    if isinstance(source, dict):
        whole = any(getattr(value, "ndim", 1) > 1 for value in source.values())
        parts = holds_pair({key: None for key in source if "train" in str(key).lower()})
        return "arrays" if whole or parts else "frame"
    if isinstance(source, tuple) and len(source) == 2:
        return "arrays"
    if hasattr(source, "columns") and hasattr(source, "__getitem__"):
        return "frame"
    raise ArgumentError(
        f"data cannot be read from {type(source).__name__}",
        fix=f"give a path ({SUPPORTED}), a frame, a dict of arrays or a pair (x, y)",
    )


def _form_of_path(path: str) -> str:
    if os.path.isdir(path):
        return "folder"
    name = os.path.basename(path).lower()
    if is_image_name(name):
        return "image"
    suffix = os.path.splitext(name.removesuffix(".gz"))[1]
    if suffix == ".npz":
        return "arrays"
    if suffix in TABLES:
        return "file"
    what = f"files of type {suffix!r}" if suffix else "files without a suffix"
    raise DataError(
        f"{what} are not supported; supported are {SUPPORTED}", file=path, fix=_WAYS.get(suffix)
    )


def _arrays(source: Any) -> tuple[dict[str, Any], str]:
    if isinstance(source, dict):
        return source, "arrays"
    if isinstance(source, tuple):
        return {"x": source[0], "y": source[1]}, "arrays"
    return read_npz(source), os.fspath(source)


def _table(source: Any, form: str, known: Iterable[str], files: dict[str, Any]) -> RawTable:
    if form == "image":
        raise DataError(
            "one image is not a data set", file=source,
            fix="give a folder of images, laid out as class/name.jpg",
        )  # fmt: skip
    return raw_table(source) if form == "frame" else read_csv(source, known=known, **files)


def read_inputs(
    source: Any,
    preprocessor: Preprocessor,
    *,
    with_target: bool = False,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    strict: bool = False,
) -> Inputs:
    """Read new data for a trained model, checked against what the model was trained on.

    Args:
        source:       as in `load`, or one image file.
        preprocessor: the fitted one that is stored with the model.
        with_target:  also read the target, to compare with; else its column is passed over.
        delimiter, encoding, header, strict: as in `load`.

    Returns:
        `Inputs`: `preprocessor.transform(inputs.x)` is what the network takes.

    Raises:
        DataError: data of another kind, columns missing, cells that do not fit, other image or
            array sizes, classes that training did not have; names file, row and column.

    Example:
        >>> data = load({"a": [1.0, 2.0, 4.0, 5.0, 6.0], "b": [1.5, 2.5, 3.5, 4.5, 5.5]}, "b")
        >>> pre = data.preprocessor().fit(data.x_train, data.y_train)
        >>> pre.transform(read_inputs({"a": [3.0]}, pre).x).shape
        (1, 1)
    """
    form = _form(source)
    if isinstance(source, dict) and preprocessor.kind != "table":
        form = "arrays"
    kinds = {"file": "table", "frame": "table", "folder": "images", "image": "images"}
    kind = kinds.get(form, preprocessor.kind)
    if kind != preprocessor.kind or (form == "arrays" and preprocessor.kind == "table"):
        raise DataError(
            f"the model was trained on {_KINDS[preprocessor.kind]}, this is {_CALLED[form]}",
            file=source if isinstance(source, str | os.PathLike) else None,
        )
    if form in ("folder", "image"):
        images: Any = preprocessor
        return inputs_from_images(existing(source), images, with_target, strict)
    if form == "arrays":
        arrays, name = _arrays(source)
        return inputs_from_arrays(arrays, preprocessor, with_target, name)
    known = _columns(preprocessor)
    files = {"delimiter": delimiter, "encoding": encoding, "header": header}
    table: Any = preprocessor
    return inputs_from_table(_table(source, form, known, files), table, with_target)


_KINDS = {"table": "a table", "images": "images", "arrays": "arrays"}


def _columns(preprocessor: Any) -> list[str]:
    """Names that show a first row to be a header."""
    target = [preprocessor.target.name] if preprocessor.target else []
    return [*preprocessor.schema.names, *preprocessor.schema.dropped, *target]

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.data import load, read_inputs
from retroprop.errors import ArgumentError, DataError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "data"
TABLE = "size,city,price\n" + "".join(f"{i * 7 % 30}.5,{'ab'[i % 2]},{i}.25\n" for i in range(30))


def test_every_format_gives_the_same_kind_of_object(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(TABLE.replace(",", "\t").encode()))
    np.savez(tmp_path / "a.npz", x=np.arange(60.0).reshape(30, 2), y=np.arange(30) + 0.5)
    for name, target, kind in (("a.csv", "price", "table"), ("a.tsv.gz", "price", "table"),
                               ("a.npz", None, "arrays")):  # fmt: skip
        data = load(tmp_path / name, target)
        assert (data.kind, data.task) == (kind, "regression")
        assert (len(data.y_train), len(data.y_test)) == (24, 6)
        pre = data.preprocessor().fit(data.x_train, data.y_train)
        inputs = read_inputs(tmp_path / name, pre, with_target=True)
        assert len(inputs) == len(inputs.y) == 30
        assert pre.transform(inputs.x).shape == (30, *pre.input_shape)


def test_the_examples_of_the_repository() -> None:
    iris = load(EXAMPLES / "iris.csv", "target")
    assert (iris.task, len(iris.class_names), len(iris.y_test)) == ("classification", 3, 31)
    wine = load(EXAMPLES / "wine.csv", "target")
    assert (wine.task, len(wine.schema.names)) == ("classification", 13)
    fashion = load(EXAMPLES / "fashion_mnist.npz", limit=100)
    assert (fashion.kind, len(fashion.class_names)) == ("images", 10)
    assert fashion.x_train.shape == (100, 28, 28)
    assert fashion.y_train.tolist().count(3) == 10


def test_the_split_depends_on_the_seed_only(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    ids = [load(tmp_path / "a.csv", "price", seed=seed).ids_test.tolist() for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


def test_sources_from_python() -> None:
    x, y = np.arange(60.0).reshape(30, 2), np.arange(30) % 2
    for source in ((x, y), {"x": x, "y": y}, {"x_train": x, "y_train": y}):
        data = load(source)
        assert (data.kind, data.task, len(data.y_train)) == ("arrays", "classification", 24)
    columns = {"a": list(range(0, 60, 2)), "b": ["x", "y", "z"] * 10}
    data = load(columns, "b")
    assert (data.kind, data.class_names) == ("table", ["x", "y", "z"])
    pandas_like = load({"x": np.arange(30) * 0.5, "y": np.arange(30) * 1.5})
    assert (pandas_like.kind, pandas_like.target.name) == ("table", "y")


def test_new_data_from_python() -> None:
    data = load({"a": np.arange(30) / 7, "b": ["x", "y", "z"] * 10}, "b")
    pre = data.preprocessor().fit(data.x_train)
    assert len(read_inputs({"a": [1.0, 2.0]}, pre)) == 2
    data = load((np.eye(20), np.arange(20) % 2))
    pre = data.preprocessor().fit(data.x_train)
    assert len(read_inputs({"x": np.eye(20)}, pre)) == 20
    assert read_inputs((np.eye(20), np.ones(20, dtype=int)), pre, with_target=True).y.sum() == 20


def test_headers_are_known_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "years.csv"
    path.write_text(
        "country,1990,1991\n" + "".join(f"c{i % 3},{i * 2},{i * 1.5}\n" for i in range(20))
    )
    data = load(path, "1991")
    pre = data.preprocessor().fit(data.x_train, data.y_train)
    assert read_inputs(path, pre).x.columns["1990"].tolist() == list(range(0, 40, 2))


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("a.xlsx", "files of type '.xlsx' are not supported; supported are tables"),
        ("a.npy", "numpy.savez"),
        ("a.parquet", "pandas.read_parquet"),
        ("noend", "files without a suffix are not supported"),
        ("a.jpg", "one image is not a data set"),
    ],
)
def test_files_that_are_not_supported(tmp_path: Path, name: str, match: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=match):
        load(tmp_path / name)


def test_paths_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        load(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="no image files in this folder"):
        load(tmp_path)


@pytest.mark.parametrize("source", [None, 3, [1, 2], np.zeros(3), (1, 2, 3)])
def test_sources_that_are_none(source: Any) -> None:
    with pytest.raises(ArgumentError, match="data cannot be read from"):
        load(source)


@pytest.mark.parametrize(
    ("source", "options", "match"),
    [
        ({"a": [1, 2], "b": [1, 2]}, {"delimiter": ";"}, "delimiter: not an option for a frame"),
        ({"a": [1, 2], "b": [1, 2]}, {"image_size": 8}, "image_size: not an option for a frame"),
        ((np.eye(4), np.arange(4)), {"types": {"a": "numeric"}}, "types: not an option for arrays"),
        ((np.eye(4), np.arange(4)), {"strict": True}, "strict: not an option for arrays"),
        (EXAMPLES / "iris.csv", {"kind": "images"}, "kind: not an option for a table"),
        (EXAMPLES, {"target": "x"}, "target: not an option for a folder of images"),
        (EXAMPLES, {"task": "regression"}, "a folder of images is for classification"),
    ],
)  # fmt: skip
def test_options_without_effect_are_refused(
    source: Any, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(ArgumentError, match=match):
        load(source, **options)


def test_data_of_another_kind(tmp_path: Path) -> None:
    data = load((np.eye(20), np.arange(20) % 2))
    pre = data.preprocessor().fit(data.x_train)
    with pytest.raises(DataError, match="the model was trained on arrays, this is a table"):
        read_inputs(EXAMPLES / "iris.csv", pre)
    with pytest.raises(
        DataError, match="the model was trained on arrays, this is a folder of images"
    ):
        read_inputs(tmp_path, pre)
    iris = load(EXAMPLES / "iris.csv", "target")
    pre = iris.preprocessor().fit(iris.x_train)
    with pytest.raises(DataError, match="the model was trained on a table, this is arrays"):
        read_inputs(EXAMPLES / "fashion_mnist.npz", pre)


@given(
    st.sampled_from([".csv", ".tsv", ".npz", ".csv.gz", ".txt"]),
    st.binary(max_size=150) | st.text(alphabet="a1,;\n\"\t.-", max_size=150).map(str.encode),
)  # fmt: skip
def test_any_file_is_data_or_refused(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("load") / f"a{suffix}"
    path.write_bytes(content)
    for target in (None, "a", "column_1"):
        try:
            data = load(path, target)
            pre = data.preprocessor().fit(data.x_train, data.y_train)
            assert np.isfinite(pre.transform(data.x_test)).all()
        except DataError:
            continue


CELLS = st.sampled_from(
    ["", "1", "2.5", "-3e5", "1e400", "a", "b", "yes", "no", "2020-01-02", "?", "x y"]
)


@given(st.integers(1, 4), st.data())
def test_any_table_is_data_or_refused(width: int, draw: st.DataObject) -> None:
    rows = draw.draw(
        st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=25)
    )
    columns = {f"c{i}": [row[i] for row in rows] for i in range(width)}
    task = draw.draw(st.sampled_from([None, "classification", "regression"]))
    try:
        data = load(columns, "c0", task=task)
        pre = data.preprocessor().fit(data.x_train, data.y_train)
    except DataError:
        return
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert np.isfinite(pre.transform(x)).all()
        assert np.isfinite(pre.transform_target(y)).all()
        assert len(pre.transform(x)) == len(y) > 0

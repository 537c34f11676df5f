from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from retroprop.data.standardise import (
    ArrayPreprocessor,
    ImagePreprocessor,
    preprocessor_from_dict,
)
from retroprop.data.target import Target
from retroprop.errors import ArgumentError, DataError, ShapeError


def pictures(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(700, 6, 5), (700, 6, 5, 1), (9, 6, 5, 3)])
def test_images_get_mean_zero_and_deviation_one(shape: tuple[int, ...]) -> None:
    x = pictures(*shape)
    pre = ImagePreprocessor()
    y = pre.fit_transform(x)
    channels = shape[3] if len(shape) == 4 else 1
    assert y.dtype == np.float32
    assert y.shape == (shape[0], channels, 6, 5)
    assert y.flags.c_contiguous
    assert pre.input_shape == (channels, 6, 5)
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(0, 2, 3)), 1, atol=1e-5)
    flat = x.reshape(-1, channels).astype(float)
    np.testing.assert_allclose(pre.mean_, flat.mean(axis=0))
    np.testing.assert_allclose(pre.scale_, flat.std(axis=0))


def test_a_channel_of_one_colour() -> None:
    assert (
        ImagePreprocessor().fit_transform(np.full((4, 2, 2), 7)).tolist()
        == np.zeros((4, 1, 2, 2)).tolist()
    )


def test_float_images_are_taken_as_they_are() -> None:
    x = np.random.default_rng(0).random((10, 4, 4)).astype(np.float16)
    y = ImagePreprocessor().fit_transform(x)
    assert abs(float(y.std()) - 1) < 1e-3


@pytest.mark.parametrize(
    ("x", "error", "match"),
    [
        (pictures(2, 5, 6), DataError, "images are 5x6 with 1 channels .* training had 6x5"),
        (pictures(2, 6, 5, 3), DataError, "6x5 with 3 channels"),
        (pictures(6, 5), ShapeError, "images must be"),
        (pictures(0, 6, 5), DataError, "there are no images"),
        (np.array([["a"]]), DataError, "images must be numbers"),
    ],
)
def test_images_that_do_not_fit(x: Any, error: type[Exception], match: str) -> None:
    pre = ImagePreprocessor().fit(pictures(3, 6, 5))
    with pytest.raises(error, match=match):
        pre.transform(x)


def test_features_are_standardised_one_by_one() -> None:
    x = np.random.default_rng(0).normal([0, 100, 5], [1, 20, 0], (500, 3))
    pre = ArrayPreprocessor()
    y = pre.fit_transform(x)
    np.testing.assert_allclose(y[:, :2].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(y[:, :2].std(axis=0), 1, atol=1e-5)
    assert (y[:, 2] == 0).all()
    assert pre.input_shape == (3,)


def test_bytes_share_one_scale() -> None:
    x = pictures(50, 12)
    x[:, 3] = 0
    y = ArrayPreprocessor().fit_transform(x)
    expected = (x.astype(float) - x.mean()) / x.std()
    np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_arrays_of_any_shape_become_features() -> None:
    assert ArrayPreprocessor().fit_transform(np.arange(24.0).reshape(4, 3, 2)).shape == (4, 6)
    assert ArrayPreprocessor().fit_transform(np.arange(4.0)).shape == (4, 1)


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 4)),
                  elements=st.floats(-1e308, 1e308))
)  # fmt: skip
def test_any_finite_features_give_finite_inputs(x: Any) -> None:
    pre = ArrayPreprocessor().fit(x)
    for values in (x, -x, x[:1] * 0 + 1e308):
        assert np.isfinite(pre.transform(values)).all()


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (np.zeros((2, 4)), r"examples have shape \(4,\), training had \(3,\)"),
        (np.array([[1, 2, 3], [1, np.nan, 3]]), "row 1: feature 1 is nan"),
        (np.zeros((0, 3)), "there are no feature arrays"),
        (np.array([["a", "b", "c"]]), "must be numbers"),
    ],
)
def test_features_that_do_not_fit(x: Any, match: str) -> None:
    pre = ArrayPreprocessor().fit(np.eye(3))
    with pytest.raises(DataError, match=match):
        pre.transform(x)


@pytest.mark.parametrize("cls", [ImagePreprocessor, ArrayPreprocessor])
def test_json_keeps_every_bit(cls: Any) -> None:
    x = pictures(9, 5, 4, 3) / 7
    target = Target("y", "classification", "numeric", ["0", "1"])
    pre = cls(target).fit(x, np.zeros(9))
    again = preprocessor_from_dict(json.loads(json.dumps(pre.to_dict())))
    assert type(again) is cls
    assert again.to_dict() == pre.to_dict()
    assert again.transform(x).tobytes() == pre.transform(x).tobytes()
    assert again.target.class_names == ["0", "1"]


@pytest.mark.parametrize(
    ("cls", "change"),
    [
        (ImagePreprocessor, {"mean": [1.0, 2.0]}),
        (ImagePreprocessor, {"shape": [5, 4]}),
        (ImagePreprocessor, {"scale": None}),
        (ArrayPreprocessor, {"center": [0.0]}),
        (ArrayPreprocessor, {"shape": "x"}),
    ],
)
def test_damaged_records(cls: Any, change: dict[str, Any]) -> None:
    record = cls().fit(np.arange(40.0).reshape(2, 5, 4)).to_dict()
    with pytest.raises(DataError, match="damaged preprocessor record"):
        preprocessor_from_dict({**record, **change})


def test_records_of_unknown_kinds() -> None:
    with pytest.raises(
        ArgumentError, match="unknown preprocessor kind 'image'; did you mean 'images'"
    ):
        preprocessor_from_dict({"kind": "image"})
    with pytest.raises(ArgumentError, match="unknown preprocessor kind None"):
        preprocessor_from_dict([])  # type: ignore[arg-type]


@pytest.mark.parametrize("cls", [ImagePreprocessor, ArrayPreprocessor])
def test_order_of_use(cls: Any) -> None:
    with pytest.raises(DataError, match="has learned nothing yet"):
        cls().transform(np.zeros((1, 2, 2)))

"""Weights go to disk and back, and damage is noticed."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop.errors import CheckpointError
from retroprop.interop import weights


def test_round_trip_with_metadata(tmp_path):
    path = tmp_path / "w.safetensors"
    tensors = {
        "a": rp.asarray(np.random.default_rng(0).normal(size=(2, 3))),
        "b.c": rp.asarray([1, 2], dtype=rp.int8),
        "empty": rp.zeros((0, 4)),
        "scalar": rp.asarray(True),
        "strided": rp.permute_dims(rp.asarray(np.arange(6.0).reshape(2, 3)), (1, 0)),
    }
    weights.save(tensors, path, {"note": "ñ"})
    loaded, metadata = weights.load_with_metadata(path)
    assert metadata == {"note": "ñ"}
    assert set(loaded) == set(tensors)
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        np.testing.assert_array_equal(loaded[name].numpy(), tensor.numpy())
    assert list(tmp_path.iterdir()) == [path]


def test_a_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "w.safetensors"
    rp.save({"a": rp.ones(100)}, path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="checksum"):
        rp.load(path)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "missing" / "w.safetensors"
    with pytest.raises(CheckpointError, match="cannot write"):
        rp.save({"a": rp.ones(1)}, path)


def test_missing_and_truncated_files(tmp_path):
    with pytest.raises(CheckpointError, match="no file"):
        rp.load(tmp_path / "nothing")
    path = tmp_path / "w.safetensors"
    rp.save({"a": rp.ones(100)}, path)
    whole = path.read_bytes()
    for length in (0, 4, 8, 50, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            rp.load(path)


@given(st.binary(max_size=200))
def test_any_bytes_load_or_are_explained(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "w.safetensors"
    path.write_bytes(content)
    with contextlib.suppress(CheckpointError):
        rp.load(path)


def test_the_same_tensors_make_the_same_bytes(tmp_path):
    contents = set()
    for k in range(8):
        weights.save({"a": rp.ones(3)}, tmp_path / str(k), {"b": "1", "c": "2", "d": "3"})
        contents.add((tmp_path / str(k)).read_bytes())
    assert len(contents) == 1

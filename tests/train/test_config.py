"""Options: defaults, overrides, files, mistakes."""

from __future__ import annotations

import json

import pytest

from retroprop.errors import ArgumentError, DataError
from retroprop.train import config


def test_overrides_are_read_by_their_option():
    read = config.parse_overrides(
        ["epochs=5", "lr=1e-3", "hidden=[64,32]", "batch_norm=yes", "patience=none", "seed=3.0"]
    )
    assert read == {
        "epochs": 5, "lr": 1e-3, "hidden": [64, 32], "batch_norm": True, "patience": None,
        "seed": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("epoch=5", "did you mean 'epochs'"),
        ("epochs", "key=value"),
        ("epochs=five", "cannot be read"),
        ("epochs=0", "at least 1"),
        ("epochs=1.5", "cannot be read"),
        ("lr=nan", "at least 0"),
        ("lr=inf", "at least 0"),
        ("dropout=1", "at most 0.95"),
        ("hidden=64,0", "at least 1"),
        ("batch_norm=maybe", "cannot be read"),
        ("epochs=1e999", "cannot be read"),
    ],
)
def test_mistakes_are_explained(word, message):
    with pytest.raises(ArgumentError, match=message):
        config.parse_overrides([word])


def test_defaults_follow_the_data_and_overrides_win():
    small, large = (config.resolve("table", n, {}) for n in (100, 50_000))
    assert small["batch_size"] < large["batch_size"]
    assert small["validation"] == 0 < large["validation"]
    assert config.resolve("images", 100, {})["model"] == "cnn"
    assert config.resolve("images", 100, {"model": "mlp"})["channels"] == []
    assert config.resolve("table", 100, {"lr": 0.5})["lr"] == 0.5
    assert set(small) == set(config.OPTIONS)


def test_files(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"epochs": 3}))
    (tmp_path / "b.toml").write_text("epochs = 4\nhidden = [8, 4]")
    (tmp_path / "run.json").write_text(json.dumps({"version": 1, "options": {"lr": 0.1}}))
    assert config.read_file(str(tmp_path / "a.json")) == {"epochs": 3}
    assert config.read_file(str(tmp_path / "b.toml")) == {"epochs": 4, "hidden": [8, 4]}
    assert config.read_file(str(tmp_path / "run.json")) == {"lr": 0.1}
    pytest.importorskip("yaml")
    (tmp_path / "c.yaml").write_text("epochs: 5\nlr: 1e-3\n")
    assert config.read_file(str(tmp_path / "c.yaml")) == {"epochs": 5, "lr": 1e-3}


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b"{"), ("a.json", b"\xff\xfe"), ("a.toml", b"= 1"), ("a.json", b"[1]")],
)
def test_damaged_files_are_named(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=name):
        config.read_file(str(path))


def test_an_unknown_option_in_a_file_names_the_file(tmp_path):
    (tmp_path / "a.json").write_text('{"epoch": 3}')
    with pytest.raises(ArgumentError, match=r"a\.json 'epoch'; did you mean 'epochs'"):
        config.read_file(str(tmp_path / "a.json"))


def test_damaged_yaml_is_named(tmp_path):
    pytest.importorskip("yaml")
    (tmp_path / "a.yaml").write_text("a: [1")
    with pytest.raises(DataError, match=r"a\.yaml"):
        config.read_file(str(tmp_path / "a.yaml"))
    (tmp_path / "b.yaml").write_text("!!python/object/apply:os.system [ls]")
    with pytest.raises(DataError, match=r"b\.yaml"):
        config.read_file(str(tmp_path / "b.yaml"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        config.read_file(str(tmp_path / "none.json"))


@pytest.mark.parametrize("name", ["deep.json", "deep.yaml"])
def test_a_file_nested_without_end_is_damaged(tmp_path, name):
    if name.endswith("yaml"):
        pytest.importorskip("yaml")
    (tmp_path / name).write_text("[" * 100_000)
    with pytest.raises(DataError, match=name):
        config.read_file(str(tmp_path / name))


def test_an_infinite_value_must_be_finite():
    with pytest.raises(ArgumentError, match="lr=inf must be finite"):
        config.parse_overrides(["lr=inf"])

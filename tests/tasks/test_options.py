"""Options: defaults, overrides, files, mistakes."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from retroprop import tasks
from retroprop.errors import ArgumentError, DataError
from retroprop.tasks import options
from retroprop.tasks.table import Table


def test_overrides_are_read_by_their_option():
    read = parse(
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
        parse([word])


def parse(words):
    return options.parse(Table.OPTIONS, words)


def read_file(path):
    return options.read_file(Table.OPTIONS, path)


def data(kind, rows):
    return SimpleNamespace(kind=kind, y_train=range(rows))


def test_defaults_follow_the_data_and_overrides_win():
    small, large = (options.resolve(Table, data("table", n), {}) for n in (100, 50_000))
    assert small["batch_size"] < large["batch_size"]
    assert small["validation"] == 0 < large["validation"]
    assert options.resolve(Table, data("table", 100), {"lr": 0.5})["lr"] == 0.5
    assert set(small) == set(Table.OPTIONS)


def test_a_preset_is_a_set_of_defaults():
    few = options.resolve(Table, data("table", 50_000), {"preset": "few", "dropout": 0.3})
    assert (few["activation"], few["dropout"], few["preset"]) == ("silu", 0.3, "few")
    with pytest.raises(ArgumentError, match="did you mean 'few'"):
        options.resolve(Table, data("table", 100), {"preset": "fewer"})


@pytest.mark.parametrize("name", tasks.names())
def test_every_preset_holds_options_of_its_task(name):
    sets = options.presets(tasks.get(name))
    assert sets
    assert all(set(values) <= set(tasks.get(name).OPTIONS) for values in sets.values())


def test_files(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"epochs": 3}))
    (tmp_path / "b.toml").write_text("epochs = 4\nhidden = [8, 4]")
    (tmp_path / "run.json").write_text(json.dumps({"version": 1, "options": {"lr": 0.1}}))
    assert read_file(str(tmp_path / "a.json")) == {"epochs": 3}
    assert read_file(str(tmp_path / "b.toml")) == {"epochs": 4, "hidden": [8, 4]}
    assert read_file(str(tmp_path / "run.json")) == {"lr": 0.1}
    (tmp_path / "c.yaml").write_text("epochs: 5\nlr: 1e-3\n")
    assert read_file(str(tmp_path / "c.yaml")) == {"epochs": 5, "lr": 1e-3}


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b"{"), ("a.json", b"\xff\xfe"), ("a.toml", b"= 1"), ("a.json", b"[1]")],
)
def test_damaged_files_are_named(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=name):
        read_file(str(path))


def test_an_unknown_option_in_a_file_names_the_file(tmp_path):
    (tmp_path / "a.json").write_text('{"epoch": 3}')
    with pytest.raises(ArgumentError, match=r"a\.json 'epoch'; did you mean 'epochs'"):
        read_file(str(tmp_path / "a.json"))


def test_damaged_yaml_is_named(tmp_path):
    (tmp_path / "a.yaml").write_text("a: [1")
    with pytest.raises(DataError, match=r"a\.yaml"):
        read_file(str(tmp_path / "a.yaml"))
    (tmp_path / "b.yaml").write_text("!!python/object/apply:os.system [ls]")
    with pytest.raises(DataError, match=r"b\.yaml"):
        read_file(str(tmp_path / "b.yaml"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_file(str(tmp_path / "none.json"))


@pytest.mark.parametrize("name", ["deep.json", "deep.yaml"])
def test_a_file_nested_without_end_is_damaged(tmp_path, name):
    (tmp_path / name).write_text("[" * 100_000)
    with pytest.raises(DataError, match=name):
        read_file(str(tmp_path / name))


def test_an_infinite_value_must_be_finite():
    with pytest.raises(ArgumentError, match="lr=inf must be finite"):
        parse(["lr=inf"])

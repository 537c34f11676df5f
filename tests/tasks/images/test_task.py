"""Image classification from data to report, and in a folder opened again."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from retroprop import tasks
from retroprop.errors import ArgumentError, CheckpointError, DataError
from retroprop.tasks.plan import plan

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
SMALL = {"hidden": [8], "epochs": 12, "batch_size": 16, "lr": 0.02}


def bars(count=60, side=8):
    """A bright column in one of three places."""
    y = np.arange(count) % 3
    x = RNG.integers(0, 60, (count, side, side)).astype(np.uint8)
    x[np.arange(count), :, y * 3] = 255
    return {"x": x, "y": y}


def quiet(source, folder, target=None, **options):
    settings = {**SMALL, "augment": "none", **options}
    return tasks.train(source, settings, target=target, folder=folder, progress=False, say=str)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Colour photographs in class folders, and what a small network learned of them."""
    root = tmp_path_factory.mktemp("photos")
    for name, colour in (("red", (180, 10, 10)), ("blue", (10, 10, 180))):
        (root / "data" / name).mkdir(parents=True)
        for i in range(20):
            noise = RNG.integers(0, 60, (10, 8, 3)).astype(np.uint8)
            Image.fromarray(noise + np.array(colour, np.uint8)).save(
                root / "data" / name / f"{i}.png"
            )
    result = quiet(str(root / "data"), root / "run")
    return root, result


def test_a_folder_of_photographs(photos):
    root, result = photos
    assert (result["task"], result["test_accuracy"]) == ("images", 1.0)
    run = tasks.Run(root / "run").load_weights()
    answer = run.predict(str(root / "data" / "red" / "3.png"), top=2)
    assert answer["prediction"] == ["red"]
    assert answer["prediction_2"] == ["blue"]
    assert answer["probability"][0] + answer["probability_2"][0] == pytest.approx(1)
    everything = run.predict(str(root / "data"))
    assert [one.split("/")[0] for one in everything["ids"]] == everything["prediction"]


def test_predictions_take_all_forms(photos, monkeypatch):
    root, _ = photos
    run = tasks.Run(root / "run").load_weights()
    monkeypatch.chdir(root / "data")
    names = ["blue/1.png", "red/1.png"]
    assert run.predict(names)["prediction"] == ["blue", "red"]
    stream = io.StringIO("path\n" + "\n".join(names) + "\n")
    assert run.predict(stream)["prediction"] == ["blue", "red"]
    assert run.predict({"file": names})["prediction"] == ["blue", "red"]
    pixels = np.asarray(Image.open(names[1]))
    assert run.predict(pixels)["prediction"] == ["red"]
    assert run.predict({"x": pixels[None]})["prediction"] == ["red"]
    assert run.evaluate(str(root / "data"))["test_accuracy"] == 1.0
    (root / "data" / "files.csv").write_text("path,label\nblue/1.png,blue\nred/1.png,blue\n")
    assert run.evaluate("files.csv")["test_accuracy"] == 0.5


def test_what_does_not_fit_is_refused(photos):
    root, _ = photos
    run = tasks.Run(root / "run").load_weights()
    with pytest.raises(DataError, match="8x8 with 1 channels .* training had 10x8 with 3"):
        run.predict(np.zeros((8, 8), np.uint8))
    with pytest.raises(DataError, match="no such file"):
        run.predict(["none.png"])
    with pytest.raises(DataError, match="classes that training did not have: green"):
        run.evaluate({"path": [str(root / "data/red/1.png")], "label": ["green"]})
    (root / "empty").mkdir(exist_ok=True)
    with pytest.raises(DataError, match="no image files here"):
        run.predict(str(root / "empty"))


def test_files_read_when_used_give_the_same_run(photos):
    root, result = photos
    streamed = quiet(str(root / "data"), root / "streamed", memory=0)
    assert streamed["test_accuracy"] == result["test_accuracy"]
    assert streamed["train_loss"] == pytest.approx(result["train_loss"], rel=1e-2)
    run = tasks.Run(root / "streamed").load_weights()
    photo = {"path": [str(root / "data/red/1.png")] * 2, "label": ["blue", "red"]}
    assert run.report(photo, root / "report.html")["test_accuracy"] == 0.5
    assert (root / "report.html").read_text().count("data:image/png") == 1  # the mistake


def test_the_report_shows_where_the_network_looks(tmp_path):
    wrong = bars(6)
    source = {
        **{f"{key}_train": value for key, value in bars(60).items()}, "x_test": wrong["x"],
        "y_test": (wrong["y"] + np.array([0, 0, 0, 1, 2, 1])) % 3,
    }  # fmt: skip
    quiet(source, tmp_path / "run", model="cnn", channels=[4])
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<script" not in page
    for words in ("Where it looks", "Worst mistakes", "Confusion matrix", "speaks for what it is"):
        assert words in page


def test_a_residual_network_learns_with_all_the_trimmings(tmp_path):
    result = tasks.train(
        bars(64), {"width": 8, "epochs": 10, "batch_size": 16, "lr": 0.02, "ema": 0.5,
                   "augment": "none", "validation": 0.25, "class_weight": "balanced"},
        folder=tmp_path / "run", progress=False, say=str,
    )  # fmt: skip
    assert result["test_accuracy"] > 0.8
    options = json.loads((tmp_path / "run" / "config.json").read_text())["options"]
    assert (options["model"], options["blocks"]) == ("resnet", 1)


def test_mixing_and_augmenting(tmp_path):
    result = quiet(bars(), tmp_path / "run", augment="shift,rotate", mix="cutmix", epochs=2)
    assert result["epochs"] == 2
    assert "waited" in (tmp_path / "run" / "metrics.csv").read_text()


def test_dense_layers_are_asked_for_by_their_sizes(tmp_path):
    for options, model in (({"hidden": [8]}, "mlp"), ({"model": "mlp"}, "mlp"),
                           ({"channels": [4]}, "cnn"), ({}, "resnet")):  # fmt: skip
        made = plan(bars(), options).job(tmp_path)
        assert made.options["model"] == model
    deep = plan(bars(), {"hidden": [8, 8], "activation": "sigmoid"}).job(tmp_path)
    assert str(deep.model).count("Sigmoid") == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [({"model": "cmm"}, "cnn"), ({"augment": "flips"}, "flip"), ({"mix": "cut"}, "cutmix"),
     ({"class_weight": "even"}, "balanced"), ({"width": 8, "hidden": [3], "model": "resnet"},
     "width")],
)  # fmt: skip
def test_mistakes_get_the_nearest_match(tmp_path, options, words):
    with pytest.raises(ArgumentError, match=words):
        tasks.train(bars(), options, folder=tmp_path / "run", progress=False, say=str)
    assert not (tmp_path / "run" / "log.jsonl").exists()


@pytest.mark.parametrize("key", ["shape", "mean", "background", "target"])
def test_a_record_that_was_edited_is_explained(photos, tmp_path, key):
    root, _ = photos
    for name in ("config.json", "preprocess.json", "weights.safetensors"):
        (tmp_path / name).write_bytes((root / "run" / name).read_bytes())
    record = json.loads((tmp_path / "preprocess.json").read_text())
    record[key] = None
    if key == "background":
        del record[key]
    (tmp_path / "preprocess.json").write_text(json.dumps(record))
    with pytest.raises(CheckpointError):
        tasks.Run(tmp_path)

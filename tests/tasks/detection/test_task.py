"""The task: a little detector learns squares; its folder finds them again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retroprop import tasks
from retroprop.errors import ArgumentError, CheckpointError, DataError
from retroprop.tasks.detection import Detection
from retroprop.tasks.detection.targets import marked
from retroprop.tasks.plan import plan
from tests.tasks.detection.made import encoded, folder, rows, squares, zipped

SMALL = {"channels": [8, 16], "head": 8, "blocks": 0, "ema": 0.0, "lr": 0.01}


def options(**changes):
    table = Detection.OPTIONS
    return {name: option.default for name, option in table.items()} | SMALL | changes


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A detector of red and blue squares, its result, and where it lies."""
    path = tmp_path_factory.mktemp("squares")
    split = ["train"] * 40 + ["val"] * 4 + ["test"] * 8
    zipped(path / "squares.zip", 52, split=split)
    said = []
    chosen = {**SMALL, "epochs": 24, "batch_size": 8}
    result = tasks.train(
        str(path / "squares.zip"), chosen, folder=path / "run", progress=False, say=said.append
    )
    return result, said, path


def test_it_learns_to_find_squares(trained):
    result, said, path = trained
    assert result["task"] == "detection"
    assert (result["train_examples"], result["test_examples"]) == (40, 8)
    assert result["test_map50"] > 0.8
    assert result["test_ap50_red"] > 0.7
    run = tasks.Run(path / "run").load_weights()
    part = run.task.open(str(path / "squares.zip"), with_target=True)
    ready = run.task.examples(part)
    assert run.task.measured_by == "mAP@0.5"
    assert 0.8 < run.task.judge(run.trainer(), ready.x, ready.y)[0] <= 1
    assert any("because it is a file of images with a table of boxes" in line for line in said)
    page = (path / "run" / "report.html").read_text()
    for words in ("Class by class", "Precision against recall", "Pictures", "mean average"):
        assert words in page


def test_it_finds_them_again(trained, tmp_path):
    path = trained[2]
    run = tasks.Run(path / "run").load_weights()
    images, marks = squares(6, seed=9)
    answer = run.predict(images, score=0.15)
    assert list(answer) == ["ids", "notes", "label", "score", "xmin", "ymin", "xmax", "ymax"]
    assert len(answer["ids"]) == len(answer["label"]) == len(answer["ymax"])
    corners = np.stack([answer[side] for side in ("xmin", "ymin", "xmax", "ymax")], axis=1)
    right = 0
    for k, inside in enumerate(marks):
        ours = np.array([name == f"image {k}" for name in answer["ids"]])
        for label, box in inside:
            same = ours & (np.array(answer["label"]) == label)
            right += bool((np.abs(corners - box).max(axis=1)[same] < 5).any())
    assert right >= 0.7 * sum(map(len, marks))
    assert len(run.predict(images, score=0.99)["ids"]) < len(answer["ids"])
    chosen = run.task.settled["score"]
    assert 0 < chosen < 1
    assert run.predict(images)["ids"] == run.predict(images, score=chosen)["ids"]
    with pytest.raises(ArgumentError, match="at most 1"):
        run.predict(images, score=2)


def test_predictions_become_pictures(trained, tmp_path):
    run = tasks.Run(trained[2] / "run").load_weights()
    folder(tmp_path / "new", 3, seed=4)
    answer = run.predict(tmp_path / "new")
    columns = {"example": answer.pop("ids"), **answer}
    columns.pop("notes")
    run.task.write(columns, tmp_path / "out")
    rows_of = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert [one["category"] for one in rows_of] == columns["label"]
    assert len(list((tmp_path / "out").glob("*.png"))) == 3
    run.task.write(columns, tmp_path / "out.csv")
    assert (
        (tmp_path / "out.csv").read_text().startswith("example,label,score,xmin,ymin,xmax,ymax\n")
    )


def test_other_data_are_measured_and_reported(trained, tmp_path):
    run = tasks.Run(trained[2] / "run").load_weights()
    folder(tmp_path / "new", 4, seed=4)
    with (tmp_path / "new" / "boxes.csv").open("a") as file:
        file.write("0.png,green,1,1,20,20\n")
    made = run.report(tmp_path / "new", tmp_path / "page.html")
    assert made["examples"] == 4
    assert made["test_map50"] > 0.5
    assert "did not have do not count: green (1)" in (tmp_path / "page.html").read_text()


def test_parts_are_drawn_where_the_data_have_none(tmp_path):
    folder(tmp_path / "a", 20)
    job = plan(tmp_path / "a", {**SMALL, "validation": 0.25}, task="detection").job(tmp_path / "b")
    parts = [set(part.ids) for part in job.parts]
    assert [len(part) for part in parts] == [12, 4, 4]
    assert len(set.union(*parts)) == 20
    again = plan(tmp_path / "a", {**SMALL, "validation": 0.25}, task="detection").job(
        tmp_path / "b"
    )
    assert [part.ids for part in again.parts] == [part.ids for part in job.parts]


def test_the_data_decide_how_long_and_how_coarse(tmp_path):
    folder(tmp_path / "a", 20)
    job = plan(tmp_path / "a", task="detection").job(tmp_path / "b")
    assert (job.options["epochs"], job.options["channels"]) == (200, [32, 48, 96])
    image = np.zeros((240, 320, 3), np.uint8)
    items = [
        {"image": image + np.uint8(k), "boxes": [[9, 9, 9 + 300, 229]], "labels": ["x"]}
        for k in range(4)
    ]
    job = plan(items, task="detection").job(tmp_path / "b")
    assert job.options["channels"] == [32, 48, 96, 128]
    assert job.task.strides == (8, 16, 32)
    large = job.y_train[0, : len(job.task.places.points), 0] == 0
    assert set(job.task.places.stride[large].tolist()) == {32}


def test_targets_fit_the_boxes(tmp_path):
    _, marks = folder(tmp_path / "a", 6, split=["train"] * 4 + ["val", "test"])
    job = plan(tmp_path / "a", SMALL, task="detection").job(tmp_path / "b")
    assert job.x_train.shape == (4, 48, 64, 3)
    places = job.task.places
    found = [marked(rows, places) for rows in job.y_train]
    for (boxes, labels), inside in zip(found, marks, strict=False):
        assert boxes.tolist() == [list(box) for _, box in inside]
        assert [job.task.classes[k] for k in labels] == [label for label, _ in inside]
    said = job.y_train[:, : len(places.points), 0]
    assert set(np.unique(said).tolist()) == {-1, 0, 1}
    assert job.task.class_weight(job.x_train) is None


def test_what_was_learned_is_restored(tmp_path):
    folder(tmp_path / "a", 6)
    job = plan(tmp_path / "a", SMALL, task="detection").job(tmp_path / "b")
    again = Detection(job.options)
    again.restore(job.task.to_dict())
    assert again.to_dict() == job.task.to_dict() == {"classes": ["blue", "red"], "canvas": [48, 64]}
    for damaged in (
        {},
        {"classes": [], "canvas": [48, 64]},
        {"classes": ["a"], "canvas": [50, 64]},
    ):
        with pytest.raises(CheckpointError, match="preprocess.json is damaged"):
            Detection(job.options).restore(damaged)


def test_bad_input_is_said_in_one_message(tmp_path):
    def read(source, **given):
        return Detection.read(source, given)

    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="there are no images in it"):
        read(tmp_path / "empty")
    bare = [{"image": np.zeros((9, 9, 3), np.uint8), "boxes": [], "labels": []}]
    with pytest.raises(DataError, match="no image has a box"):
        read(bare)
    images, marks = folder(tmp_path / "a", 4)
    (tmp_path / "a" / "images" / "2.png").write_bytes(encoded(images[2])[:200])
    data = read(tmp_path / "a")
    assert len(data) == 3
    assert any("images that could not be read, skipped: 1 (images/2.png" in n for n in data.notes)
    with pytest.raises(DataError, match=r"images/2\.png"):
        read(tmp_path / "a", strict=True)
    table = tmp_path / "a" / "boxes.csv"
    table.write_text(rows(marks).replace(".png", ".gone"))
    with pytest.raises(DataError, match=r"no image has a box.*without their image.*0\.gone"):
        read(tmp_path / "a")
    table.write_text("image,label,left\n0.png,red,3\n")
    with pytest.raises(DataError, match="neither XML.*the columns image, label, xmin"):
        read(tmp_path / "a")
    with pytest.raises(ArgumentError, match="no target column"):
        Detection.read(tmp_path / "a", {}, "label")
    with pytest.raises(ArgumentError, match="channels names 2 to 5"):
        Detection(options(channels=[8]))
    with pytest.raises(ArgumentError, match="class_weight is not for detection"):
        Detection(options(class_weight="balanced")).class_weight(None)


def test_exact_repeats_never_stand_in_two_parts(tmp_path):
    images, marks = squares(6)
    items = [
        {"image": images[k % 6], "boxes": [box for _, box in marks[k % 6]],
         "labels": [label for label, _ in marks[k % 6]]}
        for k in range(12)
    ]  # fmt: skip
    data = Detection.read(items, {})
    assert len(data) == 6
    assert "images that repeat another exactly, left out: 6" in data.notes
    assert len(Detection.read(items, {"limit": 3, "seed": 1})) <= 3

"""The task from a table to predictions and a report."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from retroprop import tasks
from retroprop.errors import ArgumentError, CheckpointError, DataError
from retroprop.tasks.plan import plan
from retroprop.tasks.text import Text, choose

GOOD = "good great lovely fine".split()
BAD = "bad awful poor boring".split()


def sentences(count, good=0.5):
    rng = np.random.default_rng(0)
    texts, labels = [], []
    for k in range(count):
        is_good = k < count * good
        word = rng.choice(GOOD if is_good else BAD)
        texts.append(f"the {rng.choice(['film', 'meal', 'phone'])} was {word} on day {k}")
        labels.append("yes" if is_good else "no")
    return texts, labels


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    said = []
    result = tasks.train(
        sentences(120), {"epochs": 25, "class_weight": "balanced"}, folder=folder, progress=False,
        say=said.append,
    )  # fmt: skip
    return tasks.Run(folder).load_weights(), result, said


def test_it_learns_and_says_what_it_does(trained):
    _, result, said = trained
    assert result["task"] == "text"
    assert result["test_accuracy"] == 1.0
    assert any("task: text (because" in line for line in said)
    assert "2 classes of texts: 96 examples" in " ".join(said)


def test_predictions_name_the_words_that_decided(trained):
    run = trained[0]
    answer = run.predict("what a boring film")
    assert answer["prediction"] == ["no"]
    assert answer["because"][0].startswith("boring +")
    assert "because" not in run.predict("what a boring film", because=0)


def test_every_way_to_ask_gives_the_same(trained, tmp_path):
    run = trained[0]
    texts = ["a great day", "such a poor meal"]
    (tmp_path / "a.csv").write_text("n,text\n" + "".join(f"{k},{t}\n" for k, t in enumerate(texts)))
    (tmp_path / "a.txt").write_text("\n".join(texts))
    folder = tmp_path / "folder"
    folder.mkdir()
    for k, text in enumerate(texts):
        (folder / f"{k}.txt").write_text(text)
    sources = [
        texts, (texts, None), {"text": texts}, io.StringIO("\n".join(texts)),
        str(tmp_path / "a.csv"), str(tmp_path / "a.txt"), str(folder),
    ]  # fmt: skip
    for source in sources:
        assert run.predict(source)["prediction"] == ["yes", "no"], source
    assert run.predict(str(folder))["ids"] == ["0.txt", "1.txt"]


def test_an_empty_text_is_answered_by_the_shares_of_the_classes(trained):
    answer = trained[0].predict(["", "a great day"])
    assert answer["probability"][0] == pytest.approx(0.5)
    assert answer["because"][0] == ""
    assert answer["notes"] == ["1 text is empty: the answer is the most common class"]


def test_scores_and_page_of_other_data(trained, tmp_path):
    run = trained[0]
    texts = {"text": ["a <b>great</b> day", "poor food", "", "awful, awful"],
             "label": ["yes", "no", "no", "yes"]}  # fmt: skip
    assert run.evaluate(texts)["test_accuracy"] == pytest.approx(2 / 3)
    scores = run.report(texts, tmp_path / "page.html")
    assert scores["examples"] == 3
    page = (tmp_path / "page.html").read_text()
    assert "The words that decided" in page
    assert "Confusion matrix" in page
    assert "What speaks for each class" in page
    assert "<b>great" not in page
    with pytest.raises(DataError, match="class 'maybe' was not there"):
        run.evaluate((["a day"], ["maybe"]))
    with pytest.raises(DataError, match="no texts with a class"):
        run.evaluate((["", " "], ["yes", "no"]))


def test_what_was_learned_is_restored(trained):
    run = trained[0]
    again = Text(run.config["options"])
    again.restore(json.loads(json.dumps(run.task.to_dict())))
    assert again.to_dict() == run.task.to_dict()
    with pytest.raises(CheckpointError, match="damaged"):
        again.restore({"classes": []})


def test_uneven_classes_count_the_same_and_it_is_said(tmp_path):
    data = sentences(100, good=0.1)
    job = plan(data, task="text").job(tmp_path)
    assert job.options["class_weight"] == "balanced"
    assert job.class_weight[0] < 1 < job.class_weight[1]
    assert any("classes are uneven: no 90%, yes 10%; each counts" in n for n in job.data.notes)
    job = plan(data, {"class_weight": "none"}, task="text").job(tmp_path)
    assert job.class_weight is None


def test_the_model_is_chosen_by_trials_and_brings_its_options(tmp_path, monkeypatch):
    scores = {"bag": 0.6, "gru": 0.9, "transformer": 0.7}
    monkeypatch.setattr(choose, "trials", lambda *given: scores)
    job = plan(sentences(260), {"lr": 0.5}, task="text").job(tmp_path)
    assert job.options["model"] == "gru"
    assert (job.options["lr"], job.options["vocabulary"]) == (0.5, 20000)
    assert len(job.parts.validation) == 21
    assert "gru 0.900" in job.headline()
    assert any("model=gru, chosen by" in note for note in job.data.notes)
    assert "trials" not in plan(sentences(60), task="text").job(tmp_path).headline()


def test_the_parts_of_the_source_are_kept(tmp_path):
    texts, labels = sentences(60)
    for k, (text, label) in enumerate(zip(texts, labels, strict=True)):
        part = "test" if k % 3 == 0 else "train"
        path = tmp_path / "data" / part / label / f"{k}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    job = plan(str(tmp_path / "data")).job(tmp_path / "run")
    assert job.task.name == "text"
    assert len(job.parts.test) == 20
    assert not set(job.parts.test.x) & set(job.parts.train.x)


def test_an_unknown_model_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="unknown model 'bags'; did you mean 'bag'"):
        plan(sentences(40), {"model": "bags"}, task="text").job(tmp_path)

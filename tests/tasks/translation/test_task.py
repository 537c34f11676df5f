"""Translation, from a file to translations: a language of a few words is learned in seconds."""

from __future__ import annotations

import io
import itertools
import json

import pytest

from retroprop.errors import ArgumentError, CheckpointError, DataError
from retroprop.tasks import Run, train
from retroprop.tasks.plan import plan
from retroprop.tasks.translation import Translation

pytest.importorskip("sentencepiece")
pytest.importorskip("sacrebleu")

WHO = {"the cat": "el gato", "the dog": "el perro", "the cow": "la vaca", "a man": "un hombre",
       "the sun": "el sol", "a bird": "un pájaro"}  # fmt: skip
DOES = {"sees": "ve", "eats": "come", "wants": "quiere", "has": "tiene"}
WHAT = {"two fish": "dos peces", "red bread": "pan rojo", "old milk": "leche vieja",
        "big trees": "árboles grandes", "no house": "ninguna casa"}  # fmt: skip
PAIRS = [
    (" ".join(one), " ".join((WHO[one[0]], DOES[one[1]], WHAT[one[2]])))
    for one in itertools.product(WHO, DOES, WHAT)
]
SMALL = {"width": 32, "inner": 32, "layers": 1, "heads": 2, "longest": 24, "dropout": 0.0,
         "batch_size": 4, "lr": 0.01, "epochs": 20, "label_smoothing": 0.0}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    said: list[str] = []
    result = train(PAIRS, SMALL, task="translation", folder=folder, progress=False, say=said.append)
    return result, said


@pytest.fixture(scope="module")
def opened(run) -> Run:
    return Run(run[0]["run"]).load_weights()


def test_a_small_language_is_learned(run) -> None:
    result, said = run
    assert result["task"] == "translation"
    assert result["test_bleu"] > 60
    assert result["test_accuracy"] > 0.8
    assert any(line.startswith("test BLEU ") for line in said)
    assert any(line.startswith("translation from source to target") for line in said)


def test_the_page_shows_what_was_measured(run) -> None:
    result, _ = run
    with open(f"{result['run']}/report.html", encoding="utf-8") as file:
        page = file.read()
    for words in ("Where it looks", "Examples", "Short and long sentences", "(end)"):
        assert words in page


def test_sentences_files_streams_and_empty_lines(opened, tmp_path) -> None:
    one = opened.predict("the cat eats old milk")
    assert one["ids"] == ["sentence"]
    path = tmp_path / "in.txt"
    path.write_text("the cat eats old milk\n\nthe sun has no house\n", encoding="utf-8")
    lines = opened.predict(str(path))
    assert lines["translation"][0] == one["translation"][0]
    assert lines["translation"][1] == ""
    assert lines["notes"] == ["1 empty line stayed empty"]
    stream = opened.predict(io.StringIO(path.read_text(encoding="utf-8")))
    assert stream["translation"] == lines["translation"]
    opened.task.write({"example": [1], **{k: lines[k] for k in ("source", "translation")}},
                      tmp_path / "out.txt")  # fmt: skip
    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert text.splitlines() == lines["translation"]
    with pytest.raises(DataError, match="no sentence to translate"):
        opened.predict(["", " "])


def test_long_texts_are_translated_in_parts_and_said(opened) -> None:
    answer = opened.predict([" ".join(["the cat eats"] * 12)])
    assert answer["notes"] == ["1 text had more than 24 sub-words and was translated in parts: 0"]


def test_evaluate_and_report_on_other_pairs(opened, tmp_path) -> None:
    result = opened.report(PAIRS[:8], tmp_path / "page.html")
    assert result["test_chrf"] > 50
    assert "Where it looks" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_attention_is_drawn_for_one_sentence(opened, tmp_path) -> None:
    picture = tmp_path / "seen.svg"
    opened.predict("the cat eats old milk", attention=str(picture))
    assert "Attention of" in picture.read_text(encoding="utf-8")
    for source, name, words in (
        ("the cat", picture, "exists"),
        (["a", "b"], tmp_path / "two.svg", "draws one sentence; there are 2"),
        ("the cat", tmp_path / "seen.png", "picture in SVG"),
    ):
        with pytest.raises(ArgumentError, match=words):
            opened.predict(source, attention=str(name))


def test_no_sentence_is_in_two_parts(tmp_path) -> None:
    rows = [*PAIRS, *((a, b + " hoy") for a, b in PAIRS[:40]), *((a + " now", b) for a, b in PAIRS)]
    parts = plan(rows, SMALL, task="translation").job(tmp_path).parts
    assert sum(map(len, parts)) == len(rows)
    for one, other in itertools.combinations(parts, 2):
        assert not set(one.x) & set(other.x)
        assert not set(one.y) & set(other.y)


def test_subwords_are_learned_on_the_training_part_alone(tmp_path) -> None:
    job = plan(PAIRS, SMALL, task="translation").job(tmp_path)
    hidden = set(job.parts.test.x)
    other = [(a + "!" if a in hidden else a, b) for a, b in PAIRS]
    again = plan(other, SMALL, task="translation").job(tmp_path)
    assert again.parts.test.x != job.parts.test.x
    assert again.task.to_dict() == job.task.to_dict()


def test_what_was_learned_is_restored(tmp_path) -> None:
    task = plan(PAIRS, SMALL, task="translation").job(tmp_path).task
    again = Translation(task.options)
    again.restore(json.loads(json.dumps(task.to_dict())))
    assert again.to_dict() == task.to_dict()
    assert again.words.encode("the cat") == task.words.encode("the cat")


def test_pairs_that_are_too_long_are_said(tmp_path) -> None:
    rows = [*PAIRS, ("the cat " * 30, "el gato " * 30)]
    made = plan(rows, {**SMALL, "seed": 1}, task="translation")
    job = made.job(tmp_path)
    assert "1 pairs of more than 24 sub-words" in job.headline()
    assert any("left out of the training" in note for note in made.data.notes)


def test_a_gru_and_the_other_direction(tmp_path) -> None:
    options = {**SMALL, "model": "gru", "reverse": "yes", "epochs": 12}
    folder = tmp_path / "run"
    result = train(PAIRS, options, task="translation", folder=folder, progress=False, say=str)
    assert result["test_accuracy"] > 0.5
    task = Run(folder).task
    assert task.sides == ("target", "source")
    assert task.open([("a cat", "un gato")]).x == ["un gato"]


def test_unknown_models_and_damaged_folders_are_refused(tmp_path) -> None:
    with pytest.raises(ArgumentError, match="unknown model 'rnn'"):
        plan(PAIRS, {"model": "rnn"}, task="translation").job(tmp_path)
    task = plan(PAIRS, SMALL, task="translation").job(tmp_path).task
    for record in ({}, {**task.to_dict(), "sides": ["a"]}, {**task.to_dict(), "subwords": {}}):
        with pytest.raises(CheckpointError, match="damaged"):
            Translation(task.options).restore(record)

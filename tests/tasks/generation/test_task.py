"""A text, trained on from end to end."""

from __future__ import annotations

import io

import numpy as np
import pytest

from retroprop import tasks
from retroprop.data.stream import Stream
from retroprop.errors import ArgumentError, DataError
from retroprop.tasks.generation import corpus
from retroprop.tasks.plan import plan

VERSE = "the cat sat on a mat, its dog by my log.\n"
TEXT = VERSE * 60
SMALL = {"hidden": 24, "embed": 12, "layers": 1, "window": 16, "batch_size": 8, "dropout": 0.0}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on a text that repeats itself, and what training it gave."""
    folder = tmp_path_factory.mktemp("generation")
    (folder / "verse.txt").write_text(TEXT)
    said = []
    options = {**SMALL, "hidden": 32, "epochs": 25, "lr": 0.02, "patience": None}
    source = folder / "verse.txt"
    result = tasks.train(source, options, folder=folder / "run", progress=False, say=said.append)
    return tasks.Run(folder / "run").load_weights(), result, said


def test_it_learns_and_says_how_well(trained):
    _, result, said = trained
    assert result["task"] == "generation"
    assert result["test_bits_per_character"] < 0.5 < result["test_unigram_bits"]
    assert result["test_loss"] == pytest.approx(result["test_bits_per_character"])
    assert said[0].strip().startswith("task: generation (because it is a file of running text")
    assert "bits per character (trigram" in said[-2]


def test_the_page_shows_samples_and_surprises(trained):
    run, _, _ = trained
    page = (run.folder / "report.html").read_text()
    for words in ("What it writes", "temperature 0.5", "What surprises it", "How good that is"):
        assert words in page


def test_it_writes_the_text_on(trained):
    run, _, _ = trained
    made = run.task.generate(run.model, "the cat", 40, temperature=0)
    assert made == (2 * VERSE)[7:47]
    said = []
    assert run.task.generate(run.model, "the cat", 40, temperature=0, say=said.append) == made
    assert "".join(said) == made
    assert run.task.generate(run.model, "", 8, temperature=0) == VERSE[:8]
    draws = {run.task.generate(run.model, "the ", 30, temperature=2.0, seed=k) for k in (1, 2)}
    assert len(draws) == 2


def test_unknown_characters_of_a_prompt(trained):
    run, _, _ = trained
    notes = []
    made = run.task.generate(run.model, "the ñcat", 5, temperature=0, note=notes.append)
    assert made == VERSE[7:12]
    assert notes == ["the model has never seen 'ñ': left out of what it reads"]
    with pytest.raises(ArgumentError, match="never seen any character of the prompt: 'é' 'ñ'"):
        run.task.generate(run.model, "éñ", 5)


def test_a_text_is_scored_as_a_whole_or_by_line(trained):
    run, _, _ = trained
    answer = run.predict([VERSE, VERSE[-2::-1]])
    assert answer["ids"] == ["text 1", "text 2"]
    assert answer["characters"] == [len(VERSE) - 1] * 2
    likely, unlikely = answer["bits_per_character"]
    assert likely + 2 < unlikely
    by_line = run.predict(io.StringIO(VERSE + "\nxyz €\n"), lines=True)
    assert by_line["ids"] == ["line 1", "line 3"]
    assert by_line["text"] == [VERSE[:-1], "xyz €"]
    assert "'x' 'z' '€'" in by_line["notes"][0]
    assert by_line["bits_per_character"][0] < 1 < by_line["bits_per_character"][1]


def test_a_run_is_measured_on_another_text(trained, tmp_path):
    run, _, _ = trained
    (tmp_path / "new.txt").write_text(VERSE * 3)
    scores = run.evaluate(tmp_path / "new.txt")
    assert scores["test_bits_per_character"] < 0.7
    assert "test_trigram_bits" not in scores  # the training text is not in the folder
    assert "test_xz_bits" in run.report(tmp_path / "new.txt", tmp_path / "page.html")


def test_the_text_is_cut_in_order(tmp_path):
    job = plan(TEXT, {**SMALL, "test_fraction": 0.2, "validation": 0.25}).job(tmp_path)
    parts = [part.corpus.string() for part in job.parts]
    assert "".join(parts) == TEXT
    assert [round(len(part) / len(TEXT), 2) for part in parts] == [0.6, 0.2, 0.2]
    assert (job.x_train[0][1:] == job.y_train[0][:-1]).all()
    assert job.x_train.dtype == np.uint8
    assert len(job.parts.train) == len(job.x_train) == (len(parts[0]) - 1) // 16
    assert job.asked["source"] == "text"


def test_a_transformer_writes_more_than_it_reads_at_once(tmp_path):
    changes = {**SMALL, "model": "transformer", "heads": 2, "epochs": 6, "lr": 0.02}
    result = tasks.train(TEXT, changes, folder=tmp_path / "run", progress=False, say=str)
    assert result["test_bits_per_character"] < result["test_unigram_bits"] - 1
    run = tasks.Run(tmp_path / "run").load_weights()
    assert len(run.task.generate(run.model, "the", 40)) == 40


def test_subwords(tmp_path):
    pytest.importorskip("sentencepiece")
    changes = {**SMALL, "tokens": "subwords", "vocabulary": 300, "window": 8, "epochs": 4}
    result = tasks.train(TEXT, changes, folder=tmp_path / "run", progress=False, say=str)
    assert result["test_bits_per_character"] < result["test_loss"] / 2  # several a sub-word
    assert result["test_examples"] < result["train_examples"] / 5
    run = tasks.Run(tmp_path / "run").load_weights()
    assert run.task.generate(run.model, "the ñ", 20)
    assert run.predict([VERSE])["characters"] == [len(VERSE) - 1]


def test_a_text_on_disk_is_trained_on_as_a_stream(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus.gathered, "__defaults__", (1000,))
    job = plan(TEXT, SMALL).job(tmp_path)
    assert isinstance(job.x_train, Stream)
    x, y = job.x_train.take([0, 3]), job.y_train.take([0, 3])
    assert (x[:, 1:] == y[:, :-1]).all()
    assert job.task.tokens.decode(x[1]) == TEXT[48:64]


def test_texts_that_are_too_short_or_have_columns():
    with pytest.raises(DataError, match="too short.*window of 64") as error:
        plan("a short text\n" * 20).job(None)
    assert "smaller window" in str(error.value)
    with pytest.raises(ArgumentError, match="no column 'a'"):
        plan(TEXT, target="a", task="generation")
    with pytest.raises(ArgumentError, match="unknown option 'label_smoothing'"):
        plan(TEXT, {"label_smoothing": 0.1})
    with pytest.raises(ArgumentError, match="class_weight is for classes"):
        plan(TEXT, {**SMALL, "class_weight": "balanced"}).job(None)
    with pytest.raises(ArgumentError, match="markov"):
        plan(TEXT, {**SMALL, "model": "markov"}).job(None)

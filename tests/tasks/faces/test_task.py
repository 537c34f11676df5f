"""Face recognition from photos to names."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retroprop import tasks
from retroprop.errors import ArgumentError, CheckpointError, DataError
from retroprop.tasks import faces
from retroprop.tasks.faces import scores
from retroprop.tasks.faces.augment import Retake
from retroprop.tasks.faces.photos import Photos
from retroprop.tasks.faces.spread import evening
from retroprop.tasks.faces.task import Faces, Partners
from retroprop.tasks.options import resolve
from tests.tasks.faces.drawn import draw, save

PHOTOS, WHO = draw(14, 6)
SMALL = {
    "channels": [8], "embedding": 16, "batch_size": 16, "epochs": 20, "dropout": 0, "augment": 0.3,
    "members": 1,
}  # fmt: skip


def quiet(*arguments):
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run, and its result."""
    folder = tmp_path_factory.mktemp("faces") / "run"
    source = {"images": PHOTOS, "subject": WHO}
    result = tasks.train(source, SMALL, folder=folder, progress=False, say=quiet)
    return folder, result


def opened(trained):
    return tasks.Run(trained[0]).load_weights()


def made(source, **options):
    data = Faces.read(source, options)
    task = Faces(resolve(Faces, data, options))
    return task, data, task.split(data)


def test_images_with_identities_are_faces(tmp_path):
    np.savez(tmp_path / "who.npz", images=PHOTOS, subject=WHO)
    np.savez(tmp_path / "labels.npz", images=PHOTOS, label=WHO)
    np.savez(tmp_path / "table.npz", x=np.zeros((3, 2)), subject=np.zeros(3))
    (tmp_path / "broken.npz").write_text("?")
    assert tasks.choose(str(tmp_path / "who.npz"))[0] is Faces
    for name in ("labels.npz", "table.npz", "broken.npz"):
        assert not Faces.claims(str(tmp_path / name), None)
    assert not Faces.claims({"a": [1], "subject": [2]}, None)
    assert not Faces.claims({"images": PHOTOS, "subject": WHO}, "subject")


def test_nobody_is_in_two_parts():
    _, data, parts = made((PHOTOS, WHO))
    groups = [set(part.people.tolist()) for part in parts]
    assert [len(group) for group in groups] == [8, 2, 4]
    assert set.union(*groups) == set(range(14))
    assert sum(len(part) for part in parts) == len(data)
    other = made((PHOTOS, WHO), seed=1)[2]
    assert set(other.test.people.tolist()) != groups[2]
    held = parts.validation.y[:4].tolist()
    assert len(set(held)) == 2  # the photos of several people take turns


def test_repeats_are_dropped():
    photos = np.concatenate([PHOTOS, PHOTOS[:3], PHOTOS[6:7]])
    who = np.concatenate([WHO, WHO[:3], [0]])
    data = Faces.read((photos, who), {})
    assert len(data) == len(PHOTOS) - 1
    assert any("4 repeated photos" in note for note in data.notes)
    assert any("under two people" in note for note in data.notes)


def test_who_has_a_single_photo_is_only_learned_from():
    keep = np.flatnonzero((WHO > 1) | (np.arange(len(WHO)) % 6 == 0))
    _, data, parts = made((PHOTOS[keep], WHO[keep]))
    assert {0, 1} <= set(parts.train.people.tolist())
    assert any("single photo (2)" in note for note in data.notes)


def test_too_few_people_are_refused():
    for people, message in ((1, "one person has"), (3, "3 people have")):
        few = np.isin(WHO, range(people))
        with pytest.raises(DataError, match=message):
            made((PHOTOS[few], WHO[few]))
    with pytest.raises(DataError, match="no people have two"):
        made((PHOTOS[::6], WHO[::6]))


def test_without_validation_that_is_said():
    _, data, parts = made((PHOTOS, WHO), validation=0)
    assert parts.validation is None
    assert any("nobody is held out" in note for note in data.notes)


def test_triplets_learn_from_pairs_of_one_person():
    task, _, parts = made((PHOTOS, WHO), loss="triplet")
    task.learn(parts.train)
    ready = task.examples(parts.train)
    assert task.options["margin"] == 0.3
    pairs = ready.x.take([0, 5])
    assert pairs.shape == (2, 2, 24, 20, 1)
    assert (pairs[0, 1] == parts.train.x[1]).all()
    assert (pairs[1, 1] == parts.train.x[0]).all()
    assert isinstance(task.augment(), Partners)


def test_partners_are_drawn_among_the_person_s_photos():
    photos = Photos(PHOTOS[:12, :, :, None], WHO[:12])
    x = np.repeat(photos.x[:, None], 2, axis=1)
    drawn, y = Partners(photos, Retake(0, mirror=False))(x, WHO[:12], np.random.default_rng(0))
    assert (drawn[:, 0] == photos.x).all()
    where = [int((photos.x == one).all(axis=(1, 2, 3)).argmax()) for one in drawn[:, 1]]
    assert (WHO[where] == y).all()
    assert len(set(where)) > 4


def test_options_are_checked():
    with pytest.raises(ArgumentError, match="unknown loss 'triplets'; did you mean"):
        made((PHOTOS, WHO), loss="triplets")
    with pytest.raises(ArgumentError, match="no target"):
        Faces.read((PHOTOS, WHO), {}, "subject")


def test_it_learns_to_tell_strangers_apart(trained):
    _, result = trained
    assert result["test_rank1"] > max(0.85, result["test_pixels_rank1"] + 0.1)
    assert result["test_eer"] < 0.2
    assert (result["train_examples"], result["test_examples"]) == (48, 24)
    assert "from one photo" in Faces.summary(opened(trained).task, result)


def test_the_threshold_is_kept(trained):
    folder, result = trained
    record = json.loads((folder / "preprocess.json").read_text())
    assert record["settled"]["threshold"] == result["test_threshold"]
    assert record["settled"]["people"] == 2
    assert record["settled"]["pairs_of_two_people"] == 6 * 6 + 12 * 48
    page = (folder / "report.html").read_text()
    assert "Worst mistakes" in page
    assert "<script" not in page


def test_strangers_of_the_threshold_are_held_out_and_learned_people(trained):
    run = opened(trained)
    _, _, parts = made((PHOTOS, WHO), **SMALL)
    held, learned = (run.trainer().predict(part.x) for part in (parts.validation, parts.train))
    among = scores.pairs(held, parts.validation.y).different
    least = [scores.threshold(each, 0.01) for each in (among, (held @ learned.T).ravel())]
    assert run.task.settled["threshold"] == pytest.approx(max(least), abs=1e-5)


def test_the_spread_is_evened_by_those_who_were_learned_from(trained):
    run = opened(trained)
    _, _, parts = made((PHOTOS, WHO), **SMALL)
    sides = np.stack([parts.train.x, parts.train.x[:, :, ::-1]], axis=1)
    points = run.trainer().predict(sides)
    assert points.shape == (48, 2, 1, 16)
    change = evening(points.reshape(96, 16), parts.train.y.repeat(2), 0.003)
    member = run.model.members[0]
    assert member.evening.numpy() == pytest.approx(change.matrix, rel=1e-2, abs=1e-2)
    assert member.middle.numpy() == pytest.approx(change.middle, abs=1e-4)


def test_resuming_knows_its_data_again(trained):
    folder, _ = trained
    more = tasks.train(
        {"images": PHOTOS, "subject": WHO}, folder=folder, resume=True, progress=False, say=quiet
    )
    assert more["epochs"] == 20
    assert more["test_eer"] == pytest.approx(trained[1]["test_eer"])
    assert more["test_threshold"] == pytest.approx(trained[1]["test_threshold"], abs=1e-5)


def test_evaluating_leaves_out_who_was_learned_from(trained):
    run, result = opened(trained), trained[1]
    scored = run.evaluate({"images": PHOTOS, "subject": WHO})
    assert scored["examples"] == 24
    assert scored["test_eer"] == pytest.approx(result["test_eer"])
    people = run.task.people
    known = np.isin(WHO.astype(str), people)
    part = run.task.open((PHOTOS[known], WHO[known]), with_target=True)
    assert "scores flatter" in part.notes[-1]


def test_people_are_enrolled_named_and_compared(trained, tmp_path):
    run = opened(trained)
    run.task.settled = {"threshold": 0.3}
    new, who = draw(3, 2, (30, 26), seed=5)
    assert list(run.predict(new))[2] == "embedding_1"
    with pytest.raises(ArgumentError, match="nobody is enrolled"):
        faces.identify(run, new)
    save(tmp_path, new[::2], who[::2], ["Ada", "Bo", "Cy"])
    added = faces.enrol(run, tmp_path)
    assert (added["people"], added["photos"], added["enrolled"]) == (["Ada", "Bo", "Cy"], 3, 3)
    with pytest.raises(ArgumentError, match="already enrolled"):
        faces.enrol(run, tmp_path)
    assert faces.enrol(run, tmp_path, force=True)["enrolled"] == 3
    found = faces.identify(run, new[::2])
    assert found["nearest"] == ["Ada", "Bo", "Cy"]
    assert found["similarity"] == pytest.approx([1, 1, 1], abs=1e-4)
    assert faces.identify(run, new[1::2], 1.0)["person"] == ["unknown"] * 3
    assert run.predict(new[::2])["person"] == ["Ada", "Bo", "Cy"]
    assert len(run.predict(new, what="embedding")["embedding_16"]) == 6
    with pytest.raises(ArgumentError, match="unknown what"):
        run.predict(new, what="names")
    same = faces.verify(run, new[:1], new[:1])
    assert same["same"]
    assert same["similarity"] == pytest.approx(1, abs=1e-4)
    with pytest.raises(DataError, match="one photo is expected"):
        faces.verify(run, new[:2], new[:1])


def test_a_run_that_did_not_end_has_no_threshold(trained):
    run = opened(trained)
    run.task.settled = {}
    with pytest.raises(CheckpointError, match="did not end"):
        faces.verify(run, PHOTOS[:1], PHOTOS[1:2])
    assert "same" in faces.verify(run, PHOTOS[:1], PHOTOS[1:2], 0.5)


def test_a_damaged_record_is_refused(trained):
    task = opened(trained).task
    for record in ({}, {"form": [1], "people": [], "held": []}, {"form": None, "people": []}):
        with pytest.raises(CheckpointError, match="damaged"):
            task.restore(record)


def test_balanced_people_count_the_same():
    keep = np.flatnonzero((WHO > 5) | (np.arange(len(WHO)) % 6 < 2))
    task, _, parts = made((PHOTOS[keep], WHO[keep]), class_weight="balanced")
    task.learn(parts.train)
    ready = task.examples(parts.train)
    weights = task.class_weight(ready)
    totals = [weights[k] * (ready.y == k).sum() for k in weights]
    assert totals == pytest.approx([totals[0]] * len(totals))

"""Face recognition as a task: trained on some people, chosen on others, tested on others again."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from retroprop import nn
from retroprop.data.dataset import Dataset
from retroprop.data.stream import Stream
from retroprop.errors import ArgumentError, CheckpointError, DataError, unknown
from retroprop.tasks.faces import scores, show
from retroprop.tasks.faces.augment import Retake
from retroprop.tasks.faces.gallery import Gallery, settled_threshold
from retroprop.tasks.faces.network import Embedder, FaceLoss
from retroprop.tasks.faces.photos import IDENTITIES, Form, Photos, read_photos
from retroprop.tasks.faces.spread import evening
from retroprop.tasks.options import COMMON, Option, flag, maybe, sizes, whole
from retroprop.tasks.task import Parts, Task
from retroprop.train.trainer import Trainer

__all__ = ["Faces", "Partners"]

_LOSSES = {"arcface": 0.4, "triplet": 0.3}  # with their margins
_MOST_SCORED = 3000  # photos: pairs grow with the square
_TOGETHER = 8  # people whose photos the validation part mixes: a batch shall hold several of each


class Partners:
    """Pairs of photos of one person: the second of each is drawn anew, then both are taken again.

    Args:
        photos: what is learned from.
        retake: what changes the photos.

    Example:
        >>> few = Photos(np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 0]))
        >>> x, y = np.zeros((1, 2, 4, 4, 1), np.uint8), np.array([0])
        >>> Partners(few, Retake())(x, y, np.random.default_rng(0))[0].shape
        (1, 2, 4, 4, 1)
    """

    def __init__(self, photos: Photos, retake: Retake) -> None:
        self.photos, self.retake = photos, retake
        self.members = {int(one): np.flatnonzero(photos.y == one) for one in photos.people}

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """The batch with other second photos."""
        others = [rng.choice(self.members[int(person)]) for person in y]
        pairs = np.stack([x[:, 0], self.photos.x[others]], axis=1)
        return self.retake(pairs, y, rng)


class Faces(Task):
    """Recognise people on photos, also people that were not there in training."""

    name = "faces"
    about = "recognise people on photos: a folder person/photo.jpg, or images with identities"
    presets = "faces"
    keep = "last"
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "loss": Option(str, "arcface", None, None, "arcface or triplet"),
        "margin": Option(
            maybe(float), None, 0, 1.5, "arcface: radians (0.4); triplet: of the cosine (0.3)"
        ),
        "scale": Option(float, 24.0, 1, 256, "arcface: factor of the cosines"),
        "channels": Option(sizes, [16, 32, 64, 128], 1, 2**12, "of the stages, each half as large"),
        "embedding": Option(whole, 128, 2, 2**14, "numbers that each member makes of a face"),
        "members": Option(whole, 1, 1, 64, "networks that learn side by side and judge together"),
        "image_size": Option(whole, 64, 8, 1024, "longer side of the photos the network sees"),
        "dropout": Option(float, 0.3, 0, 0.95, "share of values dropped before the last layer"),
        "shrinkage": Option(
            float, 0.003, 0, 1, "of the spread that is evened out once trained; 1: it is left"
        ),
        "augment": Option(float, 1.0, 0, 3, "strength of turning, moving, lighting; 0 for none"),
        "mirror": Option(flag, True, None, None, "mirrored photos show the same person"),
        "false_accepts": Option(
            float, 0.01, 1e-5, 0.5, "share of pairs of two people that may pass as one"
        ),
        "strict": Option(flag, False, None, None, "stop at a photo that cannot be read"),
        **COMMON,
    }
    PREDICT: ClassVar[Mapping[str, Option]] = {
        "what": Option(str, "auto", None, None, "person, embedding; auto: by who is enrolled"),
        "threshold": Option(maybe(float), None, -1, 1, "least similarity; the run's own when none"),
    }

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.form = Form(0, 0, 0)
        self.people: list[str] = []
        self.held: list[str] = []
        self._learned: Photos | None = None

    # -- data ------------------------------------------------------------------------------------

    @classmethod
    def claims(cls, source: Any, target: str | None) -> str:
        """Arrays of images with an identity for each."""
        if target is not None:
            return ""
        found: list[str] = []
        if isinstance(source, str | os.PathLike) and os.fspath(source).endswith(".npz"):
            try:
                with zipfile.ZipFile(source) as archive:
                    found = [name.removesuffix(".npy") for name in archive.namelist()]
            except (OSError, zipfile.BadZipFile):
                return ""
        elif isinstance(source, Mapping):
            found = [str(name) for name in source]
        who = next((name for name in IDENTITIES if name in found), None)
        pictures = "images" in found or "photos" in found or "faces" in found
        return f'it has images and "{who}", who is on each' if who and pictures else ""

    @classmethod
    def read(cls, source: Any, given: dict[str, Any], target: str | None = None) -> Photos:
        """The photos, without repeats."""
        if target is not None:
            raise ArgumentError("faces have no target column; the folder or array says who it is")
        longest = given.get("image_size") or cls.OPTIONS["image_size"].default
        photos = read_photos(
            source, longest=longest, limit=given.get("limit"), seed=given.get("seed", 0),
            strict=given.get("strict", False),
        )  # fmt: skip
        photos = _without_repeats(photos)
        single = int((np.bincount(photos.y) == 1).sum())
        if single:
            photos.notes.append(
                f"people with a single photo ({single}) are learned from, but not tested on"
            )
        what = "grey" if photos.form.channels == 1 else "colour"
        photos.notes.append(
            f"{len(photos)} {what} photos of {len(photos.people)} people, seen at "
            f"{photos.form.height}x{photos.form.width} pixels"
        )
        return photos

    @classmethod
    def adapted(cls, data: Any, options: dict[str, Any]) -> dict[str, Any]:
        """The margin that goes with the loss."""
        loss = options["loss"]
        if loss not in _LOSSES:
            raise unknown("loss", loss, _LOSSES)
        return {"margin": _LOSSES[loss]} if options["margin"] is None else {}

    def split(self, data: Photos) -> Parts:
        """Every person in one part only; who has a single photo can only be learned from."""
        counts = np.bincount(data.y, minlength=len(data.names))
        several, single = np.flatnonzero(counts > 1), np.flatnonzero(counts == 1)
        test, validation = _sizes(len(several), self.options)
        order = np.random.default_rng(self.options["seed"]).permutation(several)
        groups = order[:test], order[test : test + validation], order[test + validation :]
        learned = np.concatenate([groups[2], single])
        train, held, tested = (
            np.flatnonzero(np.isin(data.y, people)) for people in (learned, groups[1], groups[0])
        )
        counted = f"{len(learned)} people to learn from, {validation} to validate, {test} to test"
        notes = [f"{counted}: nobody is in two parts"]
        if not validation:
            notes.append(
                "nobody is held out: the threshold is chosen on people the network knows, and "
                "will refuse more of others"
            )
        data.notes += [note for note in notes if note not in data.notes]
        self.held = [data.names[number] for number in sorted(groups[1])]
        mixed = data.of(_mixed(data.y, held)) if validation else None
        return Parts(data.of(train, trains=True), mixed, data.of(tested))

    def learn(self, train: Photos) -> None:
        """Size and colour of the photos, and who is on them."""
        self.form, self._learned = train.form, train
        self.people = [train.names[number] for number in train.people]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"form": list(self.form), "people": self.people, "held": self.held}

    def restore(self, record: dict[str, Any]) -> None:
        """Take it back."""
        try:
            height, width, channels = (int(value) for value in record["form"])
            self.form = Form(height, width, channels)
            self.people = [str(name) for name in record["people"]]
            self.held = [str(name) for name in record["held"]]
        except (LookupError, TypeError, ValueError) as error:
            raise CheckpointError(f"preprocess.json is damaged: {error!r}") from None

    def examples(self, part: Photos) -> Dataset:
        """Photos and numbers of people; to learn with triplets, pairs of photos."""
        if part.y is None or not part.trains:
            return Dataset(part.x, part.y)
        y = np.searchsorted(part.people, part.y)
        if self.options["loss"] == "arcface":
            return Dataset(part.x, y)
        following = _following(y)
        return Dataset(Stream(lambda i: part.x[[i, following[i]]], len(part)), y)

    def open(self, source: Any, *, with_target: bool = False) -> Photos:
        """Photos in the size and colour of training; to be scored, without who was learned from."""
        photos = read_photos(source, form=self.form, named=with_target)
        if not with_target:
            return photos
        strangers = ~np.isin(np.array(photos.names), [*self.people, *self.held])
        known = int((~strangers).sum())
        if known and strangers.sum() > 1:
            left = photos.of(np.flatnonzero(strangers[photos.y]))
            left.notes = [
                *photos.notes,
                f"left out: {known} people of the training, by their names",
            ]
            return left
        if known:
            photos.notes.append(f"{known} people were learned from, by name: their scores flatter")
        return photos

    # -- training --------------------------------------------------------------------------------

    def build(self) -> nn.Module:
        """A residual network; for ArcFace with a centre for each person."""
        options = self.options
        return Embedder(
            (self.form.height, self.form.width, self.form.channels),
            options["channels"],
            options["embedding"],
            len(self.people) if options["loss"] == "arcface" else 0,
            members=options["members"],
            dropout=options["dropout"],
            mirror=options["mirror"],
        )

    def loss(self) -> FaceLoss:
        """ArcFace or triplets; on people that were not learned from, how mixed up they are."""
        return FaceLoss(self.options["margin"], self.options["scale"])

    def augment(self) -> Any:
        """Photos taken again; for triplets, with another photo of each person."""
        retake = Retake(self.options["augment"], mirror=self.options["mirror"])
        if self.options["loss"] == "triplet" and self._learned is not None:
            learned = self._learned
            y = np.searchsorted(learned.people, learned.y)
            return Partners(Photos(learned.x, y), retake)
        return retake if self.options["augment"] or self.options["mirror"] else None

    def class_weight(self, examples: Dataset) -> dict[int, float] | None:
        """Weights that make every person count the same in all, when asked for."""
        if self.options["class_weight"] != "balanced":
            return super().class_weight(examples)
        counts = np.bincount(examples.y)
        return dict(enumerate((counts.mean() / counts).tolist()))

    # -- what came of it -------------------------------------------------------------------------

    def settle(self, trainer: Trainer, parts: Parts) -> dict[str, Any]:
        """The evening of the spread; the least similarity of one person, by who else may pass."""
        learned = parts.train.of(self._some(len(parts.train)))
        self._even(trainer, learned)
        held = parts.train if parts.validation is None else parts.validation
        held = held.of(self._some(len(held)))
        points, share = trainer.predict(held.x), self.options["false_accepts"]
        found = scores.pairs(points, held.y)
        # Few people are held out. Against all that were learned from there are many more pairs,
        # but those were pushed apart: the stricter threshold holds.
        strangers = [found.different]
        if parts.validation is not None:
            strangers.append(np.ravel(points @ trainer.predict(learned.x).T))
        threshold = max(scores.threshold(each, share) for each in strangers)
        _, refused = scores.rates(found.same, found.different, threshold)
        return {
            "threshold": threshold,
            "people": len(held.people),
            "pairs_of_two_people": sum(map(len, strangers)),
            "false_rejects": refused,
        }

    def _some(self, count: int) -> Any:
        """Numbers of photos, drawn where there are too many to compare."""
        if count <= _MOST_SCORED:
            return np.arange(count)
        drawn = np.random.default_rng(self.options["seed"]).permutation(count)[:_MOST_SCORED]
        return np.sort(drawn)

    def _even(self, trainer: Trainer, learned: Photos) -> None:
        """Even out how photos of one person spread, by those that were learned from."""
        sides = [learned.x, learned.x[:, :, ::-1]][: 1 + self.options["mirror"]]
        points = trainer.predict(np.stack(sides, axis=1))
        who, shrinkage = np.repeat(learned.y, len(sides)), self.options["shrinkage"]
        each = points.reshape(len(who), *points.shape[2:])
        network: Any = trainer.model
        network.even([evening(each[:, k], who, shrinkage) for k in range(each.shape[1])])

    def headline(self) -> str:
        """How many people are learned from."""
        return f"recognition of faces, learned from {len(self.people)} people"

    def title(self) -> str:
        """What the page is called."""
        return "Recognition of faces"

    def measure(self, trainer: Trainer, part: Photos) -> tuple[dict[str, float], Any]:
        """Scores on people that were not learned from, with those of comparing pixels."""
        if len(part) > _MOST_SCORED:
            notes = [*part.notes, f"scored: {_MOST_SCORED} of {len(part)} photos"]
            part = part.of(np.arange(_MOST_SCORED))
            part.notes = notes
        points = trainer.predict(part.x)
        seen = show.Seen(part, points, self.settled.get("threshold"))
        result = {"loss": trainer.evaluate(part.x, part.y)["loss"], **seen.scores()}
        return {name: float(value) for name, value in result.items()}, seen

    def summary(self, result: dict[str, Any]) -> str:
        """The scores in words."""
        return (
            f"unseen people named from one photo: {result['test_rank1']:.1%} right (comparing "
            f"pixels {result['test_pixels_rank1']:.1%}); equal error rate {result['test_eer']:.2%}"
        )

    def report(self, part: Photos, seen: Any) -> dict[str, Any]:
        """Where the scores come from."""
        return {"said": seen.said(), "sections": seen.sections()}

    def predict(self, trainer: Trainer, part: Photos, options: dict[str, Any]) -> dict[str, Any]:
        """The nearest enrolled person of each photo, or its embedding."""
        what = options["what"]
        if what not in ("auto", "person", "embedding"):
            raise unknown("what", what, ("auto", "person", "embedding"))
        points = trainer.predict(part.x)
        folder = self.folder or Path()
        enrolled = (folder / "gallery" / "gallery.json").exists()
        if what == "embedding" or (what == "auto" and not enrolled):
            columns = points.T.astype(np.float64).tolist()
            return {f"embedding_{k + 1}": column for k, column in enumerate(columns)}
        return Gallery(folder).named(points, settled_threshold(self, options["threshold"]))


def _without_repeats(photos: Photos) -> Photos:
    """Photos that are there once; of one that stands under two names, nothing is known."""
    first: dict[bytes, int] = {}
    repeats, torn = set(), set()
    for index, photo in enumerate(photos.x):
        earlier = first.setdefault(photo.tobytes(), index)
        if earlier != index:
            repeats.add(index)
            if photos.y[earlier] != photos.y[index]:
                torn |= {earlier, index}
    if not repeats:
        return photos
    kept = photos.of([i for i in range(len(photos)) if i not in repeats | torn])
    kept.notes = [*photos.notes, f"{len(repeats)} repeated photos are left out"]
    if torn:
        kept.notes.append(f"{len(torn)} of the same photos stand under two people: all left out")
    return kept


def _sizes(people: int, options: dict[str, Any]) -> tuple[int, int]:
    """How many people are for the test and for validation."""
    if people < 4:
        few = "one person has" if people == 1 else f"{people or 'no'} people have"
        raise DataError(
            f"{few} two photos or more, four are needed: two to learn from, two to test on",
            fix="photos are laid out as person/photo.jpg, several of each person",
        )
    test = min(max(2, round(people * options["test_fraction"])), people - 2)
    rest = people - test
    share = options["validation"]
    validation = max(2, round(rest * share)) if share and rest >= 4 else 0
    return test, min(validation, rest - 2)


def _mixed(y: Any, held: Any) -> Any:
    """The photos of a few people at a time, in turns."""
    people = {int(person): rank for rank, person in enumerate(np.unique(y[held]))}
    turn: dict[int, int] = {}
    keys = []
    for index in held:
        person = int(y[index])
        keys.append((people[person] // _TOGETHER, turn.setdefault(person, 0), person))
        turn[person] += 1
    return held[sorted(range(len(held)), key=keys.__getitem__)]


def _following(y: Any) -> Any:
    """For each photo another of the same person, the next one; itself where there is none."""
    following = np.empty(len(y), np.int64)
    for person in np.unique(y):
        members = np.flatnonzero(y == person)
        following[members] = np.roll(members, -1)
    return following

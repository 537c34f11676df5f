"""Finding objects in images: a box and a class for each of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from retroprop import dtypes, nn
from retroprop.data.dataset import Dataset, take
from retroprop.data.order import generator
from retroprop.errors import ArgumentError, CheckpointError, DataError
from retroprop.tasks.detection import draw, layouts, show
from retroprop.tasks.detection.augment import Augment
from retroprop.tasks.detection.loss import DetectionLoss
from retroprop.tasks.detection.network import Detector
from retroprop.tasks.detection.pictures import Pictures, Scene, load
from retroprop.tasks.detection.score import Found, Truth, balanced, score
from retroprop.tasks.detection.targets import Grid, decode, grid, marked, packed
from retroprop.tasks.options import COMMON, Option, flag, maybe, sizes, whole
from retroprop.tasks.task import Parts, Task
from retroprop.train.trainer import Trainer

__all__ = ["Detection"]

Array = np.ndarray[Any, Any]

_OVERLAP = 0.6  # IoU of two found boxes of one class above which only the better stays
_SURE = 0.3  # score of a box that is shown, where no validation part could tell
_LEAST = 0.0025  # score of a box that is measured; more only make curves longer
_BATCH = 16  # of images in prediction
_IMAGES = 10_250  # that a training sees, each time in another way
_LARGE = 128  # pixels on the canvas: more is too much for places 16 pixels apart


class Detection(Task):
    """Find objects in images.

    Attributes:
        classes: the names, sorted.
        canvas:  (height, width) that images are fitted to.
        strides: of the feature maps that are judged.
    """

    name = "detection"
    about: ClassVar[str] = "find objects in images: boxes as VOC, YOLO, COCO or a table"
    presets: ClassVar[str] = "detection"
    OPTIONS: ClassVar[dict[str, Option]] = {
        "channels": Option(sizes, [32, 48, 96], 4, 2**11, "of feature maps: stride 4, 8, 16, ..."),
        "head": Option(whole, 48, 4, 2**11, "channels of the pyramid and the head"),
        "blocks": Option(whole, 1, 0, 64, "residual blocks of each stride"),
        "image_size": Option(maybe(whole), None, 32, 2**12, "longer side in the network; by data"),
        "augment": Option(flag, True, None, None, "mirror, move, resize and relight images"),
        "upside_down": Option(flag, False, None, None, "augment: also mirror top to bottom"),
        "scale": Option(float, 1.25, 1, 4, "augment: resize by up to this factor either way"),
        "shift": Option(float, 0.1, 0, 0.5, "augment: move by up to this share of the image"),
        "light": Option(float, 0.2, 0, 0.9, "augment: change contrast and colours by this share"),
        "box_weight": Option(float, 2.0, 0, 100, "of the loss of the boxes against the classes"),
        "strict": Option(flag, False, None, None, "stop at an image that cannot be read"),
        **COMMON,
    }
    PREDICT: ClassVar[dict[str, Option]] = {
        "score": Option(
            maybe(float),
            None,
            0,
            1,
            "the least score of a box that is given; the run's own when none",
        ),
        "nms": Option(float, _OVERLAP, 0, 1, "largest overlap (IoU) of two boxes of one class"),
    }

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.classes: list[str] = []
        self.canvas = (0, 0)
        self.strides = tuple(8 * 2**k for k in range(len(options["channels"]) - 1))
        if len(options["channels"]) not in (2, 3, 4, 5):
            raise ArgumentError("channels names 2 to 5 sizes: of stride 4, 8, 16, 32, 64")
        self._last: tuple[Pictures, list[Found]] | None = None  # what `write` draws

    # -- data ------------------------------------------------------------------------------------

    @classmethod
    def claims(cls, source: Any, target: str | None) -> str:
        """By annotation files beside images, or the columns of a table."""
        return "" if target else layouts.found(source)

    @classmethod
    def read(cls, source: Any, given: dict[str, Any], target: str | None = None) -> Pictures:
        """Images with their boxes, and what was left out."""
        if target is not None:
            raise ArgumentError("detection has no target column", fix="leave --target out")
        scenes, notes = layouts.scenes(source)
        if not scenes:
            raise DataError(
                "; ".join(["it holds no image with boxes", *notes]), file=_named(source)
            )
        if given.get("limit"):
            scenes = _some(scenes, given["limit"], given.get("seed", 0))
        read = load(
            scenes,
            side=given.get("image_size"),
            strict=given.get("strict", False),
            distinct=True,
        )
        if not any(len(scene.boxes) for scene in read.scenes):
            why = "; ".join(["no image has a box: there is nothing to learn", *notes, *read.notes])
            raise DataError(why, file=_named(source))
        counts = Counter(label for scene in read.scenes for label in scene.labels)
        told = ", ".join(f"{name} {count}" for name, count in counts.most_common(12))
        read.notes = [
            f"{len(read)} images with {counts.total()} boxes: {told}",
            *notes,
            *read.notes,
        ]
        height, width = read.canvas
        read.notes.append(f"the network sees images of {height} x {width} pixels (height x width)")
        return read

    @classmethod
    def adapted(cls, data: Pictures, options: dict[str, Any]) -> dict[str, Any]:
        """As many passes as 10,000 images take; one more feature map where objects are large."""
        train = sum(scene.part in ("", "train") for scene in data.scenes)
        chosen: dict[str, Any] = {"epochs": min(max(12, _IMAGES // max(1, train)), 200)}
        sides = [
            (scene.boxes[:, 2:] - scene.boxes[:, :2]).max(axis=1) * fitted.scale
            for scene, fitted in zip(data.scenes, data.fits, strict=True)
        ]
        if np.quantile(np.concatenate(sides), 0.9) > _LARGE and len(options["channels"]) == 3:
            chosen["channels"] = [*options["channels"], options["channels"][-1] * 4 // 3]
        return chosen

    def split(self, data: Pictures) -> Parts:
        """The parts that the data have; those they lack are drawn, image by image."""
        parts = {name: [] for name in ("train", "validation", "test")}  # type: dict[str, list[int]]
        for number, scene in enumerate(data.scenes):
            parts[scene.part or "train"].append(number)
        rng = generator(self.options["seed"], 0, 0)
        if not parts["test"]:
            _draw(parts, "test", self.options["test_fraction"], rng)
        if not parts["validation"] and self.options["validation"]:
            _draw(parts, "validation", self.options["validation"], rng)
        for name in ("train", "test"):
            if not parts[name]:
                raise DataError(f"no images are left for the part {name}")
        held = data.only(parts["validation"]) if parts["validation"] else None
        return Parts(data.only(parts["train"]), held, data.only(parts["test"]))

    def learn(self, train: Pictures) -> None:
        """The classes, and the size of the canvas."""
        self.classes = sorted({label for scene in train.scenes for label in scene.labels})
        if not self.classes:
            raise DataError("no image of the training part has a box")
        self.canvas = train.canvas

    def to_dict(self) -> dict[str, Any]:
        """Classes and canvas."""
        return {"classes": self.classes, "canvas": list(self.canvas)}

    def restore(self, record: dict[str, Any]) -> None:
        """Take them back."""
        try:
            self.classes = [str(name) for name in record["classes"]]
            height, width = (int(side) for side in record["canvas"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"preprocess.json is damaged: {error!r}") from None
        if not self.classes or min(height, width) < 1 or (height | width) % 16:
            raise CheckpointError("preprocess.json is damaged: no classes, or an odd canvas")
        self.canvas = (height, width)

    @property
    def places(self) -> Grid:
        """Where the network looks."""
        return grid(self.canvas, self.strides)

    def _truth(self, part: Pictures, *, on_canvas: bool) -> list[Truth]:
        """The boxes of known classes, in pixels of the canvas or of each image."""
        truth = []
        for scene, fitted in zip(part.scenes, part.fits, strict=True):
            known = [k for k, label in enumerate(scene.labels) if label in self.classes]
            labels = [self.classes.index(scene.labels[k]) for k in known]
            boxes = scene.boxes[known] * (fitted.scale if on_canvas else 1.0)
            truth.append(Truth(boxes, np.array(labels, np.int64)))
        return truth

    def examples(self, part: Pictures) -> Dataset:
        """Images; what each place should say, and the boxes."""
        truth = self._truth(part, on_canvas=True)
        most = max(1, *(len(one.labels) for one in truth))
        wanted = [packed(one.boxes, one.labels, self.places, most) for one in truth]
        return Dataset(part.x, np.stack(wanted))

    def open(self, source: Any, *, with_target: bool = False) -> Pictures:
        """Images on the canvas of the training, with their boxes when asked for."""
        scenes, notes = layouts.scenes(source) if with_target else (layouts.images_only(source), [])
        part = load(scenes, canvas=self.canvas, strict=self.options["strict"])
        strange = Counter(label for scene in part.scenes for label in scene.labels)
        for name in self.classes:
            strange.pop(name, None)
        if with_target and strange:
            names = ", ".join(f"{name} ({count})" for name, count in strange.most_common(5))
            notes.append(f"boxes of classes that the training did not have do not count: {names}")
        part.notes = [*notes, *part.notes]
        return part

    # -- training --------------------------------------------------------------------------------

    def build(self) -> nn.Module:
        """A small FCOS."""
        options = self.options
        return Detector(
            len(self.classes), options["channels"], head=options["head"], blocks=options["blocks"]
        )

    def loss(self) -> Any:
        """Focal, GIoU and centre-ness losses."""
        return DetectionLoss(self.options["box_weight"])

    def augment(self) -> Any:
        """Mirror images, moved, resized, in another light."""
        if not self.options["augment"]:
            return None
        options = self.options
        return Augment(
            self.places,
            scale=options["scale"],
            shift=options["shift"],
            light=options["light"],
            vertical=options["upside_down"],
        )

    def class_weight(self, examples: Dataset) -> dict[int, float] | None:
        """None: the focal loss sees to what is rare."""
        if self.options["class_weight"] == "none":
            return None
        raise ArgumentError("class_weight is not for detection: its loss weights what is hard more")

    # -- for the doctor --------------------------------------------------------------------------

    @property
    def measured_by(self) -> str:
        """Mean average precision at IoU 0.5."""
        return "mAP@0.5"

    def judge(self, trainer: Trainer, x: Any, y: Any) -> tuple[float, float]:
        """Mean average precision at IoU 0.5, on the canvas."""
        truth = [Truth(*marked(rows, self.places)) for rows in y]
        found = [
            Found(*decode(one, self.places, score=_LEAST, overlap=_OVERLAP))
            for one in trainer.predict(x, batch_size=_BATCH)
        ]
        value = score(found, truth, len(self.classes)).map50
        return value, float(
            np.sqrt(max(value * (1 - value), 0.0) / max(1, sum(len(one.labels) for one in truth)))
        )

    # -- what came of it -------------------------------------------------------------------------

    def headline(self) -> str:
        """The classes."""
        names = ", ".join(self.classes[:6]) + (", ..." if len(self.classes) > 6 else "")
        return f"detection of {names} in images of {self.canvas[1]} x {self.canvas[0]}"

    def title(self) -> str:
        """What the report is about."""
        return "object detection"

    def _found(self, trainer: Trainer, part: Pictures, least: float, overlap: float) -> list[Found]:
        """What the network finds, in pixels of each image, some images at a time."""
        found: list[Found] = []
        for start in range(0, len(part), _BATCH):
            x = take(part.x, slice(start, start + _BATCH))
            for one in trainer.predict(x, batch_size=_BATCH):
                boxes, scores, labels = decode(one, self.places, score=least, overlap=overlap)
                found.append(Found(part.fits[len(found)].back(boxes), scores, labels))
        return found

    def settle(self, trainer: Trainer, parts: Parts) -> dict[str, Any]:
        """The least score of a box that is shown, where right and found are balanced best."""
        if parts.validation is None:
            return {}
        found = self._found(trainer, parts.validation, _LEAST, _OVERLAP)
        truth = self._truth(parts.validation, on_canvas=False)
        return {"score": balanced(score(found, truth, len(self.classes)))}

    def sure(self, given: float | None = None) -> float:
        """The least score of a box that is shown: as given, as settled, else 0.3."""
        return float(self.settled.get("score", _SURE)) if given is None else given

    def measure(self, trainer: Trainer, part: Pictures) -> tuple[dict[str, float], Any]:
        """Loss, mean average precisions and recall, per class where they are few."""
        ready = self.examples(part)
        loss = trainer.evaluate(ready.x, ready.y, batch_size=_BATCH)["loss"]
        found = self._found(trainer, part, _LEAST, _OVERLAP)
        truth = self._truth(part, on_canvas=False)
        made = score(found, truth, len(self.classes))
        scores = {"loss": loss, "map50": made.map50, "map": made.map}
        scores["recall50"] = float(np.nanmean(made.recall[0])) if made.counts.any() else np.nan
        if len(self.classes) <= 10:
            for name, ap, count in zip(self.classes, made.ap[0], made.counts, strict=True):
                scores |= {f"ap50_{name}": float(ap)} if count else {}
        return scores, (made, found, truth)

    def summary(self, result: dict[str, Any]) -> str:
        """The mean average precisions."""
        return (
            f"test mAP@0.5 {result['test_map50']:.4f}, mAP@0.5:0.95 {result['test_map']:.4f}, "
            f"recall {result['test_recall50']:.4f}"
        )

    def report(self, part: Pictures, seen: Any) -> dict[str, Any]:
        """Curves, a table of classes, and pictures with true and found boxes."""
        made, found, truth = seen
        return show.page_fields(part, self.classes, made, found, truth, self.sure())

    def description(self, model: nn.Module) -> str:
        """Layers with their shapes."""
        return str(nn.summary(model, (1, *self.canvas, 3), dtypes.uint8))

    def predict(self, trainer: Trainer, part: Pictures, options: dict[str, Any]) -> dict[str, Any]:
        """A row for each box that was found: label, score, corners in pixels; `ids` its image."""
        found = self._found(trainer, part, self.sure(options["score"]), options["nms"])
        self._last = (part, found)
        rows = [(name, k, one) for name, one in zip(part.ids, found, strict=True)
                for k in range(len(one.scores))]  # fmt: skip
        corners = {
            side: [round(float(one.boxes[k, axis]), 2) for _, k, one in rows]
            for axis, side in enumerate(("xmin", "ymin", "xmax", "ymax"))
        }
        return {
            "ids": [name for name, _, _ in rows],
            "label": [self.classes[one.labels[k]] for _, k, one in rows],
            "score": [round(float(one.scores[k]), 4) for _, k, one in rows],
            **corners,
        }

    def write(self, answer: dict[str, Any], out: Path) -> None:
        """A folder of images with their boxes and detections.json; or a file that ends in .csv."""
        if out.suffix.lower() == ".csv" or self._last is None:
            super().write(answer, out)
            return
        part, found = self._last
        draw.write(out, part.scenes, found, self.classes)


def _named(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else type(source).__name__


def _some(scenes: list[Scene], limit: int, seed: int) -> list[Scene]:
    """At most so many, drawn."""
    if len(scenes) <= limit:
        return scenes
    chosen = generator(seed, 0, 1).permutation(len(scenes))[:limit]
    return [scenes[k] for k in sorted(chosen.tolist())]


def _draw(parts: dict[str, list[int]], name: str, share: float, rng: Any) -> None:
    """Move a share of the training images to another part; both keep one at least."""
    order = rng.permutation(parts["train"]).tolist()
    count = min(max(1, round(share * len(order))), max(0, len(order) - 1))
    parts[name], parts["train"] = sorted(order[:count]), sorted(order[count:])

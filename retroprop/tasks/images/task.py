"""Image classification: which of some classes a picture shows."""

from __future__ import annotations

import math
import os
from typing import Any, ClassVar

import numpy as np

from retroprop import data as datasets
from retroprop import nn
from retroprop.data.dataset import Dataset, length, take
from retroprop.data.decode import is_folder
from retroprop.data.folder import ImageFile, image_files, labelled_files
from retroprop.data.images import is_image_name
from retroprop.errors import CheckpointError, DataError, RetropropError
from retroprop.tasks.classes import ClassTask, class_scores, softmax
from retroprop.tasks.images import change, network
from retroprop.tasks.images.claim import claim
from retroprop.tasks.images.heat import Seen, grad_cam, heat_section, pick
from retroprop.tasks.images.listing import listed
from retroprop.tasks.images.pictures import Pictures, at, channels_first
from retroprop.tasks.images.read import arrays_of, decoded, is_table, missing_files, read
from retroprop.tasks.options import COMMON, Option, flag, maybe, presets, sizes, whole
from retroprop.tasks.task import Part, Parts
from retroprop.train.trainer import Trainer

__all__ = ["Images"]

Array = np.ndarray[Any, Any]

_AT_ONCE = 1024  # images whose views are held
_SHOWN = 24  # mistakes that the report draws


class Images(ClassTask):
    """Tell images of classes apart.

    Attributes:
        preprocessor: shape, mean and deviation of the training images, and the classes.
        background:   value of most border pixels, or None.
    """

    name = "images"
    about: ClassVar[str] = "classes of images: a folder class/name.jpg, a table of paths, arrays"
    presets: ClassVar[str] = "images"
    OPTIONS: ClassVar[dict[str, Option]] = {
        "model": Option(maybe(str), None, None, None, "resnet, cnn (small, fast), mlp (dense)"),
        "width": Option(maybe(whole), None, 2, 512, "resnet: channels of the first stage"),
        "blocks": Option(maybe(whole), None, 1, 16, "resnet: residual blocks in each stage"),
        "channels": Option(maybe(sizes), None, 1, 2**12, "cnn: channels of the convolutions"),
        "hidden": Option(maybe(sizes), None, 1, 2**16, "cnn, mlp: sizes of dense hidden layers"),
        "activation": Option(str, "relu", None, None, "relu, gelu, silu, tanh, sigmoid, elu, ..."),
        "init": Option(str, "default", None, None, "first weights: default, auto, he or glorot"),
        "batch_norm": Option(flag, False, None, None, "cnn, mlp: batch normalisation"),
        "dropout": Option(float, 0.1, 0, 0.95, "share of units dropped in training"),
        "augment": Option(
            change.words, ["auto"], None, None, "auto, none, or some of " + ",".join(change.CHANGES)
        ),
        "mix": Option(str, "none", None, None, "two images in one: none, mixup or cutmix"),
        "views": Option(flag, True, None, None, "judge an image with shifted and mirrored copies"),
        "image_size": Option(maybe(whole), None, 4, 2**12, "files: height and width; by the data"),
        "memory": Option(
            float, 1.0, 0, None, "files: GB of pixels to hold; more is read when used"
        ),
        "strict": Option(flag, False, None, None, "files: stop at one that cannot be read"),
        **COMMON,
    }
    PREDICT: ClassVar[dict[str, Option]] = {
        "top": Option(whole, 1, 1, 10, "how many of the likeliest classes to name"),
    }

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.preprocessor: Any = None
        self.background: float | None = None

    @property
    def classes(self) -> list[str]:
        """What the classes are called."""
        names: list[str] = self.preprocessor.target.class_names
        return names

    # -- data ------------------------------------------------------------------------------------

    @classmethod
    def claims(cls, source: Any, target: str | None) -> str:
        """Class folders with images, a table with a column of image files, arrays of images."""
        return claim(source, target)

    @classmethod
    def read(cls, source: Any, given: dict[str, Any], target: str | None = None) -> Any:
        """Images, or where to find them, with their classes."""
        data = read(source, given, target)
        words = change.why(given.get("augment", ["auto"]), data.class_names)
        if words:
            data.notes.append(words)
        return data

    @classmethod
    def preset(cls, data: Any) -> str:
        """The residual network."""
        return "default"

    @classmethod
    def adapted(cls, data: Any, options: dict[str, Any]) -> dict[str, Any]:
        """The defaults of another model; batches and passes by the number of images.

        `hidden` alone asks for dense layers, `channels` alone for the small cnn.
        """
        count, sides = len(data.y_train), _sides(data.x_train)
        model = options["model"]
        if model is None:
            model = "cnn" if options["channels"] else "mlp" if options["hidden"] else "resnet"
        if model != "resnet":
            return {**presets(cls).get(model, {}), "model": model}
        size = 64 if count >= 1000 else 32 if count >= 200 else 16
        most = 60 if math.prod(sides) <= 64 * 64 else 30
        return {
            "model": model,
            "width": 32 if count >= 500 else 24,
            "blocks": 1 if count < 100_000 else 2,
            "batch_size": size,
            "epochs": max(6, min(200_000 // count, most)),
        }

    def split(self, data: Any) -> Parts:
        """The parts of the source; the validation part is held out of its training part."""
        self.preprocessor = datasets.ImagePreprocessor(data.target)
        x, y, held = data.x_train, data.y_train, None
        share = self.options["validation"]
        if data.x_val is not None:
            held = Part(data.x_val, data.y_val)
        elif share:
            seed = self.options["seed"]
            rows, out = datasets.split(len(y), (1 - share, share), seed, stratify=y)
            held = Part(at(x, out), y[out])
            x, y = at(x, rows), y[rows]
        return Parts(Part(x, y), held, Part(data.x_test, data.y_test, data.ids_test))

    def learn(self, train: Part) -> None:
        """Mean, deviation and background of the training images."""
        if isinstance(train.x, Pictures):
            mean, square = train.x.moments.mean(axis=0)
            deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
            self.preprocessor.shape_ = (*train.x.size, train.x.channels)
            self.preprocessor.mean_ = mean.tolist()
            self.preprocessor.scale_ = np.where(deviation > 0, deviation, 1.0).tolist()
        else:
            self.preprocessor.fit(train.x)
        self.background = change.background(take(train.x, slice(0, 256)))

    def to_dict(self) -> dict[str, Any]:
        """Shape, mean, deviation, background, classes."""
        return {**self.preprocessor.to_dict(), "background": self.background}

    def restore(self, record: dict[str, Any]) -> None:
        """Take what was learned back."""
        try:
            self.preprocessor = datasets.ImagePreprocessor.from_dict(record)
            self.background = record["background"]
            if len(self.classes) < 2 or len(set(map(str, self.classes))) != len(self.classes):
                raise ValueError("classes")
        except (RetropropError, AttributeError, LookupError, TypeError, ValueError) as error:
            why = error.what if isinstance(error, RetropropError) else repr(error)
            raise CheckpointError(f"preprocess.json is damaged: {why}") from None

    def examples(self, part: Part) -> Dataset:
        """Pixels as they are, channels first; class indices."""
        if isinstance(part.x, Pictures):
            return Dataset(part.x.channels_first(), part.y)
        images = np.asarray(part.x)
        shape = images.shape[1:] if images.ndim == 4 else (*images.shape[1:], 1)
        if shape != self.preprocessor.shape_:
            given, wanted = (
                f"{one[0]}x{one[1]} with {one[2]} channels"
                for one in (shape, self.preprocessor.shape_)
            )
            raise DataError(
                f"images are {given} (height x width), training had {wanted}",
                fix="resize them; image files are resized by themselves",
            )
        if images.dtype != np.uint8:
            images = images.astype(np.float32)
        return Dataset(channels_first(images), part.y)

    def open(self, source: Any, *, with_target: bool = False) -> Part:
        """A file, a list of files, a folder, a table of paths, or arrays."""
        notes: list[str] = []
        places: dict[str, int] = {}
        if is_folder(source):
            root = os.fspath(source)
            files = labelled_files(root, notes) if with_target else image_files(root)
            tests = [file for file in files if file.part == "test"]
            files = tests if with_target and tests else files
        elif isinstance(source, list) or _is_image(source):
            root = "."
            paths = source if isinstance(source, list) else [source]
            files = [_file(path) for path in paths]
        elif is_table(source):
            listing = self._listed(source, with_target)
            root, places = listing.root, listing.places
            files = missing_files(listing, notes, self.options["strict"])
        else:
            return self._arrays(source, with_target)
        if not files:
            raise DataError("no image files here", file=source)
        given, shape = self.options, self.preprocessor.shape_
        found = decoded(root, files, "", given, notes, places, shape)
        labels = [file.label for file in files if file.name not in found.bad]
        y = self._known(source, labels) if with_target else None
        return Part(found.x, y, np.array(found.names, dtype=object), notes)

    def _listed(self, source: Any, with_target: bool) -> Any:
        """The files of a table; its column of classes is called as in training, or found."""
        name = self.preprocessor.target.name
        if with_target:
            try:
                return listed(source, name)
            except DataError:
                if hasattr(source, "read"):
                    raise
        return listed(source, with_target=with_target)

    def _known(self, source: Any, labels: list[str]) -> Array:
        strange = sorted(set(labels) - set(self.classes))
        if strange:
            raise DataError(
                f"classes that training did not have: {', '.join(strange[:10])}",
                file=source if isinstance(source, str | os.PathLike) else None,
                fix=f"the classes are {', '.join(self.classes[:20])}",
            )
        return np.array([self.classes.index(label) for label in labels], dtype=np.int64)

    def _arrays(self, source: Any, with_target: bool) -> Part:
        found = datasets.read_inputs(arrays_of(source), self.preprocessor, with_target=with_target)
        return Part(found.x, found.y, found.ids, found.notes)

    # -- training --------------------------------------------------------------------------------

    @property
    def class_names(self) -> list[str]:
        """The classes."""
        return self.classes

    def build(self) -> nn.Module:
        """The network of the options."""
        return network.build(self.options, self.preprocessor, len(self.classes))

    def augment(self) -> Any:
        """Random changes that leave the class as it is."""
        learned, options = self.preprocessor, self.options
        names = change.chosen(options["augment"], self.classes)
        scale = float(np.mean(learned.scale_))
        return change.change(
            names, options["mix"], learned.shape_, self.background, scale, len(self.classes)
        )

    # -- what came of it -------------------------------------------------------------------------

    def headline(self) -> str:
        """How many classes."""
        height, width, channels = self.preprocessor.shape_
        what = {1: "grey ", 3: "colour "}.get(channels, "")
        return f"{len(self.classes)} classes of {what}images of {height}x{width}"

    def title(self) -> str:
        """The target."""
        return str(self.preprocessor.target.name)

    def description(self, model: nn.Module) -> str:
        """Layers with their shapes."""
        return str(nn.summary(model, (1, *self.preprocessor.input_shape)))

    def measure(self, trainer: Trainer, part: Part) -> tuple[dict[str, float], Seen]:
        """Loss, accuracy, F1; the probabilities, and where the network looked in some images."""
        ready = self.examples(part)
        chances = self._chances(trainer, ready.x)
        seen = Seen(chances, self._heat(trainer, ready, chances))
        return class_scores(trainer, ready, chances), seen

    def _chances(self, trainer: Trainer, x: Any) -> Array:
        """Probabilities of the classes: the mean over the views of each image."""
        names = change.chosen(self.options["augment"], self.classes)
        if not self.options.get("views", True):
            names = []
        parts = []
        for start in range(0, length(x), _AT_ONCE):
            pixels = take(x, slice(start, start + _AT_ONCE))
            shown = change.views(pixels, names, self.background)
            parts.append(np.mean([softmax(trainer.predict(one)) for one in shown], axis=0))
        return np.concatenate(parts)

    def _heat(self, trainer: Trainer, ready: Dataset, chances: Array) -> dict[int, list[Array]]:
        model: Any = trainer.model
        right, wrong = pick(chances, ready.y)
        both = right + wrong
        if not both:
            return {}
        x = take(ready.x, np.array(both))
        said = grad_cam(model, x, chances[both].argmax(axis=1))
        true = grad_cam(model, x, ready.y[both])
        if said is None or true is None:
            return {}
        return {k: [a] if k in right else [a, b] for k, a, b in zip(both, said, true, strict=True)}

    def summary(self, result: dict[str, Any]) -> str:
        """The final numbers in words."""
        return f"test accuracy {result['test_accuracy']:.4f} (F1 {result['test_f1']:.4f})"

    def report(self, part: Part, seen: Seen) -> dict[str, Any]:
        """Confusion, classes, mistakes, heat maps."""
        chances = seen.chances
        images = {k: take(part.x, [k])[0] for k in seen.heat}
        return {
            "task": "classification",
            "target": self.preprocessor.target.name,
            "y_true": part.y,
            "probabilities": chances,
            "class_names": self.classes,
            "images": _drawable(part.x, chances, part.y),
            "sources": [one if isinstance(one, str) else f"image {one}" for one in part.ids],
            "sections": heat_section(images, seen.heat, chances, part.y, self.classes),
        }

    def predict(self, trainer: Trainer, part: Part, options: dict[str, Any]) -> dict[str, Any]:
        """Class names with probabilities, the likeliest first."""
        chances = self._chances(trainer, self.examples(Part(part.x)).x)
        order = np.argsort(-chances, axis=1, kind="stable")
        answer: dict[str, Any] = {}
        for rank in range(min(options.get("top", 1), len(self.classes))):
            end = f"_{rank + 1}" if rank else ""
            found = order[:, rank]
            answer[f"prediction{end}"] = [self.classes[k] for k in found]
            answer[f"probability{end}"] = chances[np.arange(len(found)), found].tolist()
        return answer


def _sides(x: Any) -> tuple[int, int]:
    return x.size if isinstance(x, Pictures) else (x.shape[1], x.shape[2])


def _is_image(source: Any) -> bool:
    return isinstance(source, str | os.PathLike) and is_image_name(os.path.basename(source))


def _file(path: Any) -> ImageFile:
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise DataError("no such file or folder", file=name)
    return ImageFile(name, "", os.path.basename(os.path.dirname(name)))


def _drawable(x: Any, chances: Array, truth: Array) -> Array | None:
    """Images that the report can draw; of files only those that it will show are decoded."""
    if isinstance(x, Pictures):
        said = chances.argmax(axis=1)
        sure = chances[np.arange(len(said)), said]
        wrong = np.flatnonzero(said != truth)
        shown = wrong[np.argsort(-sure[wrong], kind="stable")][:_SHOWN]
        grey = x.channels == 1
        images = np.zeros((len(x), *x.size, *(() if grey else (3,))), np.uint8)  # pages untouched
        if len(shown):
            images[shown] = x.take(shown)
        return images
    images = np.asarray(x)
    fits = images.dtype == np.uint8 and (images.ndim == 3 or images.shape[-1] in (1, 3))
    return images if fits else None

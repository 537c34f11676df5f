"""A detector learns to find objects, and draws what it finds.

    python examples/detection.py                                half a minute, on made-up squares
    python examples/detection.py bccd_320x240.zip upside_down=yes        your own images and boxes
    python examples/detection.py FOLDER epochs=20 --out found

Images with boxes may be a folder or .zip in VOC's, YOLO's or COCO's layout, or with a table
`image,label,xmin,ymin,xmax,ymax`. What is found in the first images goes to the folder `--out`.
"""
# slow: half a minute

import argparse
import tempfile
from pathlib import Path

import numpy as np

from retroprop import tasks
from retroprop.tasks.options import parse

parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
parser.add_argument("data", nargs="?", help="a folder, .zip, table or COCO JSON")
parser.add_argument("options", nargs="*", metavar="key=value", help="as `retroprop train` takes")
parser.add_argument("--out", type=Path, help="where to draw what is found")
arguments = parser.parse_args()


def made_up(count=60):
    """Noise with red and blue squares, and their boxes."""
    rng = np.random.default_rng(0)
    scenes = []
    for _ in range(count):
        image = rng.integers(90, 140, (48, 64, 3)).astype(np.uint8)
        boxes, labels = [], []
        for column in rng.permutation(3)[: rng.integers(1, 4)].tolist():
            side = int(rng.integers(12, 18))
            x, y = column * 21 + int(rng.integers(0, 21 - side)), int(rng.integers(0, 48 - side))
            label = ("blue", "red")[int(rng.integers(2))]
            image[y : y + side, x : x + side] = (20, 20, 230) if label == "blue" else (230, 20, 20)
            boxes.append([x, y, x + side, y + side])
            labels.append(label)
        scenes.append({"image": image, "boxes": boxes, "labels": labels})
    return scenes


source = arguments.data or made_up()
options = parse(tasks.get("detection").OPTIONS, arguments.options)
if arguments.data is None:
    options = {"channels": [8, 16], "head": 8, "epochs": 25, "lr": 0.01, "ema": 0.0, **options}

with tempfile.TemporaryDirectory() as folder:
    result = tasks.train(source, options, task="detection", folder=folder)
    run = tasks.Run(folder).load_weights()
    new = source if arguments.data else [scene["image"] for scene in source[:8]]
    found = run.predict(new, score=0.3)
    print(f"{len(found['ids'])} objects found; the first:")
    for name, label, score in list(zip(found["ids"], found["label"], found["score"], strict=True))[
        :5
    ]:
        print(f"  {name}: {label}, {score:.2f}")
    if arguments.out:
        run.task.write(found, arguments.out)

assert result["test_map50"] > 0.5, "it has not learned"

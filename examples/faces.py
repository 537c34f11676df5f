"""Knows people by one photo each, whom the network has never seen.

    python examples/faces.py               seconds, on drawn faces
    python examples/faces.py people/       your own, people/ada/1.jpg; or .npz with "person"

A quarter of the people are strangers: the network learns from the others. Of each stranger the
first photo is enrolled, and the others are named. Below the threshold that the run chose by itself
a photo is "unknown".
"""
# slow: 20 seconds

import argparse
import tempfile
from pathlib import Path

import numpy as np

from retroprop import tasks
from retroprop.tasks import faces

parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
parser.add_argument("people", nargs="?", help="a folder person/photo.jpg, or a .npz file")
parser.add_argument("--epochs", type=int, default=30)
options = parser.parse_args()


def drawn(people=24, shots=8, height=32, width=28):
    """Ovals with eyes and a mouth: sizes and colours for each person, light for each photo."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    photos = []
    for _ in range(people):
        tall, wide, apart, level = rng.uniform((0.65, 0.5, 0.18, 0.0), (0.95, 0.85, 0.4, 0.35))
        mouth, skin, fringe = rng.uniform((0.3, 100, 0.2), (0.6, 230, 0.6))
        for _ in range(shots):
            down, right = y + rng.normal(0, 0.03), x + rng.normal(0, 0.03)
            face = (down / tall) ** 2 + (right / wide) ** 2 < 1
            photo = np.where(face, np.where(down < -fringe, 30.0, skin), 60.0)
            eyes = (down + level) ** 2 + (abs(right) - apart) ** 2 < 0.012
            photo[eyes | ((abs(down - mouth) < 0.05) & (abs(right) < apart))] = 20
            photos.append(photo * rng.uniform(0.8, 1.1) + rng.normal(0, 5, photo.shape))
    return np.clip(photos, 0, 255).astype(np.uint8), np.arange(people).repeat(shots)


known = faces.read_photos(options.people or drawn(), longest=64)
people = np.random.default_rng(0).permutation(known.people)
is_stranger = np.isin(known.y, people[: len(people) // 4])
learned, strangers = (known.of(np.flatnonzero(w)) for w in (~is_stranger, is_stranger))

with tempfile.TemporaryDirectory() as folder:
    chosen = {"epochs": options.epochs}
    result = tasks.train(
        (learned.x, learned.y), chosen, task="faces", folder=Path(folder, "run"), progress=False
    )
    run = tasks.Run(result["run"]).load_weights()

    is_first = np.isin(np.arange(len(strangers)), np.unique(strangers.y, return_index=True)[1])
    enrolled, asked = (strangers.of(np.flatnonzero(w)) for w in (is_first, ~is_first))
    names = [strangers.names[number] for number in enrolled.y]
    faces.enrol(run, {"images": enrolled.x, "person": names})
    answer = faces.identify(run, asked.x)

truth = [strangers.names[number] for number in asked.y]
rows = list(zip(truth, answer["nearest"], answer["person"], strict=True))
right = np.mean([nearest == name for name, nearest, _ in rows])
refused = np.mean([person == "unknown" for _, _, person in rows])
print(f"{len(names)} strangers, one photo each: {right:.1%} of {len(rows)} others named rightly")
print(f"{refused:.1%} of them are less similar than {answer['threshold']:.3f}: unknown")
assert right > 0.7, "it has not learned"

"""Synthetic faces: ovals with eyes, brows and a mouth, a few numbers for each person."""

from __future__ import annotations

import numpy as np
from PIL import Image


def draw(people=8, shots=6, size=(24, 20), seed=0):
    """uint8 photos (people * shots, height, width) and who is on each."""
    rng = np.random.default_rng(seed)
    height, width = size
    down, right = np.mgrid[:height, :width].astype(float)
    photos, who = [], []
    for person in range(people):
        skin, hair = rng.uniform(110, 230), rng.uniform(10, 100)
        wide, tall = rng.uniform(0.28, 0.42), rng.uniform(0.34, 0.46)
        apart, level = rng.uniform(0.1, 0.2), rng.uniform(0.36, 0.48)
        mouth, fringe = rng.uniform(0.62, 0.76), rng.uniform(0.16, 0.34)
        for _ in range(shots):
            y0, x0 = height * 0.5 + rng.normal(0, 0.5), width * 0.5 + rng.normal(0, 0.5)
            y, x = (down - y0) / height, (right - x0) / width
            image = np.full(size, 40.0)
            face = (y / tall) ** 2 + (x / wide) ** 2 < 1
            image[face] = skin
            image[face & (y < fringe - 0.5)] = hair
            for side in (-1, 1):
                image[(y - level + 0.5) ** 2 + (x - side * apart) ** 2 < 0.003] = 20
            image[(abs(y - mouth + 0.5) < 0.03) & (abs(x) < apart)] = 60
            light = rng.uniform(0.8, 1.15)
            photos.append(np.clip(image * light + rng.normal(0, 4, size), 0, 255))
            who.append(person)
    return np.array(photos).astype(np.uint8), np.array(who)


def save(folder, photos, who, names=None):
    """The photos as folder/person/photo.png."""
    for index, (photo, person) in enumerate(zip(photos, who, strict=True)):
        place = folder / (names[person] if names else f"p{person}")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(place / f"{index}.png")

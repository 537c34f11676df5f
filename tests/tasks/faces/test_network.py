"""The network and its losses, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.tasks.faces.network import Block, Embedder, FaceLoss
from tests.tasks.faces.drawn import draw

PHOTOS = draw(3, 2, (10, 9))[0][..., None]


def network(**options):
    rp.manual_seed(0)
    return Embedder((10, 9, 1), [4, 8], 12, **options)


def test_embeddings_have_length_one_and_ignore_light():
    net = network().eval()
    found = net(rp.asarray(PHOTOS)).numpy()
    assert found.shape == (6, 12)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    darker = net(rp.asarray((PHOTOS // 2).astype(np.uint8))).numpy()
    assert (found * darker).sum(axis=1).min() > 0.98


def test_a_photo_and_its_mirror_image_have_one_embedding():
    mirrored = rp.asarray(np.ascontiguousarray(PHOTOS[:, :, ::-1]))
    net = network().eval()
    assert net(mirrored).numpy() == pytest.approx(net(rp.asarray(PHOTOS)).numpy(), abs=1e-5)
    plain = network(mirror=False).eval()
    assert abs(plain(mirrored).numpy() - plain(rp.asarray(PHOTOS)).numpy()).max() > 1e-3


def test_in_training_come_cosines_or_pairs():
    found, cosine = network(people=5)(rp.asarray(PHOTOS))
    assert (found.shape, cosine.shape) == ((6, 12), (6, 5))
    pairs = network()(rp.asarray(PHOTOS.reshape(3, 2, 10, 9, 1)))
    assert pairs.shape == (3, 2, 12)


def test_a_block_halves_what_it_sees():
    assert Block(1, 4, 2)(rp.zeros((2, 1, 7, 5))).shape == (2, 4, 4, 3)


def points(count, seed=0):
    values = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_triplets_take_the_hardest_of_the_batch():
    flat, who = points(8), np.array([0, 1, 0, 2]).repeat(2)
    cosine, expected = flat @ flat.T, []
    for i in range(8):
        own = min(cosine[i, j] for j in range(8) if who[j] == who[i] and j != i)
        other = max(cosine[i, j] for j in range(8) if who[j] != who[i])
        expected.append(max(0.0, 0.3 + other - own))
    pairs, target = rp.asarray(flat.reshape(4, 2, 4)), rp.asarray([0, 1, 0, 2])
    loss = FaceLoss(0.3, 1.0)
    assert loss(pairs, target).item() == pytest.approx(np.mean(expected), rel=1e-4)
    each = loss(pairs, target, reduction="none").numpy()
    assert each == pytest.approx(np.reshape(expected, (4, 2)).mean(axis=1), rel=1e-4)


def test_unseen_people_are_scored_by_their_neighbours():
    flat, who = points(7, 1), np.array([0, 0, 0, 1, 1, 2, 2])
    share = np.exp(flat @ flat.T / 0.1)
    np.fill_diagonal(share, 0)
    own = (share * (who[:, None] == who)).sum(axis=1)
    expected = -np.log(own / share.sum(axis=1)).mean()
    found = FaceLoss(0.3, 1.0)(rp.asarray(flat), rp.asarray(who)).item()
    assert found == pytest.approx(expected, rel=1e-3)


def test_arcface_has_a_margin():
    found, target = rp.asarray(points(3)), rp.asarray([0, 1, 1])
    cosine = rp.asarray(np.array([[0.9, 0.1], [0.2, 0.8], [0.0, 0.7]], np.float32))
    without, with_margin = (FaceLoss(m, 8.0)((found, cosine), target).item() for m in (0.0, 0.4))
    logits = 8 * cosine.numpy()
    right = logits[[0, 1, 2], [0, 1, 1]]
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - right)
    assert without == pytest.approx(expected, rel=1e-4)
    assert with_margin > without

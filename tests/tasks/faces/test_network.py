"""The network and its losses, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.tasks.faces.network import Block, Embedder, FaceLoss
from retroprop.tasks.faces.spread import Evening
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
    assert (found.shape, cosine.shape) == ((6, 12), (6, 1, 5))
    pairs = network()(rp.asarray(PHOTOS.reshape(3, 2, 10, 9, 1)))
    assert pairs.shape == (3, 2, 1, 12)


def test_a_block_halves_what_it_sees():
    assert Block(1, 4, 2)(rp.zeros((2, 1, 7, 5))).shape == (2, 4, 4, 3)


def points(count, seed=0):
    values = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_triplets_take_the_hardest_of_the_batch():
    who = np.array([0, 1, 0, 2]).repeat(2)
    members, expected = [points(8), points(8, 1)], []
    for flat in members:
        cosine = flat @ flat.T
        for i in range(8):
            own = min(cosine[i, j] for j in range(8) if who[j] == who[i] and j != i)
            other = max(cosine[i, j] for j in range(8) if who[j] != who[i])
            expected.append(max(0.0, 0.3 + other - own))
    pairs = rp.asarray(np.stack(members, axis=1).reshape(4, 2, 2, 4))
    target = rp.asarray([0, 1, 0, 2])
    loss = FaceLoss(0.3, 1.0)
    assert loss(pairs, target).item() == pytest.approx(np.mean(expected), rel=1e-4)
    each = loss(pairs, target, reduction="none").numpy()
    assert each == pytest.approx(np.reshape(expected, (2, 4, 2)).mean(axis=(0, 2)), rel=1e-4)


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
    cosine = np.array([[0.9, 0.1], [0.2, 0.8], [0.0, 0.7]], np.float32)[:, None]
    cosine = np.concatenate([cosine, cosine[::-1]], axis=1)
    prediction = (found, rp.asarray(cosine))
    without, with_margin = (FaceLoss(m, 8.0)(prediction, target).item() for m in (0.0, 0.4))
    logits = 8 * cosine
    right = logits[[0, 1, 2], :, [0, 1, 1]]
    expected = np.mean(np.log(np.exp(logits).sum(axis=2)) - right)
    assert without == pytest.approx(expected, rel=1e-4)
    assert with_margin > without
    each = FaceLoss(0.4, 8.0)(prediction, target, reduction="none").numpy()
    assert each.shape == (3,)
    assert each.mean() == pytest.approx(with_margin, rel=1e-5)


def test_the_cosine_is_the_mean_of_the_members():
    net = network(members=3, mirror=False).eval()
    joined = net(rp.asarray(PHOTOS)).numpy()
    each = net(rp.asarray(PHOTOS[:, None])).numpy()[:, 0]
    assert each.shape == (6, 3, 12)
    assert abs(each[:, 0] - each[:, 1]).max() > 0.01
    expected = np.einsum("ikf,jkf->ij", each, each) / 3
    assert joined @ joined.T == pytest.approx(expected, abs=1e-5)


def test_members_learn_by_themselves():
    net = network(people=2, members=2)
    target = rp.asarray([0, 0, 0, 1, 1, 1])
    _, cosine = net(rp.asarray(PHOTOS))
    FaceLoss(0.2, 8.0)((None, cosine[:, :1]), target).backward()
    first, second = ([p.grad for p in member.parameters()] for member in net.members)
    assert all(grad is not None for grad in first)
    assert all(grad is None or not abs(grad.numpy()).any() for grad in second)


def test_evening_changes_what_comes_out_and_not_what_is_learned():
    net, plain = (network(members=2, mirror=False).eval() for _ in range(2))
    photos, alone = rp.asarray(PHOTOS), rp.asarray(PHOTOS[:, None])
    before = net(alone).numpy()
    rng = np.random.default_rng(0)
    changes = [Evening(rng.normal(size=12), rng.normal(size=(12, 12))) for _ in range(2)]
    net.even(changes)
    expected = np.stack([(before[:, 0, k] - changes[k].middle) @ changes[k].matrix for k in (0, 1)])
    expected /= np.linalg.norm(expected, axis=2, keepdims=True)
    expected = np.concatenate(list(expected), axis=1) / 2**0.5
    assert net(photos).numpy() == pytest.approx(expected, abs=1e-4)
    assert (net(alone).numpy() == before).all()
    plain.load_state_dict(net.state_dict())
    assert plain(photos).numpy() == pytest.approx(expected, abs=1e-4)
    double = network(members=2, mirror=False).double().eval()
    double.even(changes)
    assert double(photos).dtype == rp.float64
    assert double(photos).numpy() == pytest.approx(expected, abs=1e-4)


def test_several_photos_come_as_they_are_learned():
    net = network().eval()
    sides = np.stack([PHOTOS, PHOTOS[:, :, ::-1]], axis=1)
    found = net(rp.asarray(sides)).numpy()
    assert found.shape == (6, 2, 1, 12)
    middle = found[:, :, 0].sum(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    assert net(rp.asarray(PHOTOS)).numpy() == pytest.approx(middle, abs=1e-5)

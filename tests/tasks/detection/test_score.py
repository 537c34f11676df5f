"""Average precision: worked examples, and what pycocotools gives."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from retroprop.tasks.detection.score import Found, Truth, balanced, match, score


def boxes(*rows):
    return np.array(rows, np.float64).reshape(-1, 4)


def test_a_worked_example():
    truth = [Truth(boxes([0, 0, 10, 10], [20, 20, 30, 30]), np.array([0, 0]))]
    found = [
        Found(
            boxes([0, 0, 10, 10], [50, 50, 60, 60], [20, 20, 30, 30]),
            np.array([0.9, 0.8, 0.7]),
            np.array([0, 0, 0]),
        )
    ]
    made = score(found, truth, 1)
    # precision 1 up to recall 0.5 (51 of 101 steps), 2/3 from there on
    assert made.map50 == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert made.recall[0, 0] == 1
    recall, precision, scores = made.curves[0]
    assert recall.tolist() == [0.5, 0.5, 1.0]
    assert precision == pytest.approx([1, 0.5, 2 / 3])
    assert scores.tolist() == [0.9, 0.8, 0.7]


def test_the_balanced_score_leaves_wrong_boxes_out():
    truth = [Truth(boxes([0, 0, 10, 10], [20, 20, 30, 30]), np.array([0, 1]))]
    places = boxes([0, 0, 10, 10], [50, 50, 60, 60], [20, 20, 30, 30], [60, 60, 70, 70])
    found = [Found(places, np.array([0.9, 0.5, 0.7, 0.3]), np.array([0, 0, 1, 1]))]
    assert 0.5 < balanced(score(found, truth, 2)) <= 0.7
    first = [Found(places[:3], np.array([0.9, 0.5, 0.2]), np.array([0, 0, 1]))]
    assert 0 < balanced(score(first, truth, 2)) <= 0.2  # a class more is worth a wrong box


def test_a_second_box_on_the_same_object_is_wrong():
    right = match(boxes([0, 0, 10, 10], [0, 0, 10, 9]), boxes([0, 0, 10, 10]))
    assert right[0].tolist() == [True, False]


def test_stricter_overlaps_count_less():
    truth = [Truth(boxes([0, 0, 10, 10]), np.array([0]))]
    found = [Found(boxes([0, 0, 10, 7.2]), np.array([0.5]), np.array([0]))]
    made = score(found, truth, 1)
    assert made.ap[:, 0].tolist() == [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert made.map == pytest.approx(0.5)


def test_classes_that_nowhere_are_do_not_count():
    truth = [Truth(boxes([0, 0, 10, 10]), np.array([1]))]
    found = [Found(boxes([0, 0, 10, 10]), np.array([0.5]), np.array([1]))]
    made = score(found, truth, 3)
    assert made.map == 1.0
    assert made.counts.tolist() == [0, 1, 0]
    assert np.isnan(made.ap[0, 0])


def test_nothing_found_is_zero():
    truth = [Truth(boxes([0, 0, 10, 10]), np.array([0]))]
    made = score([Found(boxes(), np.zeros(0), np.zeros(0, int))], truth, 1)
    assert made.map == 0
    assert made.recall[0, 0] == 0


def random_case(seed):
    """Images with up to eight boxes of three classes; half-right findings of them, and others."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(12):
        count = int(rng.integers(0, 9))
        corner, side = rng.uniform(0, 200, (count, 2)), rng.uniform(5, 120, (count, 2))
        real = np.concatenate([corner, corner + side], axis=1)
        labels = rng.integers(0, 3, count)
        truth.append(Truth(real, labels))
        near = np.repeat(real, 3, axis=0) + rng.normal(0, 6, (count * 3, 4))
        other = rng.uniform(0, 100, (5, 4))
        other[:, 2:] += other[:, :2]
        every = np.concatenate([near, other])
        keep = (every[:, 2] > every[:, 0]) & (every[:, 3] > every[:, 1])
        names = np.concatenate([np.repeat(labels, 3), rng.integers(0, 3, 5)])
        found.append(Found(every[keep], rng.random(len(every))[keep], names[keep]))
    return found, truth


@pytest.mark.parametrize("seed", range(3))
def test_it_is_what_pycocotools_gives(seed):
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    found, truth = random_case(seed)

    def sides(box):
        return [box[0], box[1], box[2] - box[0], box[3] - box[1]]

    with contextlib.redirect_stdout(io.StringIO()):
        real = coco.COCO()
        real.dataset = {
            "images": [{"id": k + 1} for k in range(len(truth))],
            "categories": [{"id": k} for k in range(3)],
            "annotations": [
                {"image_id": k + 1, "category_id": int(label), "bbox": sides(box), "iscrowd": 0,
                 "area": (box[2] - box[0]) * (box[3] - box[1])}
                for k, one in enumerate(truth)
                for box, label in zip(one.boxes.tolist(), one.labels, strict=True)
            ],
        }  # fmt: skip
        for number, item in enumerate(real.dataset["annotations"], start=1):
            item["id"] = number
        real.createIndex()
        ours = real.loadRes([
            {"image_id": k + 1, "category_id": int(label), "bbox": sides(box), "score": value}
            for k, one in enumerate(found)
            for box, value, label in zip(one.boxes.tolist(), one.scores.tolist(), one.labels,
                                         strict=True)
        ])  # fmt: skip
        judge = evaluation.COCOeval(real, ours, "bbox")
        judge.evaluate()
        judge.accumulate()
    made = score(found, truth, 3)
    precision = judge.eval["precision"][:, :, :, 0, 2]  # levels, steps of recall, classes
    assert made.ap == pytest.approx(precision.mean(axis=1), abs=1e-9)
    assert made.recall == pytest.approx(judge.eval["recall"][:, :, 0, 2], abs=1e-9)
    assert 0.2 < made.map50 < 0.95

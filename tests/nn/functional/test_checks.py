"""What losses ask of their arguments: every message names both sides and the way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from retroprop.nn import functional as F
from retroprop.nn.functional._checks import described, is_known

ELEMENTWISE = [
    F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.log_cosh_loss, F.quantile_loss,
    F.poisson_nll_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits, F.kl_div,
    F.hinge_loss, F.soft_margin_loss, F.hinge_embedding_loss, F.multilabel_soft_margin_loss,
    F.sigmoid_focal_loss,
]  # fmt: skip


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_a_column_against_a_row_is_an_error(function: Any) -> None:
    with pytest.raises(ShapeError) as caught:
        function(rp.full((8, 1), 0.5), rp.ones(8))
    text = str(caught.value)
    assert "(batch 8, features 1)" in text
    assert "(batch 8) differ in shape" in text
    assert "rp.squeeze(input" in text
    assert "rp.expand_dims(target, axis=-1)" in text.replace("targets", "target")


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_no_shape_is_stretched(function: Any) -> None:
    for shape in [(1,), (1, 3), (2, 1), (3,), ()]:
        with pytest.raises(ShapeError, match="differ in shape"):
            function(rp.full((2, 3), 0.5), rp.ones(shape))


def test_the_way_out_depends_on_what_is_wrong() -> None:
    with pytest.raises(ShapeError, match=r"rp.squeeze\(target, axis=-1\)"):
        F.mse_loss(rp.ones(4), rp.ones((4, 1)))
    with pytest.raises(ShapeError, match=r"rp.squeeze\(input, axis=0\)"):
        F.mse_loss(rp.ones((1, 4)), rp.ones(4))
    with pytest.raises(ShapeError, match=r"target.reshape\(\(2, 3\)\)"):
        F.mse_loss(rp.ones((2, 3)), rp.ones((3, 2)))
    with pytest.raises(ShapeError, match="they must be equal"):
        F.mse_loss(rp.ones((2, 3)), rp.ones((2, 4)))


def test_shapes_read_with_names() -> None:
    assert described((8, 3, 32, 32)) == "(batch 8, channels 3, height 32, width 32)"
    assert described((8, 10), classes=True) == "(batch 8, classes 10)"
    assert described((10,), classes=True) == "(classes 10)"
    assert described((1,) * 6) == "(1, 1, 1, 1, 1, 1)"


@pytest.mark.parametrize("function", [F.mse_loss, F.cross_entropy, F.nll_loss, F.hinge_loss])
def test_predictions_must_be_floating(function: Any) -> None:
    with pytest.raises(DTypeError, match="input must be floating numbers, it is int64"):
        function(rp.asarray([1, 2]), rp.asarray([1, 1]))


LABELLED = [F.cross_entropy, F.nll_loss, F.multi_margin_loss, F.softmax_focal_loss, F.arcface_loss]
SCORES = np.array([[0.1, -0.5, 0.3], [0.5, 0.25, -0.75], [-0.1, -0.2, -0.3]])


@pytest.mark.parametrize("function", LABELLED)
def test_a_label_out_of_range_names_value_row_and_classes(function: Any) -> None:
    with pytest.raises(IndexRangeError) as caught:
        function(rp.asarray(SCORES), rp.asarray([0, 3, 1]))
    text = str(caught.value)
    assert "class index 3 in row 1 of target is outside 0..2: the input has 3 classes" in text
    assert "widen the last layer to 4 outputs" in text
    with pytest.raises(IndexRangeError, match="class index -1 in row 2"):
        function(rp.asarray(SCORES), rp.asarray([0, 1, -1]))


def test_labels_from_one_are_recognised() -> None:
    with pytest.raises(IndexRangeError, match="count from 1: use target - 1"):
        F.cross_entropy(rp.asarray(SCORES), rp.asarray([1, 3, 2]))


def test_a_label_out_of_range_in_an_image() -> None:
    labels = np.zeros((2, 4, 4), np.int64)
    labels[1, 2, 3] = 9
    with pytest.raises(IndexRangeError, match=r"class index 9 in position \(1, 2, 3\)"):
        F.cross_entropy(rp.zeros((2, 3, 4, 4)), labels)


@pytest.mark.parametrize("function", LABELLED)
def test_floating_labels(function: Any) -> None:
    with pytest.raises(DTypeError, match=r"class indices must be integers, target is float32 \(3"):
        function(rp.asarray(SCORES), rp.asarray([0.0, 1.0, 2.0]))


@pytest.mark.parametrize("function", LABELLED)
def test_labels_of_another_shape(function: Any) -> None:
    with pytest.raises(
        ShapeError, match=r"(?s)\(batch 3, classes 3\) needs .* \(batch 3\).*reshape"
    ):
        function(rp.asarray(SCORES), rp.asarray([[0], [1], [2]]))
    with pytest.raises(ShapeError, match="one class index for each row"):
        function(rp.asarray(SCORES), rp.asarray([0, 1]))


def test_one_hot_integers_are_recognised() -> None:
    with pytest.raises(ShapeError, match=r"one-hot target: take rp.argmax\(target, axis=1\)"):
        F.cross_entropy(rp.asarray(SCORES), np.eye(3, dtype=np.int64))


@pytest.mark.parametrize("function", [F.cross_entropy, F.softmax_focal_loss])
def test_probabilities_for_logits_are_caught(function: Any) -> None:
    p = F.softmax(rp.asarray(SCORES), dim=1)
    with pytest.raises(ArgumentError) as caught:
        function(p, rp.asarray([0, 1, 2]))
    text = str(caught.value)
    assert "holds probabilities" in text
    assert "F.nll_loss(rp.log(p), target)" in text
    assert "remove the softmax" in text


def test_probabilities_of_pixels_are_caught() -> None:
    p = F.softmax(rp.asarray(np.random.default_rng(0).normal(size=(2, 5, 3, 3))), dim=1)
    with pytest.raises(ArgumentError, match="holds probabilities"):
        F.cross_entropy(p, rp.zeros((2, 3, 3), dtype=rp.int64))


def test_what_is_no_batch_of_probabilities_passes() -> None:
    labels = rp.asarray([0, 1, 2])
    p = F.softmax(rp.asarray(SCORES), dim=1)
    F.cross_entropy(p, labels, check_logits=False)
    F.cross_entropy(p[:1], labels[:1])  # one row may be logits by chance
    F.cross_entropy(rp.zeros((3, 3)), labels)  # an untrained model
    F.cross_entropy(rp.ones((3, 1)), rp.zeros(3, dtype=rp.int64))
    almost = p.numpy().copy()
    almost[2] += [0.01, 0.0, 0.0]
    F.cross_entropy(rp.asarray(almost), labels)


@pytest.mark.parametrize("function", [F.binary_cross_entropy, F.dice_loss])
def test_numbers_outside_zero_to_one(function: Any) -> None:
    good, bad = rp.asarray([[0.5, 1.0]]), rp.asarray([[0.5, 1.5]])
    with pytest.raises(ArgumentError, match=r"input must be in \[0, 1\], it has 1.5 at \(0, 1\)"):
        function(bad, good)
    with pytest.raises(ArgumentError, match=r"target must be in \[0, 1\], it has 1.5"):
        function(good, bad)
    with pytest.raises(ArgumentError, match=r"it has -0\.5"):
        function(rp.asarray([[0.5, -0.5]]), good)


def test_raw_scores_given_to_the_loss_of_probabilities() -> None:
    with pytest.raises(ArgumentError, match="binary_cross_entropy_with_logits"):
        F.binary_cross_entropy(rp.asarray([3.0]), rp.asarray([1.0]))


def test_signs_given_to_the_loss_of_two_classes() -> None:
    with pytest.raises(ArgumentError, match=r"\(target \+ 1\) / 2"):
        F.binary_cross_entropy_with_logits(rp.asarray([3.0]), rp.asarray([-1.0]))


@pytest.mark.parametrize("function", [F.hinge_loss, F.soft_margin_loss, F.hinge_embedding_loss])
def test_classes_given_to_a_loss_of_signs(function: Any) -> None:
    with pytest.raises(ArgumentError, match=r"1 or -1, it has 0\n(?s:.*)2 \* target - 1"):
        function(rp.asarray([3.0, 1.0]), rp.asarray([0, 1]))


def test_a_nan_is_left_to_spread() -> None:
    x = rp.asarray([0.5, float("nan")])
    assert np.isnan(F.binary_cross_entropy(x, rp.ones(2)).item())


def test_values_are_known_in_eager_execution() -> None:
    assert is_known(rp.ones(2), rp.zeros(()))


class Unknown:
    """Stands for a value of a program that is being recorded: it has a type and no numbers."""

    shape, dtype, ndim, size = (2, 3), np.dtype(np.float32), 2, 6


def test_values_are_not_asked_for_where_there_are_none() -> None:
    assert not is_known(rp.ones(2), Unknown())  # type: ignore[arg-type]

"""What may be handed to a Trainer."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.data import Dataset
from retroprop.errors import ArgumentError, ShapeError
from retroprop.train.inputs import dataset, pair, with_targets


def test_lists_of_numbers_are_one_array_and_lists_of_arrays_several():
    data = dataset([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0, 1, 0])
    assert (data.x.shape, data.x.dtype, data.y.tolist()) == ((3, 2), np.float32, [0, 1, 0])
    two = dataset([np.zeros((4, 1)), np.zeros((4, 2))], np.zeros(4))
    assert len(two) == 4
    assert len(two.x) == 2


def test_weights_of_classes_and_samples_multiply():
    data = dataset(np.zeros((3, 1)), np.array([0, 1, 1]), [1.0, 2.0, 0.0], {0: 5.0, 1: 3.0})
    assert data.weights.tolist() == [5.0, 6.0, 0.0]
    kept = dataset(Dataset(np.zeros((2, 1)), np.array([0, 1]), [1.0, 4.0]))
    assert kept.weights.tolist() == [1.0, 4.0]


def test_mistakes_are_explained():
    with pytest.raises(ArgumentError, match="class 1"):
        dataset(np.zeros((2, 1)), np.array([0, 1]), class_weight=[1.0])
    with pytest.raises(ArgumentError, match="brings its own"):
        dataset(Dataset(np.zeros(2)), np.zeros(2))
    with pytest.raises(ShapeError, match="no examples"):
        dataset(np.zeros((0, 2)), np.zeros(0))
    with pytest.raises(ArgumentError, match="needs targets"):
        with_targets(dataset(np.zeros((2, 2))), "fit")
    with pytest.raises(ArgumentError, match="validation_data"):
        pair(np.zeros((2, 2)))
    assert len(pair((np.zeros((2, 2)), np.zeros(2), [1.0, 1.0]))) == 2

"""Data: reading it, splitting it, making it network inputs, cutting it into batches.

Everything here works on plain NumPy arrays and knows nothing of tensors or networks.

    load("houses.csv", target="price")     -> Data: raw parts, task, classes, notes
    data.preprocessor().fit(x, y)          -> learned on the training part, stored with the model
    batches(Dataset(x, y), 64, shuffled(n, seed, epoch))
    read_inputs("new.csv", preprocessor)   -> Inputs for a trained model
"""

from __future__ import annotations

from retroprop.data.arrays import arrays_data
from retroprop.data.augment import (
    AUGMENTATIONS,
    Compose,
    Crop,
    CutMix,
    Erase,
    Flip,
    Jitter,
    MixUp,
    Pad,
    Rotate,
    augmentation,
)
from retroprop.data.csv import parse_csv, read_csv
from retroprop.data.data import Data, Inputs
from retroprop.data.dataset import Batch, Dataset, batches, length, take
from retroprop.data.load import load, read_inputs
from retroprop.data.npz import read_npz
from retroprop.data.order import generator, shuffled
from retroprop.data.preprocess import Preprocessor, TablePreprocessor
from retroprop.data.schema import Column, Schema
from retroprop.data.split import split, train_test_split
from retroprop.data.standardise import (
    ArrayPreprocessor,
    ImagePreprocessor,
    preprocessor_from_dict,
)
from retroprop.data.stream import Ahead, Stream
from retroprop.data.table import RawTable, Table, raw_table
from retroprop.data.target import Target

__all__ = [
    "AUGMENTATIONS",
    "Ahead",
    "ArrayPreprocessor",
    "Batch",
    "Column",
    "Compose",
    "Crop",
    "CutMix",
    "Data",
    "Dataset",
    "Erase",
    "Flip",
    "ImagePreprocessor",
    "Inputs",
    "Jitter",
    "MixUp",
    "Pad",
    "Preprocessor",
    "RawTable",
    "Rotate",
    "Schema",
    "Stream",
    "Table",
    "TablePreprocessor",
    "Target",
    "arrays_data",
    "augmentation",
    "batches",
    "generator",
    "length",
    "load",
    "parse_csv",
    "preprocessor_from_dict",
    "raw_table",
    "read_csv",
    "read_inputs",
    "read_npz",
    "shuffled",
    "split",
    "take",
    "train_test_split",
]

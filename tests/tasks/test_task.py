"""Parts of data, and what a task has to say for itself."""

from __future__ import annotations

import io

import numpy as np
import pytest

from retroprop.tasks.task import Part, Task, write_csv


def test_a_part_knows_how_many_examples_it_has():
    assert len(Part(np.zeros((3, 2)))) == 3
    assert list(Part(np.zeros((3, 2))).ids) == [0, 1, 2]
    assert len(Part(object(), ids=["a", "b"])) == 2


def test_a_task_has_to_be_complete():
    with pytest.raises(TypeError, match="abstract"):
        Task({})


def test_columns_as_csv():
    stream = io.StringIO()
    write_csv(stream, {"example": ["a,b", "c"], "prediction": [1.5, None]})
    assert stream.getvalue() == 'example,prediction\n"a,b",1.5\nc,\n'

"""The jobs backpropagation is used for, each from data to a report by one call.

    from retroprop import tasks

    result = tasks.train("houses.csv", target="price")
    answer = tasks.Run(result["run"]).predict("new.csv")

`names()` lists the tasks; which one fits is guessed from the data when none is named.
"""

from __future__ import annotations

from retroprop.tasks.registry import choose, get, names
from retroprop.tasks.run import Run, train
from retroprop.tasks.task import Part, Parts, Task

__all__ = ["Part", "Parts", "Run", "Task", "choose", "get", "names", "train"]

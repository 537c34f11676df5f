"""scikit-learn's MLPClassifier: `partial_fit` over many batches in one call.

It draws weights of its own, and gives two classes one logistic output, so its loss is not compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier
from workloads import Workload

from peers import Program


def make(workload: Workload) -> Program:
    """The training loop."""
    classes = np.arange(workload.sizes[-1])
    model = MLPClassifier(
        workload.sizes[1:-1],
        activation=workload.activation,
        solver=workload.optimizer,
        alpha=0,  # no weight decay
        batch_size=workload.batch,
        learning_rate_init=workload.lr,
        momentum=0,
        nesterovs_momentum=False,
        shuffle=False,
        random_state=0,
    )

    def step(x: Any, y: Any) -> Any:
        model.partial_fit(x, y, classes=classes)
        return model.loss_

    x, y = workload.many()
    x = x.reshape(-1, workload.sizes[0])
    return Program(step, [x], [y.reshape(-1)], workload.steps_per_call, comparable=False)

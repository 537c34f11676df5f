"""Checks: each a function from a case, a training that is about to begin, to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from retroprop.health.checks.case import Case, make_case
from retroprop.health.checks.chance import initial_loss
from retroprop.health.checks.cost import Cost, estimate, too_much_memory
from retroprop.health.checks.doubled import sigmoid_before_logits, softmax_before_cross_entropy
from retroprop.health.checks.inputs import constant_columns, not_finite_inputs, unscaled_inputs
from retroprop.health.checks.labels import class_imbalance, wrong_labels
from retroprop.health.checks.leak import leaked_target
from retroprop.health.checks.look import Look
from retroprop.health.checks.modes import batch_of_one, left_in_eval
from retroprop.health.checks.overfit import overfit_one_batch
from retroprop.health.checks.parameters import frozen_at_random, no_gradient, not_optimized
from retroprop.health.checks.rows import duplicated_rows
from retroprop.health.checks.scale import initial_scale
from retroprop.health.checks.shapes import failing_pass, loss_broadcast
from retroprop.health.checks.symmetry import symmetric_start
from retroprop.health.checks.zero_grad import adds_up, leftover_gradient
from retroprop.health.finding import Finding

__all__ = [
    "CHECKS",
    "Case",
    "Check",
    "Cost",
    "Look",
    "adds_up",
    "estimate",
    "make_case",
    "run_checks",
]

Check = Callable[[Case], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        failing_pass,
        not_finite_inputs,
        wrong_labels,
        loss_broadcast,
        softmax_before_cross_entropy,
        sigmoid_before_logits,
        batch_of_one,
        left_in_eval,
        leftover_gradient,
        no_gradient,
        not_optimized,
        frozen_at_random,
        symmetric_start,
        initial_scale,
        initial_loss,
        unscaled_inputs,
        constant_columns,
        leaked_target,
        class_imbalance,
        duplicated_rows,
        overfit_one_batch,
        too_much_memory,
    )
}


def run_checks(case: Case, *, leave_out: Iterable[str] = ()) -> list[Finding]:
    """What all checks find, what weighs most first.

    Args:
        leave_out: names of checks that are not run; "overfit_one_batch" and "too_much_memory" are
                   those that take steps.

    Example:
        >>> import numpy as np
        >>> from retroprop import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))
        >>> case = make_case(model, "cross_entropy", np.eye(2), [0, 1])
        >>> run_checks(case, leave_out=["overfit_one_batch"])[0].rule
        'softmax_before_cross_entropy'
    """
    skipped = set(leave_out)
    wanted = [check for name, check in CHECKS.items() if name not in skipped]
    found = [finding for check in wanted for finding in check(case)]
    return sorted(found, key=lambda finding: -finding.weight)

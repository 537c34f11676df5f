"""AdamW: Adam with weight decay that acts on the parameter, not through the gradient."""

from __future__ import annotations

from typing import Any

from retroprop.optim.adam import Adam

__all__ = ["AdamW"]


class AdamW(Adam):
    """Adam with decoupled weight decay.

        p = (1 - lr weight_decay) p - Adam's step

    Args:
        params:       parameters, as `Optimizer` takes them; see also `decay_groups`.
        lr:           learning rate, or a function of the step.
        betas:        how much of the first and second moment is kept.
        eps:          added to the denominator, in units of the gradient.
        weight_decay: share of the parameter that a step of lr = 1 would take away.
        amsgrad:      divide by the largest second moment so far.
        maximize:     climb instead of descending.

    Example:
        >>> w = rp.tensor([1.0], requires_grad=True)
        >>> opt = AdamW([w], lr=0.5, weight_decay=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> round(w.item(), 3)
        0.25

    Source: Loshchilov, Hutter 2019, arXiv:1711.05101. Differs: the paper's decay is not
        multiplied by lr, PyTorch's and this one are.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        **unknown: Any,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
            decoupled_weight_decay=True, **unknown,
        )  # fmt: skip

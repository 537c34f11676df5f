"""What a program needs to know of its plan to run.

It is kept beside the machine code, so that a program that was compiled before starts without making
the plan again, and without loading what makes plans.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

__all__ = ["Facts", "segment_name"]


def segment_name(number: int) -> str:
    """The public name of a segment's function."""
    return f"segment{number}"


class Facts(NamedTuple):
    """What is needed to run a program that is native throughout.

    Attributes:
        peak:     bytes of the arena.
        segments: how many functions it has.
        parallel: whether threads pay.
        orders:   of slots that lie otherwise than in the order of their axes, that order.
        failing:  numbers of the nodes that report errors, in the order of their reports' numbers.
        literals: (where, bytes) at the beginning of the arena.
        kernels:  how many there are.
    """

    peak: int
    segments: int
    parallel: bool
    orders: dict[int, tuple[int, ...]]
    failing: list[int]
    literals: list[tuple[int, bytes]]
    kernels: int

    def packed(self) -> dict[str, Any]:
        """The facts as JSON can say them."""
        literals = [(at, base64.b64encode(data).decode()) for at, data in self.literals]
        orders = [(slot, list(order)) for slot, order in self.orders.items()]
        return {**self._asdict(), "literals": literals, "orders": orders}

    @staticmethod
    def unpacked(given: dict[str, Any]) -> Facts:
        """What `packed` gave.

        Example:
            >>> facts = Facts(1, 1, True, {0: (1, 0)}, [2], [(0, b"x")], 3)
            >>> Facts.unpacked(facts.packed()) == facts
            True
        """
        literals = [(at, base64.b64decode(data)) for at, data in given["literals"]]
        orders = {slot: tuple(order) for slot, order in given["orders"]}
        return Facts(**{**given, "literals": literals, "orders": orders})
